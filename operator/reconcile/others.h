// Who else has to do with the pods of a release: Services that select them, and workloads that its Service
// selects besides.
#pragma once

#include <string>
#include <vector>

#include "operator/reconcile/own_services.h"

namespace weir::reconcile {

struct Others {
  std::vector<std::string> stable_only_services;  // Services of somebody's that select stable's pods alone
  std::vector<strategies::Warning> warnings;
  Obstacles obstacles;
  std::vector<std::string> not_isolated;  // sentences
};
// Nothing while the Service or one of the workloads does not exist.
[[nodiscard]] Others find_others(const Source& source, const Json& service, const FoundWorkload& stable,
                                 const FoundWorkload& candidate, const std::vector<Json>& own_services);

}  // namespace weir::reconcile
