#include "operator/routing/istio/meant_hosts.h"

#include <algorithm>

#include "operator/base/json.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/table.h"
#include "operator/routing/istio/unmatched.h"

namespace weir::routing {
namespace {

std::string sentence(const Target& target, const Json& object, const std::string& field,
                     const std::string& host, const char* what_follows) {
  return label_of(target, object) + " " + field + " is \"" + host + "\", which is no name of Service " +
         target.service + " for Istio: it completes only names without a dot, so that " + what_follows +
         "; write \"" + target.service + "\" or \"" + fqdn(called_service(target)) + "\"";
}

// Of several hosts one that is meant for the Service; empty: none, or another one names it.
std::string meant_host(const Target& target, const Json& virtual_service) {
  std::string found;
  const auto& hosts = base::field(virtual_service, {"spec", "hosts"});
  if (!hosts.is_array()) return found;
  for (const auto& host : hosts) {
    if (!host.is_string()) continue;
    const auto& text = host.get_ref<const std::string&>();
    if (names_service(text, target.name_space, called_service(target))) return {};
    if (is_meant_for(text, called_service(target))) found = text;
  }
  return found;
}

void add_destinations(const Target& target, const Json& object, std::vector<std::string>& sentences) {
  for (const std::string kind : kKinds) {
    const auto& routes = base::field(object, {"spec", kind.c_str()});
    if (!routes.is_array()) continue;
    for (std::size_t index = 0; index < routes.size(); ++index) {
      const auto& entries = base::field(routes[index], {"route"});
      if (!entries.is_array()) continue;
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto host = base::text(entries[i], {"destination", "host"});
        if (!is_meant_for(host, called_service(target))) continue;
        const auto field =
            route_label(kind, index, routes[index]) + ".route[" + std::to_string(i) + "].destination.host";
        sentences.push_back(sentence(target, object, field, host, "this route does not go there"));
      }
    }
  }
}

}  // namespace

std::vector<std::string> meant_hosts(const Target& target, const Objects& objects) {
  std::vector<std::string> sentences;
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    const auto host = base::text(rule, {"spec", "host"});
    if (base::namespace_of(rule) != target.name_space || !is_meant_for(host, called_service(target)))
      continue;
    sentences.push_back(sentence(target, rule, "spec.host", host, "the rule does not apply to it"));
  }
  for (const auto& object : objects.of(kube::kVirtualServices)) {
    if (base::namespace_of(object) != target.name_space) continue;
    add_destinations(target, object, sentences);
    const auto host = is_for_sidecars(base::field(object, {"spec", "gateways"})) ? meant_host(target, object)
                                                                                 : std::string();
    if (!host.empty())
      sentences.push_back(sentence(target, object, "spec.hosts", host,
                                   "clients that call the Service do not pass its routes"));
  }
  return sentences;
}

}  // namespace weir::routing
