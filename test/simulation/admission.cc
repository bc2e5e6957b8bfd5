#include "test/simulation/admission.h"

#include <spdlog/fmt/fmt.h>

#include <cstdint>
#include <limits>
#include <regex>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "test/simulation/cluster_objects.h"

namespace weir::simulation {
namespace {

constexpr std::size_t kLongest = 63;

bool has_form(const std::string& text, const std::regex& form) {
  return text.size() <= kLongest && std::regex_match(text, form);
}

// Of a Service: a DNS label of RFC 1035.
bool is_service_name(const std::string& text) {
  static const std::regex kForm("[a-z]([-a-z0-9]*[a-z0-9])?");
  return has_form(text, kForm);
}

bool is_label_value(const std::string& text) {
  static const std::regex kForm("(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?");
  return has_form(text, kForm);
}

// Istio's form of a DNS label.
bool is_subset_name(const std::string& text) {
  static const std::regex kForm("[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?");
  return has_form(text, kForm);
}

std::string of_labels(const Json& labels) {
  for (const auto& [key, value] : labels_of(labels)) {
    if (!is_label_value(value)) return fmt::format("label {} has an invalid value: {}", key, value);
  }
  return {};
}

std::string of_rule(const Json& rule) {
  for (const auto& subset : member(rule, "/spec/subsets")) {
    const auto name = base::text(subset, {"name"});
    if (!is_subset_name(name)) return "subset name is invalid: " + name;
    if (auto refusal = of_labels(member(subset, "/labels")); !refusal.empty()) return refusal;
  }
  return {};
}

std::string of_destinations(const Json& destinations) {
  std::int64_t sum = 0;
  for (const auto& destination : destinations) {
    const auto subset = base::text(destination, {"destination", "subset"});
    if (!subset.empty() && !is_subset_name(subset)) return "subset name is invalid: " + subset;
    const auto& weight = member(destination, "/weight");
    const auto value = weight.is_number_integer() ? weight.get<std::int64_t>() : 0;
    if (value < 0) return fmt::format("weight {} < 0", value);
    sum += value;
  }
  if (sum > std::numeric_limits<std::int32_t>::max()) return "the weights are too large";
  return destinations.size() > 1 && sum == 0 ? "total destination weight = 0" : "";
}

std::string of_routes(const Json& virtual_service) {
  for (const char* kind : {"/spec/http", "/spec/tcp", "/spec/tls"}) {
    for (const auto& route : member(virtual_service, kind)) {
      if (auto refusal = of_destinations(member(route, "/route")); !refusal.empty()) return refusal;
    }
  }
  return {};
}

}  // namespace

bool is_admitted(const kube::Resource& resource) {
  return resource.kind == kube::kServices.kind || resource.kind == kube::kVirtualServices.kind ||
         resource.kind == kube::kDestinationRules.kind;
}

std::string refusal_of(const kube::Resource& resource, const Json& object) {
  if (!is_admitted(resource)) return {};
  if (auto refusal = of_labels(member(object, "/metadata/labels")); !refusal.empty()) return refusal;
  const auto name = kube::metadata_text(object, "name");
  // One without a name gets one, or is refused for having none.
  if (resource.kind == kube::kServices.kind && !name.empty() && !is_service_name(name))
    return "metadata.name is no DNS label: " + name;
  if (resource.kind == kube::kDestinationRules.kind) return of_rule(object);
  return resource.kind == kube::kVirtualServices.kind ? of_routes(object) : "";
}

}  // namespace weir::simulation
