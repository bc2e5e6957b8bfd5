// Prometheus as a provider of metrics: its queries, and what their answers say.
#include <algorithm>
#include <cmath>
#include <utility>

#include "analysis/built_in.h"
#include "analysis/providers/prometheus/api.h"
#include "analysis/providers/prometheus/counters.h"
#include "analysis/providers/prometheus/hostless.h"
#include "analysis/providers/prometheus/pasts.h"
#include "analysis/providers/prometheus/queries.h"
#include "analysis/providers/prometheus/query_template.h"
#include "analysis/providers/prometheus/scrape_intervals.h"
#include "analysis/providers/prometheus/shared_answers.h"
#include "analysis/providers/prometheus/window.h"
#include "analysis/providers/registry.h"

namespace weir::analysis {
namespace {

using Shared = std::shared_ptr<const QueryResult>;
using Result = decltype(Reading::result);

constexpr double kPerCent = 100;
// How far a counter's last sample may lie back: some scrapes, and no more than Prometheus looks back itself.
constexpr int kLookBackScrapes = 4;
constexpr Seconds kMostLookBack{300};
// Ranges are rounded up to this, so that releases which look at the same time ask the same.
constexpr Seconds kRangeUnit{60};

ProviderError error_of(const QueryError& error) {
  return {.message = error.message, .rejected = error.kind == QueryError::Kind::Rejected};
}

ProviderError rejected(std::string message) { return {.message = std::move(message), .rejected = true}; }

NoData no_data(std::string reason, std::string message) {
  return {.reason = std::move(reason), .message = std::move(message)};
}

std::string since(const PlannedWindow& window) {
  return "in the last " + std::to_string(window.length.count()) + "s";
}

// As Prometheus writes it.
std::string not_a_number(double value) {
  if (std::isnan(value)) return "NaN";
  return value > 0 ? "+Inf" : "-Inf";
}

std::string not_counted(const std::string& of, const std::string& since) {
  return "requests of " + of + " " + since + " are counted with a value that is no number of requests";
}

double success_rate(const Requests& requests) { return kPerCent * requests.succeeded / requests.total(); }

Measured measured_success(const Metric& metric, const Requests& candidate, const Requests& stable) {
  Measured measured{.value = success_rate(candidate), .wording = {.subject = metric.name, .unit = "%"}};
  if (stable.usable && stable.total() > 0) measured.stable = success_rate(stable);
  return measured;
}

// One call of Provider::ask.
class Question {
 public:
  Question(SharedAnswers& answers, ScrapeIntervals& scrapes, Pasts& pasts, Server server,
           const MetricQuery& query)
      : answers_(answers),
        scrapes_(scrapes),
        pasts_(pasts),
        server_(std::move(server)),
        metric_(query.metric),
        subject_(query.subject),
        least_samples_(query.least_samples),
        until_next_(query.window.length),
        window_(plan(query.window)) {}

  Reading answer() && {
    const bool too_early = window_.too_short && window_.missing <= until_next_;
    if (!window_.warning.empty() && !too_early)
      reading_.warnings.push_back(metric_.name + ": " + window_.warning);
    if (window_.too_short) {
      // Of counters that it holds one scrape of nothing is known, and those that are new would decide alone.
      reading_.result = NoData{.reason = "WindowTooShort",
                               .message = metric_.name + ": " + window_.warning +
                                          (too_early ? "; the next interval holds them" : ""),
                               .policy_applies = false,
                               .too_early = too_early};
    } else {
      reading_.result = metric_.query.empty() ? built_in() : custom();
    }
    return std::move(reading_);
  }

 private:
  [[nodiscard]] PlannedWindow plan(Window asked) {
    asked.length = metric_.interval.value_or(asked.length);
    std::optional<Seconds> scrape_interval;
    if (needs_scrapes(metric_, asked.length)) {
      scrape_interval = scrapes_.of(server_, subject_.name_space, asked.end);
    }
    return plan_window(asked, scrape_interval);
  }

