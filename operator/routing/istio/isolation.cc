#include "operator/routing/istio/isolation.h"

#include <algorithm>
#include <map>
#include <set>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/routing/istio/destinations.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/meant_hosts.h"
#include "operator/routing/istio/settings.h"

namespace weir::routing {
namespace {

constexpr std::string_view kNobody = "~";  // in exportTo

// What is said of objects, by whether the release trusts whoever wrote them.
struct Sentences {
  const Target& target;
  std::vector<std::string>& own;
  std::vector<std::string>& untrusted;

  [[nodiscard]] bool is_trusted(const Json& object) const {
    return routing::is_trusted(target.trusted, target.name_space, base::namespace_of(object));
  }
  [[nodiscard]] std::vector<std::string>& of(const Json& object) const {
    return is_trusted(object) ? own : untrusted;
  }
};

// An object of another namespace that wins over the release's for some clients.
struct Foreign {
  const Json* object = nullptr;
  bool is_route = false;  // a VirtualService
  Refusal refusal;
};

bool has_route_to(const Target& target, const Json& virtual_service) {
  bool found = false;
  each_route_of(virtual_service, [&](const std::string&, std::size_t, const Json& route) {
    found = found || routes_to(target, virtual_service, route);
  });
  return found;
}

void add_unmanaged(const Target& target, const Objects& objects, std::vector<std::string>& sentences) {
  for (const auto& object : objects.of(kube::kVirtualServices)) {
    if (base::namespace_of(object) != target.name_space) continue;
    each_route_of(object, [&](const std::string& kind, std::size_t index, const Json& route) {
      if (!routes_to(target, object, route) || manages(target, object, kind, route)) return;
      sentences.push_back(label_of(target, object) + " " + route_label(kind, index, route) +
                          " goes to Service " + target.service +
                          " but spec.routing.istio.virtualServices does not list it: its traffic is "
                          "not divided by the release");
    });
  }
}

// Destinations with a subset of the Service that lets pods of both versions through.
void add_other_subsets(const Target& target, const Rules& rules, const Managed& managed,
                       std::vector<std::string>& sentences) {
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto& table : tables) {
      for (const auto& name : table.others) {
        const auto* subset = rules.subsets(rules.own).find(name);
        if (subset == nullptr || base::field(*subset, {"labels", target.version_label.c_str()}).is_string())
          continue;
        sentences.push_back(label_of(target, *object) + " " + table.label + " goes to subset \"" + name +
                            "\", whose labels do not name a " + target.version_label +
                            ": its traffic is not divided by the release");
      }
    }
  }
}

// Why clients in the mesh do not pass the VirtualService, and what to write. A delegate with hosts or
// gateways of its own would be none any more: its root needs them.
std::string why_unbound(const Target& target, const Objects& objects, const ManagedVirtualService& one) {
  const auto label = label_of(target, *one.object);
  const bool delegate = is_delegate(*one.object);
  const auto* blind = delegate && one.bindings.empty() ? blind_root_of(objects, *one.object) : nullptr;
  if (blind != nullptr) {
    return label_of(target, *blind) + " delegates to " + label + ", whose spec.exportTo " +
           base::field(*one.object, {"spec", "exportTo"}).dump() + " hides it from there: add \"" +
           base::namespace_of(*blind) + "\" to that";
  }
  if (one.bindings.empty()) {
    return label +
           " does not apply to them: without spec.hosts it is a delegate, and no VirtualService "
           "delegates to it; let one with \"mesh\" in spec.gateways and \"" +
           target.service + "\" in spec.hosts do so";
  }
  const auto& binding = *one.bindings.front();
  const auto beginning = label_of(target, binding) + (delegate ? ", which delegates to " + label + "," : "") +
                         " does not apply to them: add ";
  if (applies_in_mesh(target, binding)) return beginning + "\"*\" to its spec.exportTo";
  const bool at_home = base::namespace_of(binding) == target.name_space;
  return beginning + "\"mesh\" to its spec.gateways and \"" +
         (at_home ? target.service : fqdn(called_service(target))) + "\" to its spec.hosts";
}

