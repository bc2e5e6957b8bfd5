#include "support.h"

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <iterator>

#include "operator/canary/strategy.h"

namespace weir::canary {
namespace {

Json scalar(const YAML::Node& node) {
  if (node.Tag() == "!") return node.as<std::string>();  // quoted
  bool flag = false;
  std::int64_t integer = 0;
  double number = 0;
  if (YAML::convert<bool>::decode(node, flag)) return flag;
  if (YAML::convert<std::int64_t>::decode(node, integer)) return integer;
  if (YAML::convert<double>::decode(node, number)) return number;
  return node.as<std::string>();
}

Json to_value(const YAML::Node& node) {
  if (node.IsSequence()) {
    Json list = Json::array();
    for (const auto& item : node) list.push_back(to_value(item));
    return list;
  }
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& member : node) object[member.first.as<std::string>()] = to_value(member.second);
    return object;
  }
  return node.IsScalar() ? scalar(node) : Json();
}

Json metric_of(const MetricSpec& spec) {
  const auto& metric = spec.metric;
  return {{"name", metric.name},
          {"query", metric.query},
          {"min", metric.range.min.value_or(-1)},
          {"max", metric.range.max.value_or(-1)},
          {"interval", metric.interval.value_or(analysis::Seconds{0}).count()},
          {"variables", metric.template_variables},
          {"onNoData", static_cast<int>(metric.on_no_data)},
          {"onProviderError", static_cast<int>(metric.on_provider_error)},
          {"template", spec.template_namespace + "/" + spec.template_name}};
}

Json routing_of(const strategies::RoutingSpec& routing) {
  return {{"provider", routing.provider},
          {"settings", Json::parse(routing.settings, nullptr, false)},
          {"delay", routing.propagation_delay.count()}};
}

}  // namespace

Json load_yaml(const std::string& path) {
  return to_value(YAML::LoadFile(std::string(WEIR_SOURCE_DIR) + "/" + path));
}

std::string load_text(const std::string& path) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(file) << path;
  return {std::istreambuf_iterator<char>(file), {}};
}

Json canary_with(const Json& spec) {
  Json object = load_yaml("test/unit/canary/refusals.yaml").at("valid");
  object.at("spec").merge_patch(spec);
  return object;
}

std::string refusal_of(const Json& object) {
  const auto canary = parse(object, UnknownFields::Refuse);
  return canary ? "" : canary.error().message;
}

Json spec_of(const Json& object) {
  const auto canary = parse(object);
  if (!canary) {
    ADD_FAILURE() << canary.error().message;
    return {};
  }
  const auto& spec = canary->spec;
  Json metrics = Json::array();
  for (const auto& metric : canary->metrics) metrics.push_back(metric_of(metric));
  const auto workload = [](const strategies::WorkloadRef& ref) {
    return ref.api_version + "/" + ref.kind + "/" + ref.name;
  };
  return {{"target", workload(spec.target)},
          {"stableRef", spec.stable_ref ? workload(*spec.stable_ref) : ""},
          {"service", {spec.service.name, spec.service.version_label, static_cast<int>(spec.service.mode)}},
          {"routing", routing_of(spec.routing)},
          {"afterPromotion", static_cast<int>(spec.stable.after_promotion)},
          {"scaleDownDelay", spec.stable.scale_down_delay.count()},
          {"strategy", describe(spec.program)},
          {"interval", spec.interval.count()},
          {"threshold", spec.threshold},
          {"deadline", spec.progress_deadline.count()},
          {"breaker", spec.breaker.count()},
          {"flags", {spec.skip_analysis, spec.suspend, spec.supersede, spec.revert_on_deletion}},
          {"ttl", spec.ttl_after_finished.value_or(strategies::Seconds{-1}).count()},
          {"metrics", metrics}};
}

}  // namespace weir::canary
