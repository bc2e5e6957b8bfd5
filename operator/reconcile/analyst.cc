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

strategies::Division to_division(analysis::Division division) {
  switch (division) {
    case analysis::Division::NotCounted:
      return strategies::Division::NotCounted;
    case analysis::Division::Agrees:
      return strategies::Division::Agrees;
    case analysis::Division::UntrustedDiffers:
      return strategies::Division::UntrustedDiffers;
    case analysis::Division::Differs:
      return strategies::Division::Differs;
  }
  return strategies::Division::NotCounted;
}

strategies::Tally to_tally(const analysis::Split& split) {
  return {.division = to_division(split.division),
          .answered = split.server_answers,
          .too_early = split.too_early,
          .message = split.message};
}

// One question a step: the check of the next interval replaces that of the last.
outside::QuestionId id_of(const Question& question) {
  return {.uid = question.uid,
          .generation = question.generation,
          .step = std::to_string(question.request.step),
          .name = "analysis"};
}

analysis::Inquiry inquiry_of(const Question& question, const ReadSecret& read_secret) {
  const auto& request = question.request;
  const auto judge = request.judges ? question.judge : analysis::JudgeSettings{};
  return {.metrics = with_credentials(question.metrics, question.credentials, read_secret),
          .subject = question.subject,
          .window = {.end = request.window_end, .length = request.window, .earliest = request.earliest},
          .judge = judge,
          .step = request.step,
          .steps = request.steps,
          .evidence = request.evidence,
          .counts_split = request.counts,
          .counts_direct = request.direct,
          .counts_only_trusted = request.only_trusted};
}

analysis::Judgement too_many(const std::string& name_space) {
  const auto message = "not judged: " + std::to_string(outside::kMostWaiting) + " checks of namespace " +
                       name_space + " wait for an answer already; see whether its metrics servers are slow";
  return {.message = message,
          .provider_available = false,
          .split = {.server_answers = false, .message = message}};
}

}  // namespace

bool Question::same_as(const Question& other) const {
  const auto& one = request;
  const auto& two = other.request;
  const bool same_index = one.judges ? one.index == two.index : one.index >= two.index;
  return generation == other.generation && one.judges == two.judges && one.direct == two.direct &&
         one.weight == two.weight && one.step == two.step && same_index &&
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
                              .too_early = judgement.too_early,
                              .evidence = judgement.evidence,
                              .warnings = judgement.warnings,
                              .tally = to_tally(judgement.split),
                              .judges = question.request.judges,
                              .direct = question.request.direct,
                              .weight = question.request.weight,
                              .earliest = question.request.earliest,
                              .window_end = question.request.window_end};
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

DeskAnalyst::DeskAnalyst(outside::Desk& desk, analysis::Judge& judge, ReadSecret read_secret, Done done)
    : desk_(desk), judge_(judge), read_secret_(std::move(read_secret)), done_(std::move(done)) {}

bool DeskAnalyst::knows(const kube::Key& release, const Question& question) const {
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(release);
  return known != entries_.end() && known->second.question->same_as(question);
}

void DeskAnalyst::ask(const kube::Key& release, Question question) {
  forget(release);
  const auto asked = std::make_shared<const Question>(std::move(question));
  {
    const std::scoped_lock lock(mutex_);
    entries_[release] = {.question = asked};
  }
  const bool taken = desk_.ask<analysis::Judgement>(
      id_of(*asked), release.name_space,
      [&judge = judge_, read = read_secret_, asked] { return judge.judge(inquiry_of(*asked, read)); },
      [done = done_, release](const analysis::Judgement& judgement) { done(release, judgement); });
  if (taken) return;
  const auto refusal = too_many(release.name_space);
  {
    const std::scoped_lock lock(mutex_);
    entries_[release] = {.question = asked, .refusal = refusal};
  }
  done_(release, refusal);
}

std::optional<strategies::Verdict> DeskAnalyst::answer(const kube::Key& release) const {
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(release);
  if (known == entries_.end()) return std::nullopt;
  const auto& [question, refusal] = known->second;
  const auto judgement = refusal ? refusal : desk_.answer<analysis::Judgement>(id_of(*question));
  return judgement ? std::optional(to_verdict(*question, *judgement)) : std::nullopt;
}

void DeskAnalyst::forget(const kube::Key& release) {
  const std::scoped_lock lock(mutex_);
  const auto known = entries_.find(release);
  if (known == entries_.end()) return;
  desk_.forget(id_of(*known->second.question));
  entries_.erase(known);
}

}  // namespace weir::reconcile
