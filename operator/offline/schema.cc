#include "operator/offline/schema.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "operator/base/json.h"
#include "operator/base/names.h"
#include "operator/kube/resource.h"
#include "operator/offline/ports.h"

namespace weir::offline {
namespace {

constexpr std::string_view kVirtualService = "VirtualService";
constexpr std::string_view kDestinationRule = "DestinationRule";
constexpr std::int64_t kMaxCount = std::numeric_limits<std::int32_t>::max();

bool is_object(const Json& value) { return value.is_object(); }
bool is_list(const Json& value) { return value.is_array(); }
bool is_string(const Json& value) { return value.is_string(); }
bool is_selector(const Json& value) { return value.is_object() && !value.empty(); }
bool is_count(const Json& value) {
  return value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
         value.get<std::int64_t>() <= kMaxCount;
}
// Of the type another row of the table speaks.
template <const base::NameRule& Rule>
bool is_named_by(const Json& value) {
  return !value.is_string() || Rule.takes(value.get_ref<const std::string&>());
}

// No namespace, as the flag or the context has it.
bool is_namespace(const Json& value) {
  return !value.is_string() || value.get_ref<const std::string&>().empty() ||
         is_named_by<base::kDnsLabel>(value);
}

struct Rule {
  bool (*takes)(const Json& value);
  std::string_view accepted;
  bool of_keys = false;   // it is about the keys of an object, not about its values
  bool required = false;  // no object that may have the field is without it
};

constexpr Rule required(Rule rule) {
  rule.required = true;
  return rule;
}

template <const base::NameRule& Names>
constexpr Rule named_by() {
  return {is_named_by<Names>, Names.accepted};
}
template <const base::NameRule& Names>
constexpr Rule keys_named_by() {
  return {is_named_by<Names>, Names.accepted, true};
}

constexpr Rule kObject{is_object, "an object"};
constexpr Rule kList{is_list, "a list"};
constexpr Rule kString{is_string, "a string"};
constexpr Rule kCount{is_count, "a whole number from 0 to 2147483647"};

struct Field {
  std::string_view kind;  // empty: of every kind
  std::string_view path;  // "*" is every member or item
  Rule rule;
};

// A field stands below those that it is part of.
constexpr std::array kFields{
    Field{"", "metadata", kObject},
    Field{"", "metadata/name", kString},
    Field{"", "metadata/namespace", kString},
    Field{"", "metadata/namespace", {is_namespace, base::kDnsLabel.accepted}},
    Field{"", "metadata/labels", kObject},
    Field{"", "metadata/labels/*", keys_named_by<base::kLabelKey>()},
    Field{"", "metadata/labels/*", kString},
    Field{"", "metadata/labels/*", named_by<base::kLabelValue>()},
    Field{"", "metadata/annotations", kObject},
    Field{"", "metadata/annotations/*", keys_named_by<base::kAnnotationKey>()},
    Field{"", "metadata/annotations/*", kString},
    Field{"", "metadata/finalizers", kList},
    Field{"", "metadata/finalizers/*", kString},
    Field{"", "metadata/ownerReferences", kList},
    Field{"", "metadata/ownerReferences/*", kObject},
    Field{"", "metadata/ownerReferences/*/uid", kString},
    Field{"Deployment", "spec", required(kObject)},
    Field{"Deployment", "spec/replicas", kCount},
    Field{"Deployment", "spec/selector",
          required({is_selector, "an object with matchLabels or matchExpressions"})},
    Field{"Deployment", "spec/selector/matchLabels", kObject},
    Field{"Deployment", "spec/selector/matchLabels/*", keys_named_by<base::kLabelKey>()},
    Field{"Deployment", "spec/selector/matchLabels/*", kString},
    Field{"Deployment", "spec/selector/matchLabels/*", named_by<base::kLabelValue>()},
    Field{"Deployment", "spec/template", kObject},
    Field{"Deployment", "spec/template/metadata", kObject},
    Field{"Deployment", "spec/template/metadata/labels", kObject},
    Field{"Deployment", "spec/template/metadata/labels/*", keys_named_by<base::kLabelKey>()},
    Field{"Deployment", "spec/template/metadata/labels/*", kString},
    Field{"Deployment", "spec/template/metadata/labels/*", named_by<base::kLabelValue>()},
    Field{"Service", "spec", kObject},
    Field{"Service", "spec/selector", kObject},
    Field{"Service", "spec/selector/*", keys_named_by<base::kLabelKey>()},
    Field{"Service", "spec/selector/*", kString},
    Field{"Service", "spec/selector/*", named_by<base::kLabelValue>()},
    Field{"Service", "spec/ports", kList},
    Field{"Service", "spec/ports/*", kObject},
    Field{kVirtualService, "spec", kObject},
    Field{kVirtualService, "spec/hosts", kList},
    Field{kVirtualService, "spec/hosts/*", kString},
    Field{kVirtualService, "spec/gateways", kList},
    Field{kVirtualService, "spec/gateways/*", kString},
    Field{kVirtualService, "spec/exportTo", kList},
    Field{kVirtualService, "spec/exportTo/*", kString},
    Field{kDestinationRule, "spec", kObject},
    Field{kDestinationRule, "spec/host", kString},
    Field{kDestinationRule, "spec/exportTo", kList},
    Field{kDestinationRule, "spec/exportTo/*", kString},
    Field{kDestinationRule, "spec/workloadSelector", kObject},
    Field{kDestinationRule, "spec/subsets", kList},
    Field{kDestinationRule, "spec/subsets/*", kObject},
    Field{kDestinationRule, "spec/subsets/*/name", kString},
    Field{kDestinationRule, "spec/subsets/*/labels", kObject},
    Field{kDestinationRule, "spec/subsets/*/labels/*", kString},
};

struct RouteField {
  std::string_view path;
  Rule rule;
};

// Of each route of a VirtualService, in each of its lists.
constexpr std::array<const char*, 3> kRouteLists{"http", "tcp", "tls"};
constexpr std::array kRouteFields{
    RouteField{"name", kString},
    RouteField{"match", kList},
    RouteField{"match/*", kObject},
    RouteField{"match/*/gateways", kList},
    RouteField{"match/*/gateways/*", kString},
    RouteField{"match/*/sourceLabels", kObject},
    RouteField{"match/*/sourceLabels/*", kString},
    RouteField{"match/*/sourceNamespace", kString},
    RouteField{"match/*/port", kCount},
    RouteField{"route", kList},
    RouteField{"route/*", kObject},
    RouteField{"route/*/destination", kObject},
    RouteField{"route/*/destination/host", kString},
    RouteField{"route/*/destination/subset", kString},
    RouteField{"route/*/destination/port", kObject},
    RouteField{"route/*/destination/port/number", kCount},
    RouteField{"mirror", kObject},
    RouteField{"mirror/host", kString},
    RouteField{"mirror/subset", kString},
    RouteField{"mirrors", kList},
    RouteField{"mirrors/*", kObject},
    RouteField{"mirrors/*/destination", kObject},
    RouteField{"mirrors/*/destination/host", kString},
    RouteField{"mirrors/*/destination/subset", kString},
    RouteField{"delegate", kObject},
    RouteField{"delegate/name", kString},
    RouteField{"delegate/namespace", kString},
};

// The first value at `path` below `node`, which is the field `at`, that the rule doesn't take.
std::optional<Unusable> look(const Json& node, const std::string& at, std::string_view path,
                             const Rule& rule) {
  if (!node.is_structured()) return std::nullopt;
  const auto slash = path.find('/');
  const auto name = path.substr(0, slash);
  const bool last = slash == std::string_view::npos;
  if (rule.required && last && node.is_object() && !node.contains(name))
    return Unusable{
        .field = (at.empty() ? "" : at + ".") + std::string(name), .value = "", .accepted = rule.accepted};
  std::size_t index = 0;
  for (const auto& [key, value] : node.items()) {
    const auto number = index++;
    if (name != "*" && name != key) continue;
    if (last && rule.of_keys) {
      if (!rule.takes(key)) return Unusable{at, Json(key).dump(), rule.accepted, true};
      continue;
    }
    if (last && rule.takes(value)) continue;
    const auto field = node.is_array() ? at + "[" + std::to_string(number) + "]"
                                       : (at.empty() ? std::string() : at + ".") + key;
    if (last) return Unusable{.field = field, .value = value.dump(), .accepted = rule.accepted};
    if (auto found = look(value, field, path.substr(slash + 1), rule)) return found;
  }
  return std::nullopt;
}

std::optional<Unusable> find_unusable_route(const Json& virtual_service) {
  for (const auto* list : kRouteLists) {
    const std::string at = std::string("spec.") + list;
    const auto& routes = base::field(virtual_service, {"spec", list});
    if (routes.is_null()) continue;
    if (!routes.is_array()) return Unusable{.field = at, .value = routes.dump(), .accepted = kList.accepted};
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const auto route = at + "[" + std::to_string(i) + "]";
      if (!routes[i].is_object())
        return Unusable{.field = route, .value = routes[i].dump(), .accepted = kObject.accepted};
      for (const auto& field : kRouteFields) {
        if (auto found = look(routes[i], route, field.path, field.rule)) return found;
      }
    }
  }
  return std::nullopt;
}

// What the name of an object of this kind must look like.
const base::NameRule& rule_of_names(const std::string& kind) {
  return kind == kube::kServices.kind ? base::kServiceName : base::kDnsSubdomain;
}

// An absent name has a message of its own.
std::optional<Unusable> find_unusable_name(const Json& object, const std::string& kind) {
  const auto name = base::name_of(object);
  const auto& rule = rule_of_names(kind);
  if (name.empty() || rule.takes(name)) return std::nullopt;
  return Unusable{.field = "metadata.name", .value = Json(name).dump(), .accepted = rule.accepted};
}

void drop_all_nulls(Json& node) {
  if (!node.is_structured()) return;
  for (auto at = node.begin(); at != node.end();) {
    if (node.is_object() && at->is_null()) {
      at = node.erase(at);
    } else {
      drop_all_nulls(*at++);
    }
  }
}

// Where every value is a text, so that a number is refused, as it is written.
constexpr std::array<std::string_view, 5> kTexts{"metadata", "labels", "annotations", "selector",
                                                 "matchLabels"};
// Up to which whole numbers are exact in floating point.
constexpr double kMostExact = 9007199254740992;

// kubectl writes 2.0 as 2 on the way to the API server.
void make_whole(Json& node) {
  if (node.is_number_float()) {
    const double value = node.get<double>();
    if (std::trunc(value) == value && std::abs(value) <= kMostExact) node = static_cast<std::int64_t>(value);
    return;
  }
  if (node.is_array()) {
    for (auto& item : node) make_whole(item);
  } else if (node.is_object()) {
    for (auto at = node.begin(); at != node.end(); ++at) {
      if (std::ranges::find(kTexts, at.key()) == kTexts.end()) make_whole(at.value());
    }
  }
}

// "Service checkout"; of what has no name the kind alone.
std::string called(const Json& object) {
  const auto kind = base::text(object, {"kind"});
  const auto name = base::name_of(object);
  return name.empty() ? kind : kind + " " + name;
}

}  // namespace

