#include "analysis/conclude.h"

#include <algorithm>
#include <string>

#include "analysis/built_in.h"

namespace weir::analysis {
namespace {

constexpr double kPerCent = 100;
constexpr std::string_view kEvidenceAgainst = "EvidenceAgainst";
constexpr std::string_view kGatheringEvidence = "GatheringEvidence";

}  // namespace

void settle(Check& check, Policy policy, std::string_view setting) {
  switch (policy) {
    case Policy::Hold:
      check.outcome = Outcome::Inconclusive;
      return;
    case Policy::Fail:
      check.outcome = Outcome::Fail;
      check.message += " (failed as " + std::string(setting) + " says)";
      return;
    case Policy::Pass:
      check.outcome = Outcome::Pass;
      check.message += " (passed as " + std::string(setting) + " says)";
      return;
  }
}

Check compared_check(const Metric& metric, const Trial& trial, const Look& look) {
  const auto& own = *std::ranges::find(look.metrics, metric.name, &MetricFinding::metric);
  const auto& stream = *std::ranges::find(trial.streams, metric.name, &Stream::metric);
  const auto value = [&](const Counts& counts) {
    return kPerCent * (stream.edge ? counts.rate() : 1 - counts.rate());
  };
  Check check{.name = metric.name,
              .value = value(stream.candidate),
              .stable = value(stream.stable),
              .samples = trial.step_requests,
              .message = own.message};
  switch (look.finding) {
    case Finding::Against:
      // The mean of the metrics decides; those that are above it have.
      if (own.evidence < look.evidence) {
        check.reason = kGatheringEvidence;
        break;
      }
      check.outcome = Outcome::Fail;
      check.reason = kEvidenceAgainst;
      break;
    case Finding::Certified:
      check.outcome = Outcome::Pass;
      check.reason = "NonInferior";
      break;
    case Finding::Undecided:
      check.reason = kGatheringEvidence;
      check.message += ", " + look.missing;
      break;
  }
  return check;
}

Judgement concluded(Judgement judgement) {
  const auto& checks = judgement.checks;
  judgement.outcome = Outcome::Pass;
  judgement.message = checks.empty() ? "no metric to judge" : "every metric passed";
  for (const auto outcome : {Outcome::Fail, Outcome::Inconclusive}) {
    const auto found = std::ranges::find(checks, outcome, &Check::outcome);
    if (found == checks.end()) continue;
    judgement.outcome = outcome;
    judgement.message = found->message;
    break;
  }
  if (judgement.conclusive) {
    judgement.message = std::ranges::find(checks, kEvidenceAgainst, &Check::reason)->message;
  }
  judgement.undecided =
      judgement.outcome == Outcome::Inconclusive && std::ranges::all_of(checks, [](const Check& check) {
        return check.outcome != Outcome::Inconclusive || check.too_early ||
               check.reason == kGatheringEvidence;
      });
  judgement.too_early = judgement.undecided && std::ranges::any_of(checks, &Check::too_early);
  return judgement;
}

}  // namespace weir::analysis
