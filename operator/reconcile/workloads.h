// The Service that is released on, and the workloads of its two versions, as the caches have them.
#pragma once

#include <optional>

#include "operator/reconcile/source.h"

namespace weir::reconcile {

struct FoundService {
  Json object;  // null: it does not exist
  // Empty: it does not exist. What it selects and its endpoints are for find_own_services to say.
  std::optional<strategies::ServiceState> state;
  strategies::Milliseconds gone{0};  // how long it is known that it does not exist
  Obstacles obstacles;
};
[[nodiscard]] FoundService find_service(const Source& source);

struct FoundWorkload {
  Json deployment;  // null: it does not exist
  std::optional<strategies::Workload> workload;
  Obstacles obstacles;
};
// `held`: something else keeps the release from going on. One that has not begun need not know then why pods
// are not ready, and nobody is asked.
[[nodiscard]] FoundWorkload find_candidate(const Source& source, bool held);
// The one that the release knows, or that spec.stableRef names, or the only one besides the target whose pods
// the Service selects.
[[nodiscard]] FoundWorkload find_stable(const Source& source, const Json& service, const Json& candidate,
                                        bool held);

}  // namespace weir::reconcile
