#include "analysis/judge.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "analysis/comparison.h"
#include "analysis/conclude.h"
#include "analysis/queries.h"
#include "analysis/query_template.h"
#include "analysis/scrape_intervals.h"
#include "analysis/shared_answers.h"
#include "analysis/threshold.h"
#include "analysis/window.h"

namespace weir::analysis {
namespace {

constexpr double kPerCent = 100;

Check no_data(const Metric& metric, const PlannedWindow& window, std::string reason, std::string message) {
  Check check{
      .name = metric.name, .reason = std::move(reason), .range = metric.range, .message = std::move(message)};
  if (window.too_short) {
    check.reason = "WindowTooShort";
    check.message += ": " + window.warning;
    return check;
  }
  settle(check, metric.on_no_data, "onNoData");
  return check;
}

std::string since(const PlannedWindow& window) {
  return "in the last " + std::to_string(window.length.count()) + "s";
}

// As Prometheus writes it.
std::string not_a_number(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

double success_rate(const Requests& requests) { return kPerCent * requests.succeeded / requests.total(); }

Check success_check(const Metric& metric, const Requests& candidate, const Requests& stable) {
  auto check =
      judge_value(metric.name, {.subject = metric.name, .unit = "%"}, success_rate(candidate), metric.range);
  if (stable.usable && stable.total() > 0) check.stable = success_rate(stable);
  return check;
}

// One call of Judge::judge.
class Round {
 public:
  Round(SharedAnswers& answers, ScrapeIntervals& scrapes, const std::string& address, const Inquiry& inquiry)
      : answers_(answers),
        scrapes_(scrapes),
        address_(address),
        inquiry_(inquiry),
        subject_(inquiry.subject) {}

  // Against its range.
  void judge(const Metric& metric) {
    if (!metric.problem.empty()) {
      judgement_.checks.push_back(failed_query(metric, {QueryError::Kind::Unavailable, metric.problem}));
      return;
    }
    const Server server{.address = metric.address.empty() ? address_ : metric.address,
                        .headers = metric.headers,
                        .tls = metric.tls};
    const auto window = plan(metric, server, inquiry_.window);
    judgement_.checks.push_back(metric.query.empty() ? built_in(metric, server, window)
                                                     : custom(metric, server, window));
  }

  // Against stable, by what was counted since the last interval.
  void compare() {
    const auto compared = analysis::compare(answers_, scrapes_, {.address = address_}, inquiry_);
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
                                           : failed_query(metric, compared.error()));
    }
  }

  Judgement conclude() && { return concluded(std::move(judgement_)); }

 private:
  PlannedWindow plan(const Metric& metric, const Server& server, Window asked) {
    asked.length = metric.interval.value_or(asked.length);
    std::optional<Seconds> scrape_interval;
    const bool matters = metric.query.empty() || uses_variable(metric.query, "interval");
    if (matters && asked.length < kAlwaysLongEnough) {
      scrape_interval = scrapes_.of(server, subject_.name_space, asked.end);
    }
    auto window = plan_window(asked, scrape_interval);
    if (!window.warning.empty()) warn(metric.name + ": " + window.warning);
    return window;
  }

  Check built_in(const Metric& metric, const Server& server, const PlannedWindow& window) {
    if (!is_built_in(metric.name)) {
      return failed_query(metric,
                          {QueryError::Kind::Rejected,
                           "no metric " + metric.name + " is built in: it needs a query or a template"});
    }
    const auto answer = ask(server, requests_query(subject_.name_space, window.length), window);
    if (!*answer) return failed_query(metric, answer->error());
    const auto requests = requests_of(**answer, subject_.target);
    if (!requests.usable) {
      return no_data(metric, window, "NotANumber",
                     "requests of " + subject_.target + " " + since(window) +
                         " are counted with a value that is no number of requests");
    }
    if (requests.total() <= 0) {
      return no_data(metric, window, "NoData",
                     "no requests reached " + subject_.target + " " + since(window));
    }
    judgement_.all_failed = judgement_.all_failed || requests.succeeded <= 0;
    if (const double samples = std::round(requests.total()); samples < least_samples()) {
      return {.name = metric.name,
              .reason = "TooFewSamples",
              .range = metric.range,
              .samples = samples,
              .message = format_number(samples) + " requests reached " + subject_.target + " " +
                         since(window) + ", " + format_number(least_samples()) + " are needed"};
    }
    auto check = metric.name == kSuccessRate
                     ? success_check(metric, requests, requests_of(**answer, subject_.stable))
                     : duration_check(metric, server, window);
    check.samples = std::round(requests.total());
    return check;
  }