  Result built_in() {
    if (!is_built_in(metric_.name)) {
      return rejected("no metric " + metric_.name + " is built in: it needs a query or a template");
    }
    const auto answer = ask(requests_query(subject_.name_space, window_.length));
    if (!*answer) return error_of(answer->error());
    auto requests = requests_of(**answer, subject_.target);
    if (!requests.usable) return not_a_count(subject_.target);
    Hostless hostless;
    if (metric_.name == kSuccessRate) {
      auto found = find_hostless(answers_, pasts_, server_, subject_, window_.length, window_.end);
      if (!found) return error_of(found.error());
      hostless = *std::move(found);
      if (!hostless.usable) return not_a_count("Service " + divided_service(subject_));
      requests.failed += hostless.candidate;
    }
    if (requests.total() <= 0) {
      return hostless.doubtful > 0 ? Result(doubtful(hostless)) : no_requests(**answer, hostless.message);
    }
    reading_.all_failed = requests.succeeded <= 0;
    const double samples = std::round(requests.total());
    reading_.samples = samples;
    if (samples < least_samples_) {
      return NoData{.reason = "TooFewSamples",
                    .message = format_number(samples) + " requests reached " + subject_.target + " " +
                               since(window_) + ", " + format_number(least_samples_) + " are needed",
                    .policy_applies = false};
    }
    if (metric_.name != kSuccessRate) return duration();
    return success(requests, requests_of(**answer, subject_.stable), hostless);
  }

  [[nodiscard]] Result success(const Requests& candidate, const Requests& stable, const Hostless& hostless) {
    auto measured = measured_success(metric_, candidate, stable);
    if (hostless.doubtful > 0) {
      auto worst = candidate;
      worst.failed += hostless.doubtful;
      if (accepted(success_rate(candidate)) && !accepted(success_rate(worst))) return doubtful(hostless);
    } else {
      measured.remark = hostless.message;
    }
    return measured;
  }

  [[nodiscard]] bool accepted(double value) const {
    return judge_value(metric_.name, {}, value, metric_.range).outcome == Outcome::Pass;
  }

  [[nodiscard]] static NoData doubtful(const Hostless& hostless) {
    return {.reason = "FailuresWithoutHost", .message = hostless.message, .policy_applies = false};
  }

  [[nodiscard]] NoData not_a_count(const std::string& of) const {
    return no_data("NotANumber", not_counted(of, since(window_)));
  }

  // A Prometheus that has lost its data looks like a candidate without traffic: what it has of others tells.
  [[nodiscard]] Result no_requests(const Vector& answer, const std::string& remark) {
    if (answer.series.empty()) {
      return no_data("NoData", "Prometheus has no requests to any workload of namespace " +
                                   subject_.name_space + " " + since(window_) +
                                   ": either none were sent, or it has not got them");
    }
    if (subject_.divided && subject_.weight > 0) {
      const auto service = ask_service(answers_, server_, subject_, window_.length, window_.end, Named::All);
      if (!service) return error_of(service.error());
      if (passed_by(subject_, *service)) return nobody_reached(*service);
    }
    const auto stable = requests_of(answer, subject_.stable);
    const bool known = stable.usable && stable.total() > 0;
    return no_data("NoData", "no requests reached " + subject_.target + " " + since(window_) + ", and " +
                                 (known ? format_number(std::round(stable.total())) : std::string("none")) +
                                 " reached " + subject_.stable + (remark.empty() ? "" : "; " + remark));
  }

  // Chance does not do this: no policy lets it pass.
  [[nodiscard]] NoData nobody_reached(const ServiceRequests& service) const {
    return {.message = format_number(std::round(service.divided())) + " requests reached Service " +
                       subject_.service + " " + since(window_) + ", and none of them " + subject_.target +
                       ", at weight " + std::to_string(subject_.weight) + " %",
            .policy_applies = metric_.on_no_data != Policy::Pass};
  }

  Result duration() {
    const auto answer = ask(duration_query(subject_.name_space, window_.length));
    if (!*answer) return error_of(answer->error());
    const auto value = value_of(**answer, subject_.target);
    if (!value) {
      return no_data("NoData", "requests reached " + subject_.target + " " + since(window_) +
                                   ", but no duration of theirs is known");
    }
    return Measured{.value = *value,
                    .wording = {.subject = metric_.name + " p99", .unit = "ms"},
                    .stable = value_of(**answer, subject_.stable)};
  }

