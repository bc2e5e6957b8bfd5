// Asks Prometheus each question once, however many releases ask it at the same time.
#pragma once

#include <compare>
#include <cstddef>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "analysis/providers/prometheus/api.h"

namespace weir::analysis {

// How long an answer is kept, counted on the time that was asked for, not on a clock.
inline constexpr Seconds kAnswerLifetime{60};
inline constexpr std::size_t kMaxKeptAnswers = 128;
// Memory of all answers that are kept: 32 MiB. Each counts as a kMaxKeptAnswers-th of it at least.
inline constexpr std::size_t kMaxKeptBytes = std::size_t{32} << 20;

// Questions are the same if server (headers and asker too), query and whole second are. While one is being
// asked the others wait for its answer; afterwards a good answer is kept for kAnswerLifetime, an error is
// not: the next one asks again. Where there are too many, the oldest goes of the namespace that has most.
// Thread-safe.
class SharedAnswers {
 public:
  explicit SharedAnswers(Fetch fetch);

  // Never null. Blocks for as long as `fetch` does.
  [[nodiscard]] std::shared_ptr<const QueryResult> ask(const Server& server, const std::string& query,
                                                       TimePoint at, Shape shape = Shape::Values);

 private:
  struct Question {
    Seconds at;
    Server server;
    std::string query;
    friend auto operator<=>(const Question&, const Question&) = default;
  };
  using Result = std::shared_ptr<const QueryResult>;
  using Shared = std::shared_future<Result>;
  struct Kept {
    Shared answer;
    std::size_t bytes = kMaxKeptBytes / kMaxKeptAnswers;
  };

  // The answer that somebody has asked for already; else `promise` is what others will wait for.
  std::optional<Shared> join(const Question& question, std::promise<Result>& promise);
  // What was asked for has come.
  void settle(const Question& question, const QueryResult& result);
  void trim();  // with mutex_ held

  const Fetch fetch_;
  std::mutex mutex_;
  std::map<Question, Kept> answers_;  // oldest first
};

}  // namespace weir::analysis