void add_unbound(const Target& target, const Objects& objects, const Managed& managed, Sentences& sentences) {
  if (managed.empty()) return;
  bool in_mesh = false;
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto* binding : bindings) {
      if (!applies_in_mesh(target, *binding)) continue;
      const auto visible = strings(*binding, {"spec", "exportTo"});
      const bool for_all = visible.empty() || has(visible, "*");
      // A root that somebody else hides says nothing of the release's own clients.
      in_mesh = in_mesh || for_all || sentences.is_trusted(*binding);
      if (for_all) continue;
      sentences.of(*binding).push_back(
          label_of(target, *binding) + " has spec.exportTo " +
          base::field(*binding, {"spec", "exportTo"}).dump() +
          ": clients in other namespaces reach both versions unweighted during the release; add \"*\" "
          "to it, or set spec.service.mode to Dedicated");
    }
  }
  if (in_mesh) return;
  sentences.own.push_back("clients in the mesh that call " + target.service +
                          " reach both versions unweighted during the release, since " +
                          why_unbound(target, objects, managed.front()) +
                          ", or set spec.service.mode to Dedicated");
}

// A host as it is compared with those of other objects.
std::string full_host(const Target& target, const Json& object, const std::string& host) {
  return host.find('.') == std::string::npos && !host.starts_with('*')
             ? fqdn({host, base::namespace_of(object), target.cluster_domain})
             : host;
}

std::set<std::string> hosts_at_gateways(const Target& target, const Json& object) {
  std::set<std::string> found;
  for (const auto& gateway : gateways_of(object)) {
    for (const auto& host : strings(object, {"spec", "hosts"})) {
      found.insert("host " + full_host(target, object, host) + " of gateway " + gateway);
    }
  }
  return found;
}

// VirtualServices that are bound alike, managed ones first.
using Bound = std::vector<const Json*>;

std::string names_of(const Target& target, const Bound& bound) {
  constexpr std::size_t kNamed = 3;
  std::string names;
  const auto named = bound.size() > kNamed + 1 ? kNamed : bound.size();
  for (std::size_t i = 0; i < named; ++i) {
    if (i > 0) names += named == bound.size() && i + 1 == named ? " and " : ", ";
    names += label_of(target, *bound[i]);
  }
  if (named < bound.size()) names += " and " + std::to_string(bound.size() - named) + " more";
  return names;
}

void add_doubles(const Target& target, const Objects& objects, const Managed& managed, Sentences& sentences) {
  std::map<std::string, Bound> by_binding;
  std::set<const Json*> ours;
  for (const auto& [object, tables, bindings] : managed) {
    ours.insert(object);
    for (const auto& binding : hosts_at_gateways(target, *object)) by_binding[binding].push_back(object);
  }
  for (const auto& other : objects.of(kube::kVirtualServices)) {
    if (ours.contains(&other)) continue;
    for (const auto& binding : hosts_at_gateways(target, other)) {
      const auto found = by_binding.find(binding);
      if (found != by_binding.end()) found->second.push_back(&other);
    }
  }
  // Those that share several hosts or gateways are named once.
  std::set<Bound> named;
  for (const auto& [binding, bound] : by_binding) {
    if (bound.size() < 2 || !named.insert(bound).second) continue;
    const auto trusted =
        std::ranges::count_if(bound, [&](const Json* one) { return sentences.is_trusted(*one); });
    auto& list = trusted < 2 ? sentences.untrusted : sentences.own;
    list.push_back(names_of(target, bound) + " are " + (bound.size() == 2 ? "both" : "all") + " for " +
                   binding + ": which of them routes a request is not defined");
  }
}

// Whether clients of the rule's namespace, which is not the Service's, take it before those of the Service's.
// Those of the root namespace do so only if nobody else sees it.
bool wins_at_home(const Json& rule) {
  const auto home = base::namespace_of(rule);
  if (!base::field(rule, {"spec", "workloadSelector"}).is_null()) return true;
  const auto readers = readers_of(rule);
  if (home == kRootNamespace) return readers == std::vector{home};
  return has(readers, "*") || has(readers, home);
}

void add_shadowing_wildcards(const Target& target, const Objects& objects, Sentences& sentences) {
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    const auto name_space = base::namespace_of(rule);
    if (name_space == target.name_space || !wins_at_home(rule)) continue;
    if (!wildcard_covers(base::text(rule, {"spec", "host"}), traffic_service(target))) continue;
    sentences.of(rule).push_back(label_of(target, rule) + " (spec.host \"" +
                                 base::text(rule, {"spec", "host"}) + "\") wins for clients in namespace " +
                                 name_space +
                                 " and does not know the subsets of the release: their requests to Service " +
                                 target.service + " would fail");
  }
}

