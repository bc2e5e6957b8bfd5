#include "operator/reconcile/services.h"

#include <algorithm>
#include <array>
#include <utility>

#include "operator/base/json.h"
#include "operator/base/label.h"
#include "operator/kube/object.h"

namespace weir::reconcile {
namespace {

// In place of a version in the name of Dedicated mode's own Service.
constexpr std::string_view kTrafficPart = "weir";

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

// What the wanted ports say of where they lead; the API server fills in what they leave out.
bool leads_alike(const Json& existing, const Json& wanted) {
  if (existing.size() != wanted.size()) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (const auto& [field, value] : wanted[i].items()) {
      if (base::field(existing[i], {field.c_str()}) != value) return false;
    }
  }
  return true;
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
  Json made{{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata",
             {{"name", name},
              {"namespace", canary.name_space},
              {"labels", {{"weir.dev/canary", canary_label(canary.name)}}}}},
            {"spec", spec_of(service, std::move(selector))}};
  routing::sign(made, maker(canary));
  return made;
}

// A version's name before anything else is known.
std::string plain_name(const std::string& service, const std::string& version) {
  return service + "-" + base::dashed(version);
}

}  // namespace

kube::Key service_of(const Json& canary) {
  return {kube::metadata_text(canary, "namespace"), base::text(canary, {"spec", "service", "name"})};
}

ServiceNames service_names(const strategies::Spec& spec, const std::string& stable_version,
                           const std::string& candidate_version) {
  const auto& service = spec.service.name;
  const bool dedicated = spec.service.mode == strategies::ServiceMode::Dedicated;
  ServiceNames names{.traffic = dedicated ? dedicated_service_name(service) : service};
  const auto name_of = [&](const std::string& version, const std::string& other) {
    auto name = plain_name(service, version);
    const std::array taken{plain_name(service, other), service + "-", names.traffic};
    const bool usable = name.size() <= base::kLongestLabel && std::ranges::find(taken, name) == taken.end();
    return usable ? name : base::with_hash(name, service + " " + version);
  };
  names.stable = name_of(stable_version, candidate_version);
  names.candidate = name_of(candidate_version, stable_version);
  // A version that looks like the hashed name of the other.
  if (names.candidate == names.stable)
    names.candidate = base::with_hash(names.candidate, service + " " + candidate_version);
  return names;
}

std::string dedicated_service_name(const std::string& service) {
  const auto name = plain_name(service, std::string(kTrafficPart));
  return name.size() <= base::kLongestLabel ? name : base::with_hash(name, service);
}

std::string canary_label(const std::string& canary) {
  return canary.size() <= base::kLongestLabel ? canary : base::with_hash(canary, canary);
}

routing::Maker maker(const canary::Canary& canary) {
  return {.canary = canary.name, .uid = canary.uid, .service = canary.spec.service.name};
}

std::vector<Json> wanted_services(const canary::Canary& canary, const Json& service,
                                  const std::string& stable_version, const std::string& candidate_version) {
  const auto& spec = canary.spec.service;
  const auto names = service_names(canary.spec, stable_version, candidate_version);
  Json shared = service.value("spec", Json::object()).value("selector", Json::object());
  shared.erase(spec.version_label);
  std::vector<Json> wanted;
  for (const auto& [name, version] :
       {std::pair{names.stable, stable_version}, {names.candidate, candidate_version}}) {
    Json selector = shared;
    selector[spec.version_label] = version;
    wanted.push_back(make_service(canary, name, service, std::move(selector)));
  }
  if (spec.mode == strategies::ServiceMode::Dedicated)
    wanted.push_back(make_service(canary, names.traffic, service, shared));
  return wanted;
}

bool is_as_wanted(const Json& existing, const Json& wanted) {
  const auto spec = existing.value("spec", Json::object());
  return spec.value("selector", Json::object()) == wanted["spec"]["selector"] &&
         leads_alike(ports_of(existing), wanted["spec"]["ports"]);
}

}  // namespace weir::reconcile
