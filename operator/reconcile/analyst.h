// Asks the analysis without holding up the reconciler.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "analysis/judge.h"
#include "operator/kube/resource.h"
#include "operator/outside/desk.h"
#include "operator/reconcile/credentials.h"
#include "strategies/plan.h"

namespace weir::reconcile {

// One interval of one release to be judged.
struct Question {
  strategies::CheckRequest request;
  std::string uid;  // of the Canary
  std::int64_t generation = 0;
  analysis::JudgeSettings judge;
  std::vector<analysis::Metric> metrics;
  std::vector<CredentialsRef> credentials;
  analysis::Subject subject;

  // The same question asked again needs no second answer. Of counts in a row, which go by their index,
  // whoever asks for an earlier one than this gets this one's answer.
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

// Judges at the desk (outside/desk.h): a slow Prometheus delays checks, not reconciles. Thread-safe.
class DeskAnalyst final : public Analyst {
 public:
  using Done = std::function<void(const kube::Key&, const analysis::Judgement&)>;

  // Borrows both: `judge` is needed until the desk has been stopped, and what `read_secret` asks too. `done`
  // is called after each answer by the thread that judged. A question that the desk does not take is answered
  // at once, as inconclusive.
  DeskAnalyst(outside::Desk& desk, analysis::Judge& judge, ReadSecret read_secret, Done done);

  [[nodiscard]] bool knows(const kube::Key& release, const Question& question) const override;
  void ask(const kube::Key& release, Question question) override;
  [[nodiscard]] std::optional<strategies::Verdict> answer(const kube::Key& release) const override;
  void forget(const kube::Key& release) override;

 private:
  struct Entry {
    std::shared_ptr<const Question> question;
    std::optional<analysis::Judgement> refusal;  // the desk did not take it
  };

  outside::Desk& desk_;
  analysis::Judge& judge_;
  const ReadSecret read_secret_;
  const Done done_;
  mutable std::mutex mutex_;
  std::map<kube::Key, Entry> entries_;
};

}  // namespace weir::reconcile
