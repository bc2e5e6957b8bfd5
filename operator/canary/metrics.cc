// Metrics of an analysis, and MetricTemplates.
#include <algorithm>
#include <cctype>
#include <set>

#include "analysis/built_in.h"
#include "analysis/providers/registry.h"
#include "operator/canary/spec.h"

namespace weir::canary {
namespace {

using analysis::is_built_in;
using analysis::Policy;

constexpr Bounds kQueryLength{1, 8192};
constexpr std::size_t kMaxMetrics = 32;
constexpr std::size_t kMostVariables = 32;
constexpr std::size_t kMostHeaders = 16;
constexpr std::size_t kLongestValue = 1024;  // of a variable, or of a header
constexpr std::int64_t kLongestAddress = 2048;
constexpr double kWhole = 100;  // per cent

Policy parse_policy(Fields& fields, std::string_view name, Policy fallback) {
  const auto given =
      fields.choice<Policy>(name, {{"Hold", Policy::Hold}, {"Fail", Policy::Fail}, {"Pass", Policy::Pass}});
  return fields.has(name) ? given : fallback;
}

analysis::Range parse_range(Fields& metric, const std::string& name) {
  if (!metric.has("thresholdRange")) return {};
  auto fields = metric.object("thresholdRange");
  const analysis::Range range{fields.number("min"), fields.number("max")};
  fields.note_unknown();
  const auto start = "metric \"" + name + "\" has a thresholdRange with ";
  if (!range.min && !range.max) {
    metric.refuse("thresholdRange", start + "neither min nor max; give at least one of them");
  }
  if (range.min && range.max && *range.min > *range.max) {
    metric.refuse("thresholdRange", start + "min " + number_text(*range.min) + ", more than max " +
                                        number_text(*range.max) + "; no value could be in it");
  }
  if (name == analysis::kSuccessRate && range.min && *range.min > kWhole) {
    metric.refuse("thresholdRange", start + "min " + number_text(*range.min) +
                                        "; a success rate is 0 to 100 per cent: no value could be in it");
  }
  if (is_built_in(name) && range.max && *range.max < 0) {
    metric.refuse("thresholdRange", start + "max " + number_text(*range.max) +
                                        "; it is never below 0: no value could be in it");
  }
  return range;
}

// A metric has exactly one source: built in, a query of its own, or a template.
void check_source(Fields& metric, const std::string& name) {
  const bool has_template = metric.has("templateRef");
  const bool has_query = metric.has("query");
  if (has_template && has_query) {
    metric.refuse("templateRef", "metric \"" + name + "\" has both templateRef and query; keep one of them");
  }
  if (is_built_in(name) && (has_template || has_query)) {
    metric.refuse("name",
                  "metric \"" + name + "\" is built in; give it another name to use templateRef or query");
  }
  if (!is_built_in(name) && !has_template && !has_query) {
    metric.refuse(
        "name",
        "metric \"" + name +
            "\" is not built in (request-success-rate, request-duration); give it templateRef or query");
  }
}

MetricSpec parse_metric(Fields& fields, Policy on_no_data, Policy on_provider_error) {
  MetricSpec spec;
  auto& metric = spec.metric;
  fields.require("name");
  metric.name = fields.text("name", {}, {1, 63});
  metric.query = fields.text("query", {}, kQueryLength);
  auto reference = fields.object("templateRef");
  if (fields.has("templateRef")) {
    spec.template_name = reference.name("name", NameForm::Object, true);
    spec.template_namespace = reference.name("namespace", NameForm::Label);
    reference.note_unknown();
  }
  metric.range = parse_range(fields, metric.name);
  metric.interval = fields.seconds("interval", std::chrono::seconds{1});
  metric.template_variables = fields.dictionary("templateVariables", kMostVariables, kLongestValue);
  metric.on_no_data = parse_policy(fields, "onNoData", on_no_data);
  metric.on_provider_error = parse_policy(fields, "onProviderError", on_provider_error);
  fields.note_unknown();
  check_source(fields, metric.name);
  return spec;
}

bool is_header_name(const std::string& name) {
  return !name.empty() && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
}

bool has_control(const std::string& text) {
  return std::ranges::any_of(text, [](unsigned char c) { return std::iscntrl(c) != 0; });
}

// A header with several values is sent as one, joined as HTTP joins them.
std::map<std::string, std::string> parse_headers(Fields& provider) {
  std::map<std::string, std::string> headers;
  const auto path = provider.path_of("headers");
  for (const auto& [name, values] : provider.lists("headers", kMostHeaders, kLongestValue)) {
    if (!is_header_name(name)) {
      provider.refuse("headers", path + " has a name with other characters than letters, digits, -, _ and .");
    }
    auto& header = headers[name];
    for (const auto& value : values) {
      if (has_control(value)) provider.refuse("headers", path + " has a value with control characters");
      header += (header.empty() ? "" : ", ") + value;
    }
  }
  return headers;
}

std::string parse_provider_type(Fields& provider) {
  auto type = provider.text("type", analysis::kDefaultProvider);
  const auto offered = analysis::offered_providers();
  if (std::ranges::find(offered, type) == offered.end()) {
    provider.refuse(
        "type", provider.path_of("type") + " is \"" + type + "\"; supported values: " + quoted_list(offered));
  }
  return type;
}

analysis::JudgeSettings parse_judge(Fields& analysis) {
  // Bounds of a probability that means something, and of a share of requests.
  constexpr double kLeastError = 0.0001;
  constexpr double kMostError = 0.5;
  constexpr double kMostTolerance = 0.5;
  constexpr Bounds kSamples{1, 1'000'000};
  constexpr int kSequentialSamples = 30;
  auto fields = analysis.object("judge");
  analysis::JudgeSettings judge;
  judge.sequential = fields.choice<bool>("type", {{"threshold", false}, {"sequential", true}});
  judge.alpha = fields.number("alpha", kLeastError, kMostError).value_or(judge.alpha);
  judge.beta = fields.number("beta", kLeastError, kMostError).value_or(judge.beta);
  judge.tolerance = fields.number("tolerance", 0, kMostTolerance).value_or(judge.tolerance);
  judge.advance_early = fields.flag("advanceEarly", judge.advance_early);
  judge.min_samples = static_cast<int>(
      fields.integer("minSamples", kSamples).value_or(judge.sequential ? kSequentialSamples : 1));
  fields.note_unknown();
  return judge;
}

// A range is left out only where the sequential judge looks instead.
void check_ranges(Fields& analysis, const Judging& judging) {
  bool compared = false;
  for (const auto& [metric, template_name, template_namespace] : judging.metrics) {
    compared = compared || is_built_in(metric.name);
    if (metric.range.given() || (judging.judge.sequential && is_built_in(metric.name))) continue;
    analysis.refuse("metrics", "metric \"" + metric.name +
                                   "\" has no thresholdRange; only request-success-rate and request-duration "
                                   "can do without one, where judge.type is sequential");
  }
  if (judging.judge.sequential && !compared && !judging.metrics.empty()) {
    analysis.refuse("judge",
                    "spec.analysis.judge.type is sequential, which compares request-success-rate or "
                    "request-duration; give at least one of these metrics");
  }
}

}  // namespace

Judging parse_judging(Fields& analysis) {
  const auto on_no_data = parse_policy(analysis, "onNoData", Policy::Hold);
  const auto on_provider_error = parse_policy(analysis, "onProviderError", Policy::Hold);
  Judging judging{.judge = parse_judge(analysis), .metrics = {}};
  std::set<std::string> names;
  for (auto& fields : analysis.objects("metrics", kMaxMetrics)) {
    judging.metrics.push_back(parse_metric(fields, on_no_data, on_provider_error));
    const auto& name = judging.metrics.back().metric.name;
    if (!names.insert(name).second) {
      fields.refuse("name",
                    fields.path_of("name") + " is \"" + name + "\", as another metric's; names must differ");
    }
  }
  check_ranges(analysis, judging);
  return judging;
}

Result<MetricTemplate> parse_template(const Json& object, UnknownFields unknown) {
  Problems problems;
  MetricTemplate result;
  const Json empty = Json::object();
  Fields root(object.is_object() ? object : empty, "", problems);
  root.require("spec");
  auto spec = root.object("spec");
  spec.require("query");
  result.query = spec.text("query", {}, kQueryLength);
  spec.require("provider");
  auto provider = spec.object("provider");
  result.provider = parse_provider_type(provider);
  result.address = provider.text("address", {}, {0, kLongestAddress});
  const auto problem = analysis::problem_of_address(result.provider, result.address);
  if (problem && !result.address.empty()) {
    // What may hold a password is not repeated.
    const auto value = result.address.contains('@') ? std::string() : " is \"" + result.address + "\"; it";
    provider.refuse("address", provider.path_of("address") + value + " " + *problem);
  }
  result.headers = parse_headers(provider);
  result.insecure_skip_verify = provider.flag("insecureSkipVerify", false);
  auto secret = provider.object("secretRef");
  if (provider.has("secretRef")) result.secret = secret.name("name", NameForm::Object, true);
  secret.note_unknown();
  provider.note_unknown();
  spec.note_unknown();
  if (problems.unknown && unknown == UnknownFields::Refuse) return std::unexpected(*problems.unknown);
  if (problems.error) return std::unexpected(*problems.error);
  return result;
}

std::expected<void, std::string> check_query(const MetricSpec& metric, const MetricTemplate* named) {
  const auto& query = named != nullptr ? named->query : metric.metric.query;
  if (query.empty()) return {};
  return analysis::check_query(named != nullptr ? named->provider : metric.metric.provider, query,
                               metric.metric.template_variables);
}

}  // namespace weir::canary
