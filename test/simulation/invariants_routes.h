// How the checks read routes and rules: whom a destination means, what share each version can get, and
// whether what is written is still its owner's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "test/simulation/invariants_known.h"

namespace weir::simulation::checks {

// Routes of a VirtualService that have destinations: http, tcp, tls.
inline constexpr const char* kKinds[] = {"http", "tcp", "tls"};

// What the Service's selector lets through.
enum class Selects { Nothing, Stable, Candidate, Both };

// The parts of one route's traffic, in hundredths of a per cent, that can reach each version at most. A
// destination without a subset goes where the Service's selector points.
struct Share {
  std::string route;  // spec.http[0]
  int whole = 0;      // of the Service
  int stable = 0;
  int candidate = 0;
  int stable_pinned = 0;  // by subset
  int candidate_pinned = 0;
};
// Of a Share's parts, for messages.
[[nodiscard]] inline double per_cent(int part) { return part / 100.0; }

// Reads destinations during one release, by the rules as they are known.
class Reader {
 public:
  enum class Goes { Elsewhere, Stable, Candidate, BySelector, Other };

  Reader(const Known& known, const Release& release);

  [[nodiscard]] Goes goes(const Json& destination) const;
  // It names a subset of the Service that a rule defines.
  [[nodiscard]] bool has_subset(const Json& destination) const;
  // Weights of a list as Istio reads them; -1: no whole number, or below 0.
  [[nodiscard]] static std::vector<int> weights(const Json& destinations);
  // Of the managed routes to the Service.
  [[nodiscard]] std::vector<Share> shares(const Json& virtual_service, Selects selects) const;
  [[nodiscard]] bool manages(const std::string& virtual_service, const char* kind, const Json& route) const;
  [[nodiscard]] Selects selects(const Json& service) const;
  // By the Service as it is known.
  [[nodiscard]] Selects selects() const;

 private:
  const Known& known_;
  const Release& release_;
  // Value of the version label by name of the subset, of rules for the Service and for the traffic Service.
  std::map<std::string, std::string> own_, traffic_;
};

// What an object may differ in from its owner's version.
enum class Stage {
  During,    // destinations may be divided, added subsets may be there
  Promoted,  // what was pinned to stable's version is pinned to the candidate's
  Returned   // nothing
};
// A sentence that names the first difference; empty: there is none.
[[nodiscard]] std::string route_difference(const Reader& reader, const std::string& name, const Edited& owner,
                                           const Json& written, Stage stage);
[[nodiscard]] std::string rule_difference(const Release& release, const Edited& owner, const Json& written,
                                          Stage stage);

// Updates edited.owners after a person has changed an object in the middle of a release: the person's version
// without what the release had put there.
void read_owners_edit(const Known& known, const Change& change, Edited& edited);

}  // namespace weir::simulation::checks
