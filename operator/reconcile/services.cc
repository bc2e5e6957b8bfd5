#include "operator/reconcile/services.h"

#include <algorithm>
#include <cctype>

#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::reconcile {
namespace {

// Of a Service's name: a DNS label.
constexpr std::size_t kLongestName = 63;

Json ports_of(const Json& service) {
  Json ports = Json::array();
  const auto spec = service.value("spec", Json::object());
  for (const auto& port : spec.value("ports", Json::array())) {
    Json copy = Json::object();
    for (const auto* field : {"name", "port", "targetPort", "protocol", "appProtocol"}) {
      if (port.contains(field)) copy[field] = port[field];
    }
    ports.push_back(std::move(copy));
  }
  return ports;
}

// In the address families of the Service itself, whatever the cluster's default is.
Json spec_of(const Json& service, Json selector) {
  Json spec{{"type", "ClusterIP"}, {"ports", ports_of(service)}, {"selector", std::move(selector)}};
  for (const auto* field : {"ipFamilies", "ipFamilyPolicy"}) {
    if (const auto& value = base::field(service, {"spec", field}); !value.is_null()) spec[field] = value;
  }
  return spec;
}

Json make_service(const canary::Canary& canary, const std::string& name, const Json& service, Json selector) {
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata",
           {{"name", name},
            {"namespace", canary.name_space},
            {"labels", {{kManagedBy, "weir"}, {"weir.dev/canary", canary.name}}},
            {"ownerReferences", Json::array({owner_reference(canary)})}}},
          {"spec", spec_of(service, std::move(selector))}};
}

}  // namespace

kube::Key service_of(const Json& canary) {
  return {kube::metadata_text(canary, "namespace"), base::text(canary, {"spec", "service", "name"})};
}

std::string name_part(std::string_view version) {
  std::string part;
  for (const char raw : version) {
    const auto letter = static_cast<unsigned char>(raw);
    part += std::isalnum(letter) != 0 ? static_cast<char>(std::tolower(letter)) : '-';
  }
  while (!part.empty() && part.back() == '-') part.pop_back();
  return part;
}

std::string version_service_name(const std::string& service, std::string_view version) {
  std::string name = service + "-" + name_part(version);
  if (name.size() > kLongestName) name.resize(kLongestName);
  while (name.back() == '-') name.pop_back();
  return name;
}

std::string traffic_service_name(const strategies::Spec& spec) {
  if (spec.service.mode == strategies::ServiceMode::Placeholder) return spec.service.name;
  return version_service_name(spec.service.name, kTrafficPart);
}

Json owner_reference(const canary::Canary& canary) {
  return {{"apiVersion", "weir.dev/v1alpha1"},
          {"kind", "Canary"},
          {"name", canary.name},
          {"uid", canary.uid},
          {"controller", true},
          {"blockOwnerDeletion", false}};
}

bool is_owned_by(const Json& object, const std::string& uid) {
  const auto owners = object.value("metadata", Json::object()).value("ownerReferences", Json::array());
  return std::ranges::any_of(owners, [&](const Json& owner) { return owner.value("uid", "") == uid; });
}

bool is_made(const Json& object) {
  const auto& owners = base::field(object, {"metadata", "ownerReferences"});
  return owners.is_array() && std::ranges::any_of(owners, [](const Json& owner) {
           return base::text(owner, {"kind"}) == kube::kCanaries.kind &&
                  base::text(owner, {"apiVersion"}).starts_with(kube::kCanaries.group);
         });
}

std::vector<Json> wanted_services(const canary::Canary& canary, const Json& service,
                                  const std::string& stable_version, const std::string& candidate_version) {
  const auto& spec = canary.spec.service;
  Json shared = service.value("spec", Json::object()).value("selector", Json::object());
  shared.erase(spec.version_label);
  std::vector<Json> wanted;
  for (const auto& version : {stable_version, candidate_version}) {
    Json selector = shared;
    selector[spec.version_label] = version;
    wanted.push_back(
        make_service(canary, version_service_name(spec.name, version), service, std::move(selector)));
  }
  if (spec.mode == strategies::ServiceMode::Dedicated) {
    wanted.push_back(make_service(canary, traffic_service_name(canary.spec), service, shared));
  }
  return wanted;
}

bool is_as_wanted(const Json& existing, const Json& wanted) {
  const auto spec = existing.value("spec", Json::object());
  return spec.value("selector", Json::object()) == wanted["spec"]["selector"] &&
         ports_of(existing).size() == wanted["spec"]["ports"].size();
}

}  // namespace weir::reconcile
