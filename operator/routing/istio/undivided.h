// Destinations and mirrors that name one version and that the release does not divide: of routes that spec
// does not list, of other namespaces, with subsets of more labels than the version.
#pragma once

#include <string>
#include <vector>

#include "operator/routing/istio/names.h"

namespace weir::routing {

struct Undivided {
  // Whom its host names.
  enum class Host { Service, Traffic, StableService, CandidateService };

  const Json* object = nullptr;  // the VirtualService
  std::string place;             // spec.http[0] ("cart").mirror
  Host host = Host::Service;
  std::string subset;       // empty: only of the versions' own Services
  bool is_trusted = true;   // else it keeps nothing, and nothing waits for it
  bool is_managed = false;  // a destination of a route that the release divides, but for this one
  bool can_be_listed = false;
};

// Of all VirtualServices; in time that grows with their routes.
[[nodiscard]] std::vector<Undivided> find_undivided(const Target& target, const Objects& objects,
                                                    const SubsetNames& names);

// Says in `reading` whose pods each of them leads to. Those that a promotion moves lead to nobody's: a pinned
// subset that keeps its name gets the candidate's labels.
void add_undivided(const Target& target, const Rules& rules, const SubsetNames& names,
                   const std::vector<Undivided>& undivided, Router::Reading& reading);

}  // namespace weir::routing
