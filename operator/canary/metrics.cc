// Metrics of an analysis, and MetricTemplates.
#include <set>

#include "operator/canary/spec.h"

namespace weir::canary {
namespace {

using analysis::Policy;

bool is_built_in(std::string_view name) {
  return name == "request-success-rate" || name == "request-duration";
}

Policy parse_policy(Fields& fields, std::string_view name, Policy fallback) {
  const auto given =
      fields.choice<Policy>(name, {{"Hold", Policy::Hold}, {"Fail", Policy::Fail}, {"Pass", Policy::Pass}});
  return fields.has(name) ? given : fallback;
}

std::string number_text(double value) { return Json(value).dump(); }

analysis::Range parse_range(Fields& metric) {
  metric.require("thresholdRange");
  auto fields = metric.object("thresholdRange");
  const analysis::Range range{fields.number("min"), fields.number("max")};
  const auto path = metric.path_of("thresholdRange");
  if (!range.min && !range.max) {
    metric.refuse("thresholdRange", path + " has neither min nor max; give at least one of them");
  }
  if (range.min && range.max && *range.min > *range.max) {
    metric.refuse("thresholdRange", path + ".min is " + number_text(*range.min) + ", more than max " +
                                        number_text(*range.max) + "; no value could be in the range");
  }
  fields.refuse_unknown();
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
  metric.name = fields.name("name", NameForm::Object, true);
  check_source(fields, metric.name);
  metric.query = fields.text("query");
  if (fields.has("query") && metric.query.empty())
    fields.refuse("query", fields.path_of("query") + " is empty");
  auto reference = fields.object("templateRef");
  if (fields.has("templateRef")) {
    spec.template_name = reference.name("name", NameForm::Object, true);
    spec.template_namespace = reference.name("namespace", NameForm::Label);
    reference.refuse_unknown();
  }
  metric.range = parse_range(fields);
  metric.interval = fields.seconds("interval", std::chrono::seconds{1});
  metric.template_variables = fields.dictionary("templateVariables");
  metric.on_no_data = parse_policy(fields, "onNoData", on_no_data);
  metric.on_provider_error = parse_policy(fields, "onProviderError", on_provider_error);
  fields.refuse_unknown();
  return spec;
}

}  // namespace

std::vector<MetricSpec> parse_metrics(Fields& analysis) {
  const auto on_no_data = parse_policy(analysis, "onNoData", Policy::Hold);
  const auto on_provider_error = parse_policy(analysis, "onProviderError", Policy::Hold);
  std::vector<MetricSpec> metrics;
  std::set<std::string> names;
  for (auto& fields : analysis.objects("metrics")) {
    metrics.push_back(parse_metric(fields, on_no_data, on_provider_error));
    const auto& name = metrics.back().metric.name;
    if (!names.insert(name).second) {
      fields.refuse("name",
                    fields.path_of("name") + " is \"" + name + "\", as another metric's; names must differ");
    }
  }
  return metrics;
}

Result<MetricTemplate> parse_template(const Json& object) {
  std::optional<FieldError> error;
  MetricTemplate result;
  const Json empty = Json::object();
  Fields root(object.is_object() ? object : empty, "", error);
  root.require("spec");
  auto spec = root.object("spec");
  spec.require("query");
  result.query = spec.text("query");
  spec.require("provider");
  auto provider = spec.object("provider");
  provider.choice<bool>("type", {{"prometheus", true}});
  result.address = provider.text("address");
  if (!result.address.empty() && !result.address.starts_with("http://") &&
      !result.address.starts_with("https://")) {
    provider.refuse("address", provider.path_of("address") + " is \"" + result.address +
                                   "\"; it must be a URL that starts with http:// or https://");
  }
  result.headers = provider.dictionary("headers");
  result.insecure_skip_verify = provider.flag("insecureSkipVerify", false);
  auto secret = provider.object("secretRef");
  if (provider.has("secretRef")) result.secret = secret.name("name", NameForm::Object, true);
  secret.refuse_unknown();
  provider.refuse_unknown();
  spec.refuse_unknown();
  if (error) return std::unexpected(*error);
  return result;
}

}  // namespace weir::canary