void drop_nulls(Json& object) {
  const auto kind = base::text(object, {"kind"});
  const bool known = std::ranges::any_of(kFields, [&](const Field& field) { return field.kind == kind; });
  if (known) return drop_all_nulls(object);
  if (const auto metadata = object.find("metadata"); metadata != object.end()) drop_all_nulls(*metadata);
}

std::optional<Unusable> find_unusable(const Json& object) {
  const auto kind = base::text(object, {"kind"});
  for (const auto& field : kFields) {
    if (!field.kind.empty() && field.kind != kind) continue;
    if (auto found = look(object, "", field.path, field.rule)) return found;
  }
  if (auto found = find_unusable_name(object, kind)) return found;
  if (kind == kVirtualService) return find_unusable_route(object);
  return kind == kube::kServices.kind ? find_unusable_port(object) : std::nullopt;
}

std::expected<Json, std::string> admitted(const Document& document) {
  Json object = document.object;
  drop_nulls(object);
  make_whole(object);
  const auto wrong = find_unusable(object);
  if (!wrong) return object;
  return std::unexpected(document.position(wrong->field) + ": " + (wrong->is_key ? "a key of " : "") +
                         wrong->field + " of " + called(object) + " is " +
                         (wrong->value.empty() ? "not there" : wrong->value) + "; accepted is " +
                         std::string(wrong->accepted));
}

}  // namespace weir::offline
