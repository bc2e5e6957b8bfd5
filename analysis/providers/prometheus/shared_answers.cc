#include "analysis/providers/prometheus/shared_answers.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {
namespace {

constexpr std::size_t kNodeBytes = 64;  // of a map, beside what it holds

// Roughly.
std::size_t bytes_of(const Vector& answer) {
  std::size_t bytes = 0;
  for (const auto& series : answer.series) {
    bytes += sizeof(series) + series.samples.size() * sizeof(Sample);
    for (const auto& [name, value] : series.labels) {
      bytes += kNodeBytes + 2 * sizeof(std::string) + name.size() + value.size();
    }
  }
  return bytes;
}

}  // namespace

SharedAnswers::SharedAnswers(Fetch fetch) : fetch_(std::move(fetch)) {}

std::shared_ptr<const QueryResult> SharedAnswers::ask(const Server& server, const std::string& query,
                                                      TimePoint at, Shape shape) {
  const Question question{std::chrono::floor<Seconds>(at).time_since_epoch(), server, query};
  std::promise<Result> promise;
  if (auto asked = join(question, promise)) return asked->get();

  auto result = std::make_shared<const QueryResult>(analysis::ask(fetch_, server, query, at, shape));
  promise.set_value(result);
  settle(question, *result);
  return result;
}

std::optional<SharedAnswers::Shared> SharedAnswers::join(const Question& question,
                                                         std::promise<Result>& promise) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = answers_.find(question); found != answers_.end()) return found->second.answer;
  answers_[question].answer = promise.get_future().share();
  trim();
  return std::nullopt;
}

void SharedAnswers::settle(const Question& question, const QueryResult& result) {
  const std::scoped_lock lock(mutex_);
  const auto kept = answers_.find(question);
  if (kept == answers_.end()) return;
  if (!result) {
    answers_.erase(kept);
    return;
  }
  kept->second.bytes = std::max(kept->second.bytes, bytes_of(*result));
  trim();
}

// An entry that is still being asked may go too: those who wait for it hold it, only sharing ends.
void SharedAnswers::trim() {
  const Seconds oldest = answers_.rbegin()->first.at - kAnswerLifetime;
  while (answers_.begin()->first.at < oldest) answers_.erase(answers_.begin());
  std::size_t all = 0;
  std::map<std::string, std::size_t> of;  // bytes by namespace
  for (const auto& [question, kept] : answers_) {
    all += kept.bytes;
    of[question.server.asker.name_space] += kept.bytes;
  }
  while (all > kMaxKeptBytes) {
    const auto most = std::ranges::max_element(of, {}, [](const auto& each) { return each.second; });
    const auto goes = std::ranges::find_if(
        answers_, [&](const auto& each) { return each.first.server.asker.name_space == most->first; });
    all -= goes->second.bytes;
    most->second -= goes->second.bytes;
    answers_.erase(goes);
  }
}

}  // namespace weir::analysis
