#include "analysis/providers/prometheus/shared_answers.h"

#include <utility>

namespace weir::analysis {

SharedAnswers::SharedAnswers(Fetch fetch) : fetch_(std::move(fetch)) {}

std::shared_ptr<const QueryResult> SharedAnswers::ask(const Server& server, const std::string& query,
                                                      TimePoint at, Shape shape) {
  const Question question{std::chrono::floor<Seconds>(at).time_since_epoch(), server, query};
  std::promise<Result> promise;
  if (auto asked = join(question, promise)) return asked->get();

  auto result = std::make_shared<const QueryResult>(analysis::ask(fetch_, server, query, at, shape));
  promise.set_value(result);
  if (!result->has_value()) {
    const std::scoped_lock lock(mutex_);
    answers_.erase(question);
  }
  return result;
}

std::optional<SharedAnswers::Shared> SharedAnswers::join(const Question& question,
                                                         std::promise<Result>& promise) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = answers_.find(question); found != answers_.end()) return found->second;
  answers_.emplace(question, promise.get_future().share());
  trim();
  return std::nullopt;
}

// An entry that is still being asked may go too: those who wait for it hold it, only sharing ends.
void SharedAnswers::trim() {
  const Seconds oldest = answers_.rbegin()->first.at - kAnswerLifetime;
  while (answers_.size() > kMaxKeptAnswers || answers_.begin()->first.at < oldest) {
    answers_.erase(answers_.begin());
  }
}

}  // namespace weir::analysis
