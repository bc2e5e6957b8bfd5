// Any bytes as Prometheus' answers: what is no valid answer never lets a step pass.
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "analysis/built_in.h"
#include "analysis/judge.h"
#include "analysis/providers/prometheus/api.h"
#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

using analysis::Answer;
using analysis::Outcome;

// Bodies of the answers to the queries of a round, in turn: the items of an array, or the bytes as they are.
std::vector<std::string> bodies_of(std::string_view input) {
  const auto json = parse_json(input);
  if (!json.is_array() || json.empty()) return {std::string(input)};
  std::vector<std::string> bodies;
  for (const auto& item : json) bodies.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  return bodies;
}

// Said again in other words than the parser's, so that a slip in one does not pass in the other.
bool is_value(const Json& point) {
  if (!point.is_array() || point.size() != 2 || !point.back().is_string()) return false;
  const auto& digits = point.back().get_ref<const std::string&>();
  char* end = nullptr;
  (void)std::strtod(digits.c_str(), &end);
  return !digits.empty() && end == digits.c_str() + digits.size();
}

bool is_answer(const std::string& body) {
  const auto json = parse_json(body);
  const auto& data = member(json, "data");
  const auto& result = member(data, "result");
  if (text(json, "status", "") != "success") return false;
  if (text(data, "resultType", "") == "scalar") return is_value(result);
  if (text(data, "resultType", "") != "vector" || !result.is_array()) return false;
  return std::ranges::all_of(result, [](const Json& series) {
    return member(series, "metric").is_object() && is_value(member(series, "value"));
  });
}

bool holds_series(const std::string& body) {
  const auto json = parse_json(body);
  const auto& result = member(member(json, "data"), "result");
  return result.is_array() && !result.empty();
}

analysis::Metric metric(const char* name, std::optional<double> min, std::optional<double> max,
                        const char* query = "") {
  return {.name = name, .query = query, .range = {.min = min, .max = max}};
}

void check(const analysis::Check& check) {
  require(!check.reason.empty() && !check.message.empty(), "a check says what it found");
  require(!check.value || std::isfinite(*check.value), "a value is a finite number");
  require(!check.samples || (std::isfinite(*check.samples) && *check.samples >= 0), "samples are counted");
  if (check.outcome == Outcome::Inconclusive) return;
  require(check.value.has_value(), "without a value nothing passes or fails: " + check.message);
  const bool inside = (!check.range.min || *check.value >= *check.range.min) &&
                      (!check.range.max || *check.value <= *check.range.max);
  require(inside == (check.outcome == Outcome::Pass), "what passes is within the range: " + check.message);
  if (check.name != analysis::kSuccessRate) return;
  require(*check.value >= 0 && *check.value <= 100, "a rate is 0 to 100 %: " + check.message);
}

// An address that is asked has nothing in it that would make another request of ours, or show a password.
void check_address(std::string_view address) {
  if (analysis::address_problem(address)) return;
  require(address.starts_with("http://") || address.starts_with("https://"), "an address is a URL");
  require(address.find_first_of("?#@ \n") == std::string_view::npos, "an address is plain");
}

// Judges one metric over answers that come in turn.
void judge(const std::vector<std::string>& bodies, const analysis::Metric& metric, analysis::Seconds window) {
  std::size_t asked = 0;
  bool valid = true;
  bool series = false;
  const auto judge = analysis::make_prometheus_judge(
      "http://prometheus:9090", [&](const analysis::Request& request) -> std::expected<Answer, std::string> {
        const auto& body = bodies[asked++ % bodies.size()];
        // How often Prometheus scrapes is not what is judged: without an answer the window is taken as it is.
        const bool judged = !request.url.contains("count_over_time");
        valid = valid && (!judged || is_answer(body));
        series = series || (judged && (holds_series(body) || body.contains("scalar")));
        return Answer{.status = 200, .body = body};
      });
  const analysis::Subject subject{.name_space = "shop",
                                  .name = "checkout-v2",
                                  .target = "checkout-v2",
                                  .stable = "checkout-v1",
                                  .service = "checkout"};
  const auto end = analysis::TimePoint(analysis::Seconds{1'800'000'000});
  const auto judgement =
      judge->judge({.metrics = {metric}, .subject = subject, .window = {.end = end, .length = window}});
  require(judgement.checks.size() == 1, "each metric is judged");
  check(judgement.checks.front());
  require(judgement.outcome == judgement.checks.front().outcome, "the only check decides");
  if (judgement.outcome == Outcome::Inconclusive) return;
  require(valid, "only valid answers decide: " + judgement.message);
  require(series, "only data decides: " + judgement.message);
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto bodies = fuzz::bodies_of(fuzz::text_of(data, size));
  fuzz::check_address(fuzz::text_of(data, size));
  for (const int status : {200, 400, 503}) {
    const auto parsed = analysis::parse_answer("http://prometheus:9090", {status, bodies.front()});
    fuzz::require(!parsed || (status == 200 && fuzz::is_answer(bodies.front())),
                  "what is taken is an answer");
    fuzz::require(parsed || !parsed.error().message.empty(), "a refusal is a sentence");
  }
  using analysis::Seconds;
  fuzz::judge(bodies, fuzz::metric("request-success-rate", 99, std::nullopt), Seconds{30});
  fuzz::judge(bodies, fuzz::metric("request-duration", std::nullopt, 500), Seconds{600});
  fuzz::judge(bodies, fuzz::metric("errors", -1, 1, "sum(errors{namespace=\"{{ namespace }}\"})"),
              Seconds{30});
  return 0;
}
