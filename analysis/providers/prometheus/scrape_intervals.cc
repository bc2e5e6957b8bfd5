#include "analysis/providers/prometheus/scrape_intervals.h"

#include "analysis/providers/prometheus/queries.h"

namespace weir::analysis {

bool ScrapeIntervals::Learned::holds(TimePoint now) const {
  return now - at < (interval ? kKnownIntervalLifetime : kUnknownIntervalLifetime);
}

std::optional<Seconds> ScrapeIntervals::of(const Server& server, const std::string& name_space,
                                           TimePoint at) {
  const std::pair key{server, name_space};
  {
    const std::scoped_lock lock(mutex_);
    const auto found = learned_.find(key);
    if (found != learned_.end() && found->second.holds(at)) return found->second.interval;
  }
  const auto answer = answers_.ask(server, scrapes_query(name_space), at);
  const auto interval = answer->has_value() ? scrape_interval_of(**answer) : std::nullopt;
  const std::scoped_lock lock(mutex_);
  std::erase_if(learned_, [&](const auto& each) { return !each.second.holds(at); });
  learned_[key] = {interval, at};
  return interval;
}

}  // namespace weir::analysis
