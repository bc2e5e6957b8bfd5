#include "operator/reconcile/analyst.h"

#include <utility>

namespace weir::reconcile {
namespace {

strategies::Outcome to_outcome(analysis::Outcome outcome) {
  switch (outcome) {
    case analysis::Outcome::Pass:
      return strategies::Outcome::Pass;
    case analysis::Outcome::Fail:
      return strategies::Outcome::Fail;
    case analysis::Outcome::Inconclusive:
      return strategies::Outcome::Inconclusive;
  }
  return strategies::Outcome::Inconclusive;
}

}  // namespace

bool Question::same_as(const Question& other) const {
  const auto& one = request;
  const auto& two = other.request;
  return generation == other.generation && one.step == two.step && one.index == two.index &&
         one.step_started_at == two.step_started_at && one.template_hash == two.template_hash;
}

strategies::Verdict to_verdict(const Question& question, const analysis::Judgement& judgement) {
  strategies::Verdict verdict{.generation = question.generation,
                              .template_hash = question.request.template_hash,
                              .step = question.request.step,
                              .index = question.request.index,
                              .step_started_at = question.request.step_started_at,
                              .outcome = to_outcome(judgement.outcome),
                              .message = judgement.message,
                              .all_failed = judgement.all_failed,
                              .provider_available = judgement.provider_available,
                              .conclusive = judgement.conclusive,
                              .undecided = judgement.undecided,
                              .evidence = judgement.evidence,
                              .warnings = judgement.warnings};
  for (const auto& check : judgement.checks) {
    verdict.checks.push_back({.name = check.name,
                              .outcome = to_outcome(check.outcome),
                              .reason = check.reason,
                              .value = check.value,
                              .min = check.range.min,
                              .max = check.range.max,
                              .stable = check.stable,
                              .samples = check.samples,
                              .message = check.message,
                              .time = question.request.window_end});
  }
  return verdict;
}

ThreadedAnalyst::ThreadedAnalyst(analysis::Judge& judge, Done done) : judge_(judge), done_(std::move(done)) {}

ThreadedAnalyst::~ThreadedAnalyst() {
  for (auto& thread : threads_) thread.request_stop();
  threads_.clear();
}

bool ThreadedAnalyst::knows(const kube::Key& release, const Question& question) const {
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(release);
  return known != entries_.end() && known->second.question.same_as(question);
}

void ThreadedAnalyst::ask(const kube::Key& release, Question question) {
  const std::scoped_lock lock(mutex_);
  entries_[release] = Entry{.question = std::move(question)};
  waiting_.push_back(release);
  ready_.notify_one();
}

std::optional<strategies::Verdict> ThreadedAnalyst::answer(const kube::Key& release) const {
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(release);
  return known == entries_.end() ? std::nullopt : known->second.verdict;
}

void ThreadedAnalyst::forget(const kube::Key& release) {
  const std::scoped_lock lock(mutex_);
  entries_.erase(release);
}

void ThreadedAnalyst::start(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) {
      while (true) {
        {
          std::unique_lock lock(mutex_);
          if (!ready_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
        }
        (void)step();
      }
    });
  }
}

bool ThreadedAnalyst::step() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty()) return false;
  const auto release = waiting_.front();
  waiting_.pop_front();
  lock.unlock();
  work(release);
  return true;
}

void ThreadedAnalyst::work(const kube::Key& release) {
  Question question;
  {
    const std::scoped_lock lock(mutex_);
    const auto known = entries_.find(release);
    if (known == entries_.end() || known->second.verdict) return;
    question = known->second.question;
  }
  const auto& request = question.request;
  const auto judgement = judge_.judge(
      {.metrics = question.metrics,
       .subject = question.subject,
       .window = {.end = request.window_end, .length = request.window, .earliest = request.earliest},
       .judge = question.judge,
       .step = request.step,
       .steps = request.steps,
       .evidence = request.evidence});
  const auto verdict = to_verdict(question, judgement);
  {
    const std::scoped_lock lock(mutex_);
    const auto known = entries_.find(release);
    if (known == entries_.end() || !known->second.question.same_as(question)) return;
    known->second.verdict = verdict;
  }
  done_(release, judgement);
}

}  // namespace weir::reconcile
