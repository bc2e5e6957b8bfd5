// Exact counts from the raw samples of counters. `increase()` extrapolates to the ends of its window, so its
// numbers are not whole and overlap; here every growth counts once, in the interval in which it was scraped.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/evidence.h"
#include "analysis/provider.h"
#include "analysis/providers/prometheus/api.h"

namespace weir::analysis {

// By how much each counter of `answer`, whose series have samples, grew in a period. A counter that falls was
// reset and grew from 0. A series without a sample up to `from` grew from 0 if its source (job and instance)
// has another one there, so that it was scraped before this counter existed; else from its first sample.
// A scrape that was missed is made up for by the next one, in the period of which it falls.
class Counters {
 public:
  // Borrows `answer`.
  explicit Counters(const Vector& answer);

  // Requests of a workload by `istio_requests_total`, failures among them as requests_of (queries.h) tells.
  [[nodiscard]] Counts requests(std::string_view workload, const Period& period) const;
  // Requests of a workload by `istio_request_duration_milliseconds_bucket`; those slower than `edge`
  // (milliseconds) count as failures.
  [[nodiscard]] Counts slower(std::string_view workload, double edge, const Period& period) const;
  // Finite edges of the histogram's buckets, rising.
  [[nodiscard]] std::vector<double> edges() const;

 private:
  using Source = std::pair<std::string_view, std::string_view>;
  [[nodiscard]] static Source source_of(const Series& series);
  [[nodiscard]] double growth(const Series& series, const Period& period) const;

  const Vector& answer_;
  std::map<Source, TimePoint> sources_;  // since when each is known to be scraped
};

// The raw samples of a namespace's requests in the last `range`, of all workloads or of the named ones only.
[[nodiscard]] std::string request_samples_query(std::string_view name_space, Seconds range,
                                                const std::vector<std::string>& workloads = {});
// The same of the buckets of their durations.
[[nodiscard]] std::string duration_samples_query(std::string_view name_space, Seconds range,
                                                 const std::vector<std::string>& workloads = {});

}  // namespace weir::analysis