void add_foreign_rules(const Target& target, const Objects& objects, std::vector<Foreign>& found) {
  for (const auto& rule : objects.of(kube::kDestinationRules)) {
    const auto name_space = base::namespace_of(rule);
    if (name_space == target.name_space || !wins_at_home(rule)) continue;
    const auto host = base::text(rule, {"spec", "host"});
    if (!names_service(host, name_space, traffic_service(target))) continue;
    found.push_back(
        {.object = &rule,
         .refusal = {.condition = "Conflict",
                     .reason = "RuleInAnotherNamespace",
                     .message = label_of(target, rule) + " has spec.host \"" + host +
                                "\": it wins for clients in namespace " + name_space +
                                " and does not know the subsets of the release; remove it, or move it to "
                                "namespace " +
                                target.name_space}});
  }
}

// What a VirtualService of another namespace does with requests for the Service; empty: nothing.
std::string foreign_route(const Target& target, const Json& object, const std::set<kube::Key>& managed) {
  const auto readers = readers_of(object);
  if (std::ranges::all_of(readers, [](const auto& name) { return name == kNobody; })) return {};
  if (has_route_to(target, object)) return " routes to Service ";
  const auto hosts = strings(object, {"spec", "hosts"});
  const bool has_host = std::ranges::any_of(hosts, [&](const std::string& host) {
    return names_service(host, base::namespace_of(object), called_service(target));
  });
  // At a gateway its requests are none of the Service's clients.
  if (!has_host || !has(gateways_of(object), kMesh) || delegates_to(object, managed)) return {};
  return " has in spec.hosts Service ";
}

void add_foreign_routes(const Target& target, const Objects& objects, const Managed& managed,
                        std::vector<Foreign>& found) {
  std::set<kube::Key> keys;
  for (const auto& [object, tables, bindings] : managed) keys.insert(kube::key_of(*object));
  for (const auto& object : objects.of(kube::kVirtualServices)) {
    if (base::namespace_of(object) == target.name_space) continue;
    const auto does = foreign_route(target, object, keys);
    if (does.empty()) continue;
    found.push_back(
        {.object = &object,
         .is_route = true,
         .refusal = {.condition = "Conflict",
                     .reason = "RouteInAnotherNamespace",
                     .message = label_of(target, object) + does + target.service + " of namespace " +
                                target.name_space +
                                ": a release divides routes of its own namespace only; move the route there, "
                                "or let it delegate to a VirtualService there"}});
  }
}

std::vector<Foreign> find_foreign(const Target& target, const Objects& objects, const Managed& managed) {
  std::vector<Foreign> found;
  add_foreign_rules(target, objects, found);
  add_foreign_routes(target, objects, managed, found);
  return found;
}

// A release that has begun is neither held nor taken back for what another namespace does to its own clients.
bool refuses(const Target& target, const Foreign& foreign) {
  return !has_route_records(target) &&
         is_trusted(target.trusted, target.name_space, base::namespace_of(*foreign.object));
}

// The namespaces whose gateways pass a VirtualService: those that see it, since a gateway's proxies need not
// run where its Gateway object is. What leads to a delegate is not known.
std::vector<std::string> gateways_passing(const Json& virtual_service) {
  if (is_delegate(virtual_service)) return {"*"};
  const auto gateways = gateways_of(virtual_service);
  const bool any = std::ranges::any_of(gateways, [](const auto& gateway) { return gateway != kMesh; });
  return any ? readers_of(virtual_service) : std::vector<std::string>{};
}

// Subsets that some readers of the routes cannot see answer 503 there.
void add_hidden_rule(const Target& target, const Rules& rules, const Managed& managed,
                     std::vector<Refusal>& refusals) {
  const auto* rule = rules.traffic(target) != nullptr ? rules.traffic(target) : rules.applied;
  if (rule == nullptr) return;
  const auto rule_visible = readers_of(*rule);
  if (has(rule_visible, "*")) return;
  const auto covers = [&](const Json& shown) {
    return std::ranges::all_of(readers_of(shown), [&](const auto& name) { return has(rule_visible, name); });
  };
  for (const auto& [object, tables, bindings] : managed) {
    // A delegate's routes are seen where a root's are, into which they are merged.
    const auto root = std::ranges::find_if(bindings, [&](const Json* one) { return !covers(*one); });
    const bool has_root = !bindings.empty();
    if (has_root ? root == bindings.end() : covers(*object)) continue;
    const Json& shown = has_root ? **root : *object;
    const std::string of_root = &shown == object ? "" : ", which delegates to " + label_of(target, *object);
    refusals.push_back(
        {.condition = "Conflict",
         .reason = "RuleNotVisible",
         .message = label_of(target, *rule) + " has spec.exportTo " +
                    base::field(*rule, {"spec", "exportTo"}).dump() + ", but " + label_of(target, shown) +
                    of_root +
                    " is seen in more namespaces, where its routes would name subsets that nobody "
                    "defines: let both be exported to the same namespaces"});
  }
}

