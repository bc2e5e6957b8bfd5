#include "analysis/providers/prometheus/pasts.h"

#include "analysis/providers/prometheus/queries.h"

namespace weir::analysis {

std::expected<ServiceRequests, QueryError> Pasts::of(const Server& server, const Subject& subject,
                                                     Seconds length) {
  if (!subject.began) return ServiceRequests{};
  // No Service of the release's own was there before it.
  auto earlier = subject;
  earlier.traffic_service.clear();
  const Key key{*subject.began, server, service_query(earlier, length, Named::All), subject.service};
  {
    const std::scoped_lock lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) return found->second;
  }
  auto asked = ask_service(answers_, server, earlier, length, *subject.began, Named::All);
  if (!asked || !asked->usable || asked->total() <= 0) return asked;
  const std::scoped_lock lock(mutex_);
  known_.emplace(key, *asked);
  if (known_.size() > kMostPasts) known_.erase(known_.begin());
  return asked;
}

}  // namespace weir::analysis
