// Asks the analysis without holding up the reconciler.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "analysis/judge.h"
#include "operator/kube/resource.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// One interval of one release to be judged.
struct Question {
  strategies::CheckRequest request;
  std::int64_t generation = 0;
  analysis::JudgeSettings judge;
  std::vector<analysis::Metric> metrics;
  analysis::Subject subject;

  // The same question asked again needs no second answer.
  [[nodiscard]] bool same_as(const Question& other) const;
};

class Analyst {
 public:
  virtual ~Analyst() = default;
  // Whether the same question is under way or answered already.
  [[nodiscard]] virtual bool knows(const kube::Key& release, const Question& question) const = 0;
  // Starts judging; a newer question replaces an older one.
  virtual void ask(const kube::Key& release, Question question) = 0;
  // The last answer, until another question is asked.
  [[nodiscard]] virtual std::optional<strategies::Verdict> answer(const kube::Key& release) const = 0;
  virtual void forget(const kube::Key& release) = 0;
};

// What the release is told of a judgement. The time of its checks is the end of the interval that they judge.
[[nodiscard]] strategies::Verdict to_verdict(const Question& question, const analysis::Judgement& judgement);

// Judges on threads of its own: a slow Prometheus delays checks, not reconciles.
class ThreadedAnalyst final : public Analyst {
 public:
  using Done = std::function<void(const kube::Key&, const analysis::Judgement&)>;

  // Borrows `judge`; `done` is called after each answer by the thread that judged.
  ThreadedAnalyst(analysis::Judge& judge, Done done);
  // Ends the threads; a question that is being asked is waited for (the judge bounds that).
  ~ThreadedAnalyst() override;
  ThreadedAnalyst(const ThreadedAnalyst&) = delete;
  ThreadedAnalyst& operator=(const ThreadedAnalyst&) = delete;

  void start(int threads);
  // Judges one question that waits, by the caller's thread; false if none does. What a thread repeats.
  [[nodiscard]] bool step();

  [[nodiscard]] bool knows(const kube::Key& release, const Question& question) const override;
  void ask(const kube::Key& release, Question question) override;
  [[nodiscard]] std::optional<strategies::Verdict> answer(const kube::Key& release) const override;
  void forget(const kube::Key& release) override;

 private:
  struct Entry {
    Question question;
    std::optional<strategies::Verdict> verdict;
  };
  void work(const kube::Key& release);

  analysis::Judge& judge_;
  Done done_;
  mutable std::mutex mutex_;
  std::condition_variable_any ready_;
  std::map<kube::Key, Entry> entries_;
  std::deque<kube::Key> waiting_;
  std::vector<std::jthread> threads_;
};

}  // namespace weir::reconcile
