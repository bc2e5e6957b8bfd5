// What was counted of the time before releases. It does not change, and is asked for once.
#pragma once

#include <compare>
#include <cstddef>
#include <expected>
#include <map>
#include <mutex>
#include <string>

#include "analysis/providers/prometheus/hostless.h"
#include "analysis/providers/prometheus/shared_answers.h"

namespace weir::analysis {

// Of all releases; where there are more, what is kept of those that began first goes.
inline constexpr std::size_t kMostPasts = 1'000;

// Thread-safe.
class Pasts {
 public:
  // `answers` must outlive this.
  explicit Pasts(SharedAnswers& answers) : answers_(answers) {}

  // The requests to the release's Service in the `length` before it began. Neither an error nor an answer
  // that says nothing is kept: the next one asks again. Of a release that says not when it began nothing is
  // known.
  [[nodiscard]] std::expected<ServiceRequests, QueryError> of(const Server& server, const Subject& subject,
                                                              Seconds length);

 private:
  struct Key {
    TimePoint began;
    Server server;
    std::string query;
    std::string service;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  SharedAnswers& answers_;
  std::mutex mutex_;
  std::map<Key, ServiceRequests> known_;  // of the release that began first, first
};

}  // namespace weir::analysis