void add_dead_names(const Target& target, const Objects& objects, std::vector<Refusal>& refusals) {
  for (const auto& listed : listed_virtual_services(target)) {
    const auto name = base::text(listed, {"name"});
    const auto found = std::ranges::find_if(objects.of(kube::kVirtualServices), [&](const Json& object) {
      return base::namespace_of(object) == target.name_space && base::name_of(object) == name;
    });
    const auto where = "spec.routing.istio.virtualServices names \"" + name + "\"";
    if (found == objects.of(kube::kVirtualServices).end()) {
      refusals.push_back(
          {.condition = "Progressing",
           .reason = "VirtualServiceNotFound",
           .message = where + ": namespace " + target.name_space + " has no such VirtualService"});
      continue;
    }
    std::set<std::string> missing;
    for (const auto& route : base::field(listed, {"routes"})) missing.insert(route.get<std::string>());
    each_route_of(*found, [&](const std::string& kind, std::size_t, const Json& route) {
      if (kind == "http" && routes_to(target, *found, route)) missing.erase(base::text(route, {"name"}));
    });
    for (const auto& route : missing) {
      refusals.push_back({.condition = "Progressing",
                          .reason = "RouteNotFound",
                          .message = where + " with route \"" + route +
                                     "\": it has no http route of that name that "
                                     "goes to Service " +
                                     target.service});
    }
    if (!base::field(listed, {"routes"}).empty() || has_route_to(target, *found)) continue;
    refusals.push_back({.condition = "Progressing",
                        .reason = "RouteNotFound",
                        .message = where + ": none of its routes goes to Service " + target.service});
  }
}

}  // namespace

void add_not_isolated(const Target& target, const Objects& objects, const Rules& rules,
                      const Managed& managed, Router::Reading& reading) {
  Sentences sentences{target, reading.not_isolated, reading.not_isolated_untrusted};
  add_unmanaged(target, objects, sentences.own);
  add_other_subsets(target, rules, managed, sentences.own);
  // In Dedicated mode a client that passes no divided route reaches one version only.
  if (!dedicated(target)) add_unbound(target, objects, managed, sentences);
  add_doubles(target, objects, managed, sentences);
  add_shadowing_wildcards(target, objects, sentences);
  for (auto& sentence : meant_hosts(target, objects)) sentences.own.push_back(std::move(sentence));
  for (auto& foreign : find_foreign(target, objects, managed)) {
    if (refuses(target, foreign)) continue;
    sentences.of(*foreign.object).push_back(std::move(foreign.refusal.message));
    if (!foreign.is_route || sentences.is_trusted(*foreign.object)) continue;
    for (auto& name_space : gateways_passing(*foreign.object)) reading.overridden_gateways.insert(name_space);
  }
}

std::set<std::string> gateway_namespaces(const Target& target, const Managed& managed) {
  std::set<std::string> found;
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto* binding : bindings) {
      if (!is_trusted(target.trusted, target.name_space, base::namespace_of(*binding))) continue;
      for (const auto& gateway : gateways_of(*binding)) {
        if (gateway != kMesh) found.insert(gateway.substr(0, gateway.find('/')));
      }
    }
  }
  return found;
}

std::vector<Refusal> conflicts(const Target& target, const Objects& objects, const Rules& rules,
                               const Managed& managed) {
  std::vector<Refusal> refusals;
  for (auto& foreign : find_foreign(target, objects, managed)) {
    if (refuses(target, foreign)) refusals.push_back(std::move(foreign.refusal));
  }
  add_hidden_rule(target, rules, managed, refusals);
  add_dead_names(target, objects, refusals);
  return refusals;
}

}  // namespace weir::routing
