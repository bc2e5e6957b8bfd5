// The routes of a release, as its router reads the caches.
#pragma once

#include "operator/reconcile/source.h"

namespace weir::reconcile {

struct FoundRoutes {
  routing::Objects objects;
  routing::Router::Reading reading;  // with the ages that the caches know
  // Where nothing routes to the Service: how long the routes that the release has recorded are known to lead
  // elsewhere, or to be gone.
  strategies::Milliseconds gone = strategies::Milliseconds::max();
  Obstacles obstacles;
  std::vector<std::string> keep_stable;  // sentences: routes for which stable keeps its pods
};
// Nothing is read before both versions are known.
[[nodiscard]] FoundRoutes find_routes(const Source& source, const routing::Target& target);

}  // namespace weir::reconcile