  Result custom() {
    const auto query = render(metric_.query, subject_, window_.length, metric_.template_variables);
    if (!query) return rejected(metric_.name + ": " + query.error());
    const auto answer = ask(*query);
    if (!*answer) return error_of(answer->error());
    const auto& series = (*answer)->series;
    if (series.empty()) return no_data("NoData", metric_.name + ": the query answered no series");
    if (series.size() > 1) {
      return NoData{.reason = "ManySeries",
                    .message = metric_.name + ": the query answered " + std::to_string(series.size()) +
                               " series, one is needed: aggregate it, with sum() for example",
                    .policy_applies = false};
    }
    const double value = series.front().value;
    if (!std::isfinite(value)) {
      return no_data("NotANumber", metric_.name + ": the query answered " + not_a_number(value));
    }
    return Measured{.value = value, .wording = {.subject = metric_.name, .unit = {}}};
  }

  Shared ask(const std::string& query) {
    auto answer = answers_.ask(server_, query, window_.end);
    if (answer->has_value()) {
      for (const auto& warning : (*answer)->warnings)
        reading_.warnings.push_back("Prometheus warns: " + warning);
    }
    return answer;
  }

  SharedAnswers& answers_;
  ScrapeIntervals& scrapes_;
  Pasts& pasts_;
  const Server server_;
  const Metric& metric_;
  const Subject& subject_;
  const double least_samples_;
  const Seconds until_next_;  // from this interval's end to the next one's
  const PlannedWindow window_;
  Reading reading_;
};

// Raw samples of both counters. The counters read the answers.
class SampledCounts final : public RequestCounts {
 public:
  // `durations` is null if they were not asked for.
  SampledCounts(Shared requests, Shared durations)
      : request_samples_(std::move(requests)), duration_samples_(std::move(durations)) {}

  [[nodiscard]] Counts requests(std::string_view workload, const Period& period) const override {
    return requests_.requests(workload, period);
  }
  [[nodiscard]] Counts slower(std::string_view workload, double edge, const Period& period) const override {
    return durations_ ? durations_->slower(workload, edge, period) : Counts{};
  }
  [[nodiscard]] std::vector<double> edges() const override {
    return durations_ ? durations_->edges() : std::vector<double>{};
  }

 private:
  Shared request_samples_;
  Shared duration_samples_;
  Counters requests_{**request_samples_};
  std::optional<Counters> durations_ =
      duration_samples_ ? std::optional<Counters>(**duration_samples_) : std::nullopt;
};

// As a Secret's `token`, or else as `username` with `password`.
void authenticate(Server& server, const std::map<std::string, std::string>& secret) {
  const auto entry = [&](const char* key) {
    const auto found = secret.find(key);
    return found == secret.end() ? std::string() : found->second;
  };
  if (secret.contains("token")) {
    server.headers["Authorization"] = "Bearer " + entry("token");
  } else if (secret.contains("username")) {
    server.basic_auth = BasicAuth{.username = entry("username"), .password = entry("password")};
  }
}

class Prometheus final : public Provider, private RequestCounter, private SplitCounter {
 public:
  explicit Prometheus(const ProviderSettings& settings)
      : address_(settings.address), answers_(settings.fetch), scrapes_(answers_), pasts_(answers_) {}

  Reading ask(const MetricQuery& query) override {
    const auto& metric = query.metric;
    const bool own = metric.address.empty();
    Server server{.address = own ? address_ : metric.address,
                  .headers = metric.headers,
                  .tls = metric.tls,
                  .asker = {.name_space = query.subject.name_space, .built_in = own && metric.query.empty()}};
    authenticate(server, metric.secret);
    return Question(answers_, scrapes_, pasts_, std::move(server), query).answer();
  }

  RequestCounter* counter() override { return this; }
  SplitCounter* split_counter() override { return this; }

 private:
  using Query = std::string (*)(std::string_view, Seconds, const std::vector<std::string>&);

