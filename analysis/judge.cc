#include "analysis/judge.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

#include "analysis/built_in.h"
#include "analysis/comparison.h"
#include "analysis/conclude.h"
#include "analysis/providers/registry.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

// One call of Judge::judge.
class Round {
 public:
  Round(const Providers& providers, std::string_view own, const Inquiry& inquiry)
      : providers_(providers), own_(own), inquiry_(inquiry) {}

  // Against its range.
  void judge(const Metric& metric) {
    auto reading = ask(metric);
    judgement_.all_failed = judgement_.all_failed || reading.all_failed;
    for (const auto& warning : reading.warnings) warn(warning);
    auto check = std::visit([&](const auto& result) { return check_of(metric, result); }, reading.result);
    check.samples = reading.samples;
    judgement_.checks.push_back(std::move(check));
  }

  // Against stable, by what was counted since the last interval.
  void compare() {
    auto* const counter = providers_.find(own_)->second->counter();
    const auto compared =
        counter
            ? analysis::compare(*counter, inquiry_)
            : std::unexpected(ProviderError{
                  .message = "spec.analysis.judge.type is sequential, which compares counts of requests, and "
                             "provider " +
                             std::string(own_) + " has none: set it to threshold",
                  .rejected = true});
    if (compared) {
      judgement_.all_failed = judgement_.all_failed || compared->all_failed;
      judgement_.conclusive = compared->counted && compared->look.finding == Finding::Against;
      if (compared->counted) {
        judgement_.evidence = to_text(compared->trial, compared->look, inquiry_.judge);
      }
      for (const auto& warning : compared->warnings) warn(warning);
    }
    for (const auto& metric : inquiry_.metrics) {
      if (!is_compared(metric)) continue;
      judgement_.checks.push_back(compared ? comparison(metric, *compared)
                                           : check_of(metric, compared.error()));
    }
  }

  // Beside the verdict, which does not depend on it.
  void count_split() {
    auto* const counter = providers_.find(own_)->second->split_counter();
    judgement_.split =
        counter ? counter->count_split({.subject = inquiry_.subject,
                                        .window = inquiry_.window,
                                        .direct = inquiry_.counts_direct,
                                        .only_trusted = inquiry_.counts_only_trusted})
                : Split{.message = "provider " + std::string(own_) + " counts no requests by proxy"};
  }

  Judgement conclude() && { return concluded(std::move(judgement_)); }

 private:
  Reading ask(const Metric& metric) {
    if (!metric.problem.empty()) return {.result = ProviderError{.message = metric.problem}};
    const auto type = metric.provider.empty() ? own_ : std::string_view(metric.provider);
    const auto provider = providers_.find(type);
    if (provider == providers_.end()) {
      return {.result = ProviderError{
                  .message = metric.name + ": there is no provider \"" + std::string(type) + "\" of metrics",
                  .rejected = true}};
    }
    return provider->second->ask({.metric = metric,
                                  .subject = inquiry_.subject,
                                  .window = inquiry_.window,
                                  .least_samples = least_samples()});
  }

  // Of a window; the sequential judge asks for them in the step.
  [[nodiscard]] double least_samples() const {
    return inquiry_.judge.sequential ? 1 : inquiry_.judge.min_samples;
  }

  static Check check_of(const Metric& metric, const Measured& measured) {
    auto check = judge_value(metric.name, measured.wording, measured.value, metric.range);
    check.stable = measured.stable;
    if (!measured.remark.empty()) check.message += "; " + measured.remark;
    return check;
  }

  static Check check_of(const Metric& metric, const NoData& none) {
    Check check{.name = metric.name,
                .reason = none.reason,
                .range = metric.range,
                .message = none.message,
                .too_early = none.too_early};
    if (none.policy_applies) settle(check, metric.on_no_data, "onNoData");
    return check;
  }

  Check check_of(const Metric& metric, const ProviderError& error) {
    if (!error.rejected) judgement_.provider_available = false;
    Check check{.name = metric.name,
                .reason = error.rejected ? "QueryRejected" : "ProviderError",
                .range = metric.range,
                .message = error.message};
    settle(check, metric.on_provider_error, "onProviderError");
    return check;
  }

  static Check comparison(const Metric& metric, const Compared& compared) {
    auto check = compared.counted ? compared_check(metric, compared.trial, compared.look)
                                  : check_of(metric, NoData{.message = compared.no_data});
    if (metric.name == kSuccessRate && !compared.remark.empty()) check.message += "; " + compared.remark;
    return check;
  }

  void warn(const std::string& warning) {
    if (std::ranges::find(judgement_.warnings, warning) == judgement_.warnings.end()) {
      judgement_.warnings.push_back(warning);
    }
  }

  const Providers& providers_;
  const std::string_view own_;
  const Inquiry& inquiry_;
  Judgement judgement_;
};

class ProviderJudge final : public Judge {
 public:
  ProviderJudge(Providers providers, std::string own)
      : providers_(std::move(providers)), own_(std::move(own)) {}

  Judgement judge(const Inquiry& inquiry) override {
    Round round(providers_, own_, inquiry);
    for (const auto& metric : inquiry.metrics) {
      if (metric.range.given()) round.judge(metric);
    }
    if (inquiry.judge.sequential) round.compare();
    if (inquiry.counts_split) round.count_split();
    return std::move(round).conclude();
  }

 private:
  const Providers providers_;
  const std::string own_;
};

}  // namespace

std::unique_ptr<Judge> make_judge(Providers providers, std::string own) {
  return std::make_unique<ProviderJudge>(std::move(providers), std::move(own));
}

std::unique_ptr<Judge> make_prometheus_judge(std::string address, Fetch fetch) {
  return make_judge(make_providers({.address = std::move(address), .fetch = std::move(fetch)}),
                    std::string(kDefaultProvider));
}

}  // namespace weir::analysis
