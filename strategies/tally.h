// What was counted of the requests that proxies send: whether the routes are followed.
#pragma once

#include <string>

namespace weir::strategies {

enum class Division {
  NotCounted,        // nothing is known: no traffic, too little of it, or nobody who counts
  Agrees,            // with the weight
  UntrustedDiffers,  // from it by more than chance, but only at proxies that the release does not trust
  Differs            // from it by more than chance, altogether or at one proxy
};

struct Tally {
  Division division = Division::NotCounted;
  bool answered = true;    // false: who counts could not be asked, and may be asked again
  bool too_early = false;  // NotCounted, but will be once the window can be longer
  std::string message;     // a sentence: the numbers and the proxies, or why nothing was counted
  friend bool operator==(const Tally&, const Tally&) = default;
};

}  // namespace weir::strategies