  std::expected<CountsReading, ProviderError> count(const CountsQuery& query) override {
    CountsReading reading;
    const auto requests = samples(&request_samples_query, query, reading);
    if (!*requests) return std::unexpected(error_of(requests->error()));
    Shared durations;
    if (query.durations) {
      durations = samples(&duration_samples_query, query, reading);
      if (!*durations) return std::unexpected(error_of(durations->error()));
    }
    reading.counts = std::make_unique<SampledCounts>(requests, durations);
    if (query.workloads.empty()) {
      const auto& [subject, period, now, workloads, with_durations] = query;
      const auto length = std::chrono::ceil<Seconds>(period.to - period.from);
      auto hostless = find_hostless(answers_, pasts_, own_for(subject), subject, length, period.to);
      if (!hostless) return std::unexpected(error_of(hostless.error()));
      if (!hostless->usable)
        return std::unexpected(ProviderError{
            .message = not_counted("Service " + divided_service(subject), "since the last interval")});
      reading.hostless = std::round(hostless->candidate);
      reading.remark = std::move(hostless->message);
    }
    return reading;
  }

  Split count_split(const SplitQuery& query) override {
    const auto& [subject, asked, direct, only_trusted] = query;
    const auto server = own_for(subject);
    const auto interval = scrapes_.of(server, subject.name_space, asked.end);
    const auto window = plan_window(asked, interval);
    if (window.too_short) return {.too_early = true, .message = window.warning};
    const auto scrapes = interval.value_or(Seconds{0});
    auto answer = answers_.ask(server, split_query(subject.name_space, window.length, scrapes), window.end);
    if (!*answer && answer->error().kind == QueryError::Kind::TooLarge) {
      const auto own =
          split_query(subject.name_space, window.length, scrapes, {subject.stable, subject.target});
      answer = answers_.ask(server, own, window.end);
    }
    if (!*answer) return {.server_answers = false, .message = answer->error().message};
    auto sent = sent_of(**answer, subject, direct);
    if (sent) return compared(subject, *std::move(sent), only_trusted, since(window));
    return {.server_answers = false, .message = not_counted("Service " + subject.service, since(window))};
  }

  static Split compared(const Subject& subject, std::vector<Sent> sent, bool only_trusted,
                        const std::string& since) {
    const auto left_out =
        only_trusted ? std::erase_if(sent, [](const Sent& one) { return !one.trusted; }) : 0;
    auto split = compare_split(subject, sent, since);
    if (sent.empty()) {
      split.message +=
          " (" + std::string(kDurationBuckets) + ", le " + std::to_string(kLongestCounted.count()) + ")";
    }
    if (left_out > 0) {
      split.message += "; " + std::to_string(left_out) +
                       " of the proxies, of namespaces that are not trusted, " +
                       (left_out == 1 ? "is" : "are") + " left out (condition TrafficIsolated)";
    }
    return split;
  }

  // The whole namespace, so that releases share the answer; the release's own workloads if that is too much.
  Shared samples(Query query, const CountsQuery& asked, CountsReading& reading) {
    const auto& [subject, period, now, workloads, durations] = asked;
    const auto needed = std::chrono::ceil<Seconds>(period.to - period.from) + look_back(subject, now);
    const auto range = (needed + kRangeUnit - Seconds{1}) / kRangeUnit * kRangeUnit;
    const auto server = own_for(subject);
    const auto ask = [&](const std::vector<std::string>& of) {
      return answers_.ask(server, query(subject.name_space, range, of), period.to, Shape::Samples);
    };
    auto answer = ask(workloads);
    const bool too_large = !*answer && answer->error().kind == QueryError::Kind::TooLarge;
    if (too_large && workloads.empty()) answer = ask({subject.stable, subject.target});
    if (*answer) std::ranges::copy((*answer)->warnings, std::back_inserter(reading.warnings));
    return answer;
  }

  // The operator's own server, asked for a namespace.
  [[nodiscard]] Server own_for(const Subject& subject) const {
    return {.address = address_, .asker = {.name_space = subject.name_space, .built_in = true}};
  }

  Seconds look_back(const Subject& subject, TimePoint at) {
    const auto interval = scrapes_.of(own_for(subject), subject.name_space, at);
    return interval ? std::min(kLookBackScrapes * *interval, kMostLookBack) : kMostLookBack;
  }

  const std::string address_;  // of the operator's own server
  SharedAnswers answers_;
  ScrapeIntervals scrapes_;
  Pasts pasts_;
};

}  // namespace

std::unique_ptr<Provider> make_prometheus(const ProviderSettings& settings) {
  return std::make_unique<Prometheus>(settings);
}

}  // namespace weir::analysis