  static Check comparison(const Metric& metric, const Compared& compared) {
    if (compared.counted) return compared_check(metric, compared.trial, compared.look);
    Check check{.name = metric.name, .reason = "NoData", .range = metric.range, .message = compared.no_data};
    settle(check, metric.on_no_data, "onNoData");
    return check;
  }

  // Of a window; the sequential judge asks for them in the step.
  [[nodiscard]] double least_samples() const {
    return inquiry_.judge.sequential ? 1 : inquiry_.judge.min_samples;
  }

  Check duration_check(const Metric& metric, const Server& server, const PlannedWindow& window) {
    const auto answer = ask(server, duration_query(subject_.name_space, window.length), window);
    if (!*answer) return failed_query(metric, answer->error());
    const auto value = value_of(**answer, subject_.target);
    if (!value) {
      return no_data(metric, window, "NoData",
                     "requests reached " + subject_.target + " " + since(window) +
                         ", but no duration of theirs is known");
    }
    auto check =
        judge_value(metric.name, {.subject = metric.name + " p99", .unit = "ms"}, *value, metric.range);
    check.stable = value_of(**answer, subject_.stable);
    return check;
  }

  Check custom(const Metric& metric, const Server& server, const PlannedWindow& window) {
    const auto query = render(metric.query, subject_, window.length, metric.template_variables);
    if (!query) return failed_query(metric, {QueryError::Kind::Rejected, metric.name + ": " + query.error()});
    const auto answer = ask(server, *query, window);
    if (!*answer) return failed_query(metric, answer->error());
    const auto& series = (*answer)->series;
    if (series.empty()) {
      return no_data(metric, window, "NoData", metric.name + ": the query answered no series");
    }
    if (series.size() > 1) {
      return {.name = metric.name,
              .reason = "ManySeries",
              .range = metric.range,
              .message = metric.name + ": the query answered " + std::to_string(series.size()) +
                         " series, one is needed: aggregate it, with sum() for example"};
    }
    const double value = series.front().value;
    if (!std::isfinite(value)) {
      return no_data(metric, window, "NotANumber",
                     metric.name + ": the query answered " + not_a_number(value));
    }
    return judge_value(metric.name, {.subject = metric.name}, value, metric.range);
  }

  std::shared_ptr<const QueryResult> ask(const Server& server, const std::string& query,
                                         const PlannedWindow& window) {
    auto answer = answers_.ask(server, query, window.end);
    if (answer->has_value()) {
      for (const auto& warning : (*answer)->warnings) warn("Prometheus warns: " + warning);
    }
    return answer;
  }

  Check failed_query(const Metric& metric, const QueryError& error) {
    const bool unavailable = error.kind != QueryError::Kind::Rejected;
    if (unavailable) judgement_.provider_available = false;
    Check check{.name = metric.name,
                .reason = unavailable ? "ProviderError" : "QueryRejected",
                .range = metric.range,
                .message = error.message};
    settle(check, metric.on_provider_error, "onProviderError");
    return check;
  }

  void warn(const std::string& warning) {
    if (std::ranges::find(judgement_.warnings, warning) == judgement_.warnings.end()) {
      judgement_.warnings.push_back(warning);
    }
  }

  SharedAnswers& answers_;
  ScrapeIntervals& scrapes_;
  const std::string& address_;
  const Inquiry& inquiry_;
  const Subject& subject_;
  Judgement judgement_;
};

class PrometheusJudge final : public Judge {
 public:
  PrometheusJudge(std::string address, Fetch fetch)
      : address_(std::move(address)), answers_(std::move(fetch)), scrapes_(answers_) {}

  Judgement judge(const Inquiry& inquiry) override {
    Round round(answers_, scrapes_, address_, inquiry);
    for (const auto& metric : inquiry.metrics) {
      if (metric.range.given()) round.judge(metric);
    }
    if (inquiry.judge.sequential) round.compare();
    return std::move(round).conclude();
  }

 private:
  const std::string address_;
  SharedAnswers answers_;
  ScrapeIntervals scrapes_;
};

}  // namespace

std::unique_ptr<Judge> make_prometheus_judge(std::string address, Fetch fetch) {
  return std::make_unique<PrometheusJudge>(std::move(address), std::move(fetch));
}

}  // namespace weir::analysis
