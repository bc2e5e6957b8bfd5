#include "test/simulation/prometheus.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <ranges>
#include <string_view>

#include "analysis/providers/prometheus/counters.h"
#include "analysis/providers/prometheus/queries.h"

namespace weir::simulation {
namespace {

constexpr Millis kFastestAnswer{5};
constexpr Millis kSlowestAnswer{50};
constexpr Millis kTimeLimit{10'000};          // of the operator's requests
constexpr std::int64_t kSizeLimit = 8 << 20;  // of the answers that it takes, in bytes

constexpr Millis kKept{600'000};
constexpr Millis kLookBack{300'000};
constexpr Millis kScrapesRange{120'000};  // of analysis::scrapes_query
constexpr double kQuantile = 0.99;
// Extrapolation goes to the end of the window unless the gap is longer than this many average intervals;
// then half an interval.
constexpr double kLongestGap = 1.1;

double seconds(Millis time) { return std::chrono::duration<double>(time).count(); }

std::string percent_decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned char byte = 0;
    const bool encoded = text[i] == '%' && i + 2 < text.size() &&
                         std::from_chars(&text[i + 1], &text[i + 1] + 2, byte, 16).ec == std::errc{};
    decoded += encoded ? static_cast<char>(byte) : text[i];
    if (encoded) i += 2;
  }
  return decoded;
}

// A parameter of a URL; empty if it has none of this name.
std::string parameter(std::string_view url, std::string_view name) {
  std::size_t begin = url.find('?');
  while (begin != std::string_view::npos) {
    const std::string_view rest = url.substr(begin + 1);
    const std::string_view pair = rest.substr(0, rest.find('&'));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('=')) {
      return percent_decode(pair.substr(name.size() + 1));
    }
    begin = url.find('&', begin + 1);
  }
  return {};
}

std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string_view between(std::string_view text, std::string_view before, std::string_view after) {
  const auto begin = text.find(before);
  if (begin == std::string_view::npos) return {};
  const std::string_view rest = text.substr(begin + before.size());
  return rest.substr(0, rest.find(after));
}

// "[30s]"; regular expressions may have brackets as well.
std::chrono::seconds last_range(std::string_view query) {
  const auto begin = query.rfind('[');
  if (begin == std::string_view::npos) return std::chrono::seconds(0);
  return std::chrono::seconds(number(between(query.substr(begin), "[", "s]")));
}

std::string to_text(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

Json document(const std::vector<analysis::Series>& result, double time) {
  Json series = Json::array();
  for (const auto& each : result) {
    series.push_back({{"metric", each.labels}, {"value", {time, to_text(each.value)}}});
  }
  return {{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", std::move(series)}}}};
}

// Of a query for samples, whose times are milliseconds since 1970.
Json samples_document(const std::vector<analysis::Series>& result) {
  Json all = Json::array();
  for (const auto& each : result) {
    Json values = Json::array();
    for (const auto& sample : each.samples) {
      const auto since = std::chrono::duration<double>(sample.at.time_since_epoch());
      values.push_back({since.count(), to_text(sample.value)});
    }
    all.push_back({{"metric", each.labels}, {"values", std::move(values)}});
  }
  return {{"status", "success"}, {"data", {{"resultType", "matrix"}, {"result", std::move(all)}}}};
}

analysis::Answer failure(int status, const char* type, const std::string& message) {
  const Json body{{"status", "error"}, {"errorType", type}, {"error", message}};
  return {.status = status, .body = body.dump()};
}

// As histogram_quantile() does it, of cumulative counts for kBuckets.
double quantile_of(const std::array<double, kBuckets.size()>& counts) {
  const double rank = kQuantile * counts.back();
  if (counts.back() <= 0) return std::numeric_limits<double>::quiet_NaN();
  const auto found = std::ranges::lower_bound(counts, rank);
  const auto bucket = static_cast<std::size_t>(found - counts.begin());
  if (bucket + 1 >= kBuckets.size()) return kBuckets[kBuckets.size() - 2];
  const double below = bucket == 0 ? 0 : counts[bucket - 1];
  const double low = bucket == 0 ? 0 : kBuckets[bucket - 1];
  return low + (kBuckets[bucket] - low) * (rank - below) / (counts[bucket] - below);
}

}  // namespace

Weather weather_of(Kind kind) {
  static const std::map<Kind, Weather> kWeathers{{Kind::PrometheusDown, Weather::Down},
                                                 {Kind::PrometheusSlow, Weather::Slow},
                                                 {Kind::PrometheusNotANumber, Weather::NotANumber},
                                                 {Kind::PrometheusEmpty, Weather::Empty},
                                                 {Kind::PrometheusPartial, Weather::Partial},
                                                 {Kind::PrometheusMalformed, Weather::Malformed},
                                                 {Kind::PrometheusHuge, Weather::Huge},
                                                 {Kind::PrometheusRejects, Weather::Rejected}};
  const auto found = kWeathers.find(kind);
  return found == kWeathers.end() ? Weather::Fair : found->second;
}

Prometheus::Prometheus(Executor& executor, const base::Clock& clock, const Mesh& mesh, Millis scrape_interval,
                       std::uint64_t seed)
    : executor_(executor),
      clock_(clock),
      mesh_(mesh),
      scrape_interval_(scrape_interval),
      random_(seed, "prometheus"),
      up_(static_cast<std::size_t>(mesh.options().proxies)) {
  for (int proxy = 0; proxy < mesh_.options().proxies; ++proxy) {
    executor_.after(random_.between(1ms, scrape_interval_), [this, proxy] { scrape(proxy); });
  }
}

std::expected<analysis::Answer, std::string> Prometheus::fetch(const std::string& url) {
  executor_.run_until(executor_.now() + random_.between(kFastestAnswer, kSlowestAnswer));
  ++(weather_ == Weather::Fair ? tally_.fair : tally_.foul);
  const auto host = url.find("://");
  const std::string request = "GET " + url.substr(0, url.find('/', host == std::string::npos ? 0 : host + 3));
  switch (weather_) {
    case Weather::Down:
      return std::unexpected(request + ": Failed to connect to any resolved endpoint: Connection refused");
    case Weather::Slow:
      executor_.run_until(executor_.now() + kTimeLimit);
      return std::unexpected(request + ": no answer in time");
    case Weather::Huge:
      return std::unexpected(fmt::format("{}: the answer is longer than {} bytes", request, kSizeLimit));
    case Weather::Rejected:
      return failure(503, "unavailable", "service unavailable");
    case Weather::Malformed: {
      analysis::Answer half = answer(url);
      half.body.resize(half.body.size() / 2);
      return half;
    }
    case Weather::Fair:
    case Weather::NotANumber:
    case Weather::Empty:
    case Weather::Partial:
      return answer(url);
  }
  return std::unexpected(request + ": unknown weather");
}

analysis::Answer Prometheus::answer(const std::string& url) {
  const std::int64_t time = number(parameter(url, "time"));
  const auto wall = clock_.wall().time_since_epoch();
  const Millis at = executor_.now() + (std::chrono::seconds(time) - wall);
  const std::string query = parameter(url, "query");
  auto result = evaluate(query, at);
  const bool samples = !result;
  if (samples) result = evaluate_samples(query, at);
  if (!result) return failure(422, "execution", "the model of Prometheus does not know this query");
  spoil(*result);
  Json body = samples ? samples_document(*result) : document(*result, static_cast<double>(time));
  if (weather_ == Weather::Partial) body["warnings"] = {"a part of the data could not be read"};
  return {.status = 200, .body = body.dump()};
}

void Prometheus::spoil(Result& result) const {
  if (weather_ == Weather::Empty) result.clear();
  if (weather_ == Weather::NotANumber) {
    constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
    for (auto& series : result) {
      series.value = kNan;
      for (auto& sample : series.samples) sample.value = kNan;
    }
  }
  if (weather_ != Weather::Partial) return;
  const auto workload = [](const analysis::Series& series) {
    const auto found = series.labels.find("destination_workload");
    return found == series.labels.end() ? std::string() : found->second;
  };
  std::string newest;
  for (const auto& series : result) {
    const std::string name = workload(series);
    if (name.starts_with(mesh_.options().service + "-")) newest = std::max(newest, name);
  }
  if (newest.empty()) return;
  std::erase_if(result, [&](const analysis::Series& series) { return workload(series) == newest; });
}

void Prometheus::scrape(int proxy) {
  const Millis now = executor_.now();
  keep(up_[static_cast<std::size_t>(proxy)], now, 1);
  for (const auto& [told, value] : mesh_.told(proxy)) {
    if (value > 0) keep(services_[{proxy, told}], now, value);
  }
  for (const auto& [workload, counts] : mesh_.counts(proxy)) {
    // Nor is its namespace known.
    if (workload == analysis::kUnknownWorkload) continue;
    for (const auto& [code, value] :
         {std::pair{200, counts.answered}, std::pair{500, counts.failed}, std::pair{503, counts.lost}}) {
      if (value > 0) keep(requests_[{proxy, workload, code}], now, value);
    }
    for (std::size_t i = 0; i < counts.at_most.size(); ++i) {
      keep(buckets_[{proxy, workload, static_cast<int>(i)}], now, counts.at_most[i]);
    }
  }
  executor_.after(scrape_interval_, [this, proxy] { scrape(proxy); });
}

void Prometheus::keep(Samples& samples, Millis at, double value) {
  samples.push_back({at, value});
  while (samples.front().at < at - kKept) samples.pop_front();
}

// Only queries that the operator makes are known: what they ask for is written out here a second time.
std::optional<Prometheus::Result> Prometheus::evaluate(const std::string& query, Millis at) const {
  const std::string name_space(between(query, "destination_workload_namespace=\"", "\""));
  const auto window = last_range(query);
  const bool known = name_space == mesh_.options().name_space;
  if (query == analysis::requests_query(name_space, window)) {
    return known ? requests(at, window) : Result{};
  }
  if (query == analysis::duration_query(name_space, window)) {
    return known ? durations(at, window) : Result{};
  }
  const auto between_scrapes = window - std::chrono::seconds(number(between(query, " offset ", "s)")));
  if (query == analysis::split_query(name_space, window, between_scrapes))
    return known ? sent(at, window, between_scrapes) : Result{};
  if (query == analysis::scrapes_query(name_space)) return known ? scrapes(at) : Result{};
  return evaluate_services(query, at);
}

std::optional<Prometheus::Result> Prometheus::evaluate_services(const std::string& query, Millis at) const {
  analysis::Subject subject{.name_space = std::string(between(query, "[^.:]+([.]", "("))};
  for (const auto part : std::views::split(between(query, "source_workload_namespace=~\"", "\""), '|')) {
    const std::string source(part.begin(), part.end());
    if (!source.empty() && source != subject.name_space && source != analysis::kUnknownWorkload)
      subject.trusted.insert(source);
  }
  const auto window = last_range(query);
  for (const auto named : {analysis::Named::All, analysis::Named::Hostless}) {
    if (query != analysis::service_query(subject, window, named)) continue;
    if (subject.name_space != mesh_.options().name_space) return Result{};
    return services(at, window, named == analysis::Named::Hostless);
  }
  return std::nullopt;
}

// The raw samples that the sequential judge counts from.
std::optional<Prometheus::Result> Prometheus::evaluate_samples(const std::string& query, Millis at) const {
  const std::string name_space(between(query, "destination_workload_namespace=\"", "\""));
  const std::string workloads(between(query, "destination_workload=~\"", "\""));
  const std::chrono::seconds range(number(between(query, "[", "s]")));
  std::vector<std::string> named;
  for (const auto part : std::views::split(workloads, '|')) named.emplace_back(part.begin(), part.end());
  if (workloads.empty()) named.clear();
  const bool durations = query == analysis::duration_samples_query(name_space, range, named);
  if (!durations && query != analysis::request_samples_query(name_space, range, named)) return std::nullopt;
  Result result;
  if (name_space != mesh_.options().name_space) return result;
  const auto offset = clock_.wall().time_since_epoch() - executor_.now();
  for (const auto& [key, samples] : durations ? buckets_ : requests_) {
    const auto& [proxy, workload, code] = key;
    const auto seen = within(samples, at, range);
    if (seen.empty() || (!named.empty() && std::ranges::find(named, workload) == named.end())) continue;
    analysis::Series series{.labels = {{"job", "proxies"},
                                       {"instance", std::to_string(proxy)},
                                       {"destination_workload", workload}}};
    if (durations) {
      const auto bucket = static_cast<std::size_t>(code);
      series.labels["le"] = bucket + 1 == kBuckets.size() ? "+Inf" : fmt::format("{}", kBuckets[bucket]);
    } else {
      series.labels["response_code"] = std::to_string(code);
    }
    for (const auto& sample : seen) {
      series.samples.push_back(
          {analysis::TimePoint{std::chrono::duration_cast<Millis>(sample.at + offset)}, sample.value});
    }
    result.push_back(std::move(series));
  }
  return result;
}

Prometheus::Result Prometheus::requests(Millis at, Millis window) const {
  std::map<std::pair<std::string, int>, double> sums;
  for (const auto& [key, samples] : requests_) {
    const auto& [proxy, workload, code] = key;
    if (const auto grown = growth(proxy, samples, at, window)) sums[{workload, code}] += *grown;
  }
  Result result;
  for (const auto& [key, sum] : sums) {
    result.push_back(
        {.labels = {{"destination_workload", key.first}, {"response_code", std::to_string(key.second)}},
         .value = sum});
  }
  return result;
}

Prometheus::Result Prometheus::services(Millis at, Millis window, bool hostless) const {
  std::map<Told, double> sums;
  for (const auto& [key, samples] : services_) {
    const auto& [proxy, told] = key;
    if (hostless && told.workload != analysis::kUnknownWorkload) continue;
    if (const auto grown = growth(proxy, samples, at, window)) sums[told] += *grown;
  }
  Result result;
  for (const auto& [told, sum] : sums) {
    result.push_back({.labels = {{"destination_service", told.service + "." + mesh_.options().name_space},
                                 {"destination_workload", told.workload},
                                 {"response_code", std::to_string(told.code)},
                                 {"response_flags", told.flags}},
                      .value = sum});
  }
  return result;
}

Prometheus::Result Prometheus::durations(Millis at, Millis window) const {
  std::map<std::string, std::array<double, kBuckets.size()>> sums;
  for (const auto& [key, samples] : buckets_) {
    const auto& [proxy, workload, bucket] = key;
    const auto grown = growth(proxy, samples, at, window);
    if (grown) sums[workload][static_cast<std::size_t>(bucket)] += *grown;
  }
  Result result;
  for (const auto& [workload, counts] : sums) {
    result.push_back({.labels = {{"destination_workload", workload}}, .value = quantile_of(counts)});
  }
  return result;
}

Prometheus::Result Prometheus::scrapes(Millis at) const {
  std::size_t most = 0;
  for (const auto& [key, samples] : requests_) {
    if (newest(samples, at - kScrapesRange)) most = std::max(most, within(samples, at, kScrapesRange).size());
  }
  if (most == 0) return {};
  return {{.labels = {}, .value = static_cast<double>(most)}};
}

// Clients call the Service by its name alone: also the routes of a Service of the release's own count as its.
Prometheus::Result Prometheus::sent(Millis at, Millis window, Millis scrapes) const {
  std::map<std::pair<int, std::string>, double> sums;
  for (const auto& [key, samples] : requests_) {
    const auto& [proxy, workload, code] = key;
    sums[{proxy, workload}] += exact_growth(proxy, samples, at, window, scrapes);
  }
  Result result;
  for (const auto& [key, sum] : sums) {
    result.push_back({.labels = {{"destination_workload", key.second},
                                 {"destination_service_name", mesh_.options().service},
                                 {"source_workload", "clients"},
                                 {"instance", std::to_string(key.first)}},
                      .value = sum});
  }
  return result;
}

// As growth(), but between the samples of the window, with nothing extrapolated. What is not there at the
// first of them has come since.
double Prometheus::exact_growth(int proxy, const Samples& samples, Millis at, Millis window,
                                Millis scrapes) const {
  const auto now = newest(samples, at);
  const auto first = at - window + scrapes;
  const bool is_new = now && !newest(samples, first);
  if (is_new && newest(up_[static_cast<std::size_t>(proxy)], first)) return *now;
  const auto in_window = within(samples, at, window);
  return in_window.empty() ? 0 : in_window.back().value - in_window.front().value;
}

// (counter unless counter offset W and on (job, instance) up offset W == 1) or increase(counter[W]).
std::optional<double> Prometheus::growth(int proxy, const Samples& samples, Millis at, Millis window) const {
  const auto now = newest(samples, at);
  const bool is_new = now && !newest(samples, at - window);
  if (is_new && newest(up_[static_cast<std::size_t>(proxy)], at - window)) return now;
  return increase(samples, at, window);
}

std::optional<double> Prometheus::newest(const Samples& samples, Millis at) {
  const auto later = std::ranges::upper_bound(samples, at, {}, &Sample::at);
  if (later == samples.begin() || std::prev(later)->at <= at - kLookBack) return std::nullopt;
  return std::prev(later)->value;
}

std::vector<Prometheus::Sample> Prometheus::within(const Samples& samples, Millis at, Millis window) {
  return {std::ranges::upper_bound(samples, at - window, {}, &Sample::at),
          std::ranges::upper_bound(samples, at, {}, &Sample::at)};
}

std::optional<double> Prometheus::increase(const Samples& samples, Millis at, Millis window) {
  const std::vector<Sample> in_window = within(samples, at, window);
  if (in_window.size() < 2) return std::nullopt;
  const Sample& first = in_window.front();
  const Sample& last = in_window.back();
  const double grown = last.value - first.value;
  const double sampled = seconds(last.at - first.at);
  const double interval = sampled / static_cast<double>(in_window.size() - 1);
  const auto reach = [&](double gap) { return gap < kLongestGap * interval ? gap : interval / 2; };
  double before = reach(seconds(first.at - (at - window)));
  // A counter does not begin below zero.
  if (grown > 0) before = std::min(before, sampled * first.value / grown);
  const double after = reach(seconds(at - last.at));
  return grown * (sampled + before + after) / sampled;
}

}  // namespace weir::simulation
