// How often Prometheus scrapes Istio's series: learned from the series themselves.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "analysis/providers/prometheus/shared_answers.h"

namespace weir::analysis {

// How long an answer is believed, counted on the times that are asked for.
inline constexpr Seconds kKnownIntervalLifetime{600};
inline constexpr Seconds kUnknownIntervalLifetime{30};

// One interval per server and namespace. Thread-safe.
class ScrapeIntervals {
 public:
  // `answers` must outlive this.
  explicit ScrapeIntervals(SharedAnswers& answers) : answers_(answers) {}

  // Empty while it cannot be told: no series is old enough, or the server does not answer.
  [[nodiscard]] std::optional<Seconds> of(const Server& server, const std::string& name_space, TimePoint at);

 private:
  struct Learned {
    std::optional<Seconds> interval;
    TimePoint at;
    [[nodiscard]] bool holds(TimePoint now) const;
  };

  SharedAnswers& answers_;
  std::mutex mutex_;
  std::map<std::pair<Server, std::string>, Learned> learned_;
};

}  // namespace weir::analysis
