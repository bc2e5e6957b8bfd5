#include "test/simulation/proxy_config.h"

#include <algorithm>
#include <array>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

constexpr const char* kServiceLabel = "kubernetes.io/service-name";
constexpr const char* kMarkedHeader = "x-marked";

// Whether one entry of `match` takes requests that are marked, or are not. What it does not know takes none.
bool takes(const Json& match, bool marked) {
  for (const auto& [field, condition] : match.items()) {
    if (field == "name") continue;
    if (field == "uri" && condition == Json{{"prefix", "/"}}) continue;
    const bool asks_for_mark = condition == Json{{kMarkedHeader, {{"exact", "yes"}}}};
    if (field == "headers" && asks_for_mark && marked) continue;
    return false;
  }
  return true;
}

bool route_takes(const Json& http, bool marked) {
  const Json& matches = member(http, "/match");
  return !matches.is_array() || matches.empty() ||
         std::ranges::any_of(matches, [&](const Json& match) { return takes(match, marked); });
}

Route read_route(const Json& http) {
  Route route{.marked = route_takes(http, true), .unmarked = route_takes(http, false)};
  const Json& entries = member(http, "/route");
  for (const auto& entry : entries) {
    const Json& weight = member(entry, "/weight");
    const double otherwise = entries.size() == 1 ? 100 : 0;
    route.destinations.push_back({.host = base::text(entry, {"destination", "host"}),
                                  .subset = base::text(entry, {"destination", "subset"}),
                                  .weight = weight.is_number() ? weight.get<double>() : otherwise});
  }
  return route;
}

// A host in full, as Istio completes it: names without a dot are of the namespace of the object that has
// them.
std::string in_full(const std::string& host, const std::string& name_space, const std::string& domain) {
  if (host.find('.') != std::string::npos || host.starts_with('*')) return host;
  return host + "." + name_space + ".svc." + domain;
}

std::string full_name(const kube::Key& service, const std::string& domain) {
  return in_full(service.name, service.name_space, domain);
}

// The Service that a host names, as an object of `name_space` writes it; another host is a name of none.
kube::Key service_of(const std::string& host, const std::string& name_space, const std::string& domain) {
  const auto full = in_full(host, name_space, domain);
  const auto name = full.substr(0, full.find('.'));
  const auto rest = full.substr(name.size() + 1);
  kube::Key key{rest.substr(0, rest.find('.')), name};
  return full == full_name(key, domain) ? key : kube::Key{"", host};
}

// Of several VirtualServices for one host a proxy takes the oldest.
const Tables::value_type* table_for(const Tables& tables, const kube::Key& service,
                                    const std::string& domain) {
  const Tables::value_type* oldest = nullptr;
  for (const auto& each : tables) {
    const bool concerned = std::ranges::any_of(each.second.hosts, [&](const std::string& host) {
      return in_full(host, each.first.name_space, domain) == full_name(service, domain);
    });
    if (concerned && (oldest == nullptr || each.second.created < oldest->second.created)) oldest = &each;
  }
  return oldest;
}

// Subsets that several rules for exactly the same host define are all known; a wildcard applies only where
// there is none, the longest first. Clients are of the Service's namespace: rules of others are not theirs.
const Labels* find_subset(const Rules& rules, const kube::Key& service, const std::string& subset,
                          const std::string& domain) {
  const Rule* covering = nullptr;
  bool exact = false;
  const auto full = full_name(service, domain);
  for (const auto& [key, rule] : rules) {
    if (key.name_space != service.name_space) continue;
    if (in_full(rule.host, key.name_space, domain) == full) {
      exact = true;
      if (const auto found = rule.subsets.find(subset); found != rule.subsets.end()) return &found->second;
    }
    const bool covers = rule.host.starts_with('*') && full.ends_with(rule.host.substr(1));
    if (covers && (covering == nullptr || rule.host.size() > covering->host.size())) covering = &rule;
  }
  if (exact || covering == nullptr) return nullptr;
  const auto found = covering->subsets.find(subset);
  return found == covering->subsets.end() ? nullptr : &found->second;
}

Way way_to(const Rules& rules, const Slices& slices, const kube::Key& service, const std::string& subset,
           const std::string& domain) {
  const std::string what =
      subset.empty() ? "service " + service.name : "subset " + subset + " of " + service.name;
  const Labels* labels = subset.empty() ? nullptr : find_subset(rules, service, subset, domain);
  Way way;
  if (!subset.empty() && labels == nullptr) {
    way.lost = what + " is in no rule that the proxy has";
    way.flag = "NC";
    return way;
  }
  way.service = service.name;
  for (const auto& [key, slice] : slices) {
    if (slice.service != service) continue;
    for (const auto& endpoint : slice.endpoints) {
      // A subset without labels is every endpoint.
      const bool belongs = labels == nullptr || labels->empty() || matches(*labels, endpoint.labels);
      if (belongs) way.endpoints.push_back(endpoint);
    }
  }
  if (way.endpoints.empty()) {
    way.lost = what + " has no endpoint";
    way.flag = "UH";
  }
  return way;
}

Way all_lost(std::string reason) { return {.share = 1, .lost = std::move(reason), .flag = "NR"}; }

}  // namespace

std::optional<Table> read_table(const Json& virtual_service) {
  const Json& gateways = member(virtual_service, "/spec/gateways");
  if (gateways.is_array() && std::ranges::find(gateways, Json("mesh")) == gateways.end()) return std::nullopt;
  Table table{.created = kube::metadata_text(virtual_service, "creationTimestamp")};
  for (const auto& host : member(virtual_service, "/spec/hosts")) {
    table.hosts.push_back(host.is_string() ? host.get<std::string>() : "");
  }
  for (const auto& http : member(virtual_service, "/spec/http")) table.routes.push_back(read_route(http));
  return table;
}

std::optional<Rule> read_rule(const Json& destination_rule) {
  Rule rule{.host = base::text(destination_rule, {"spec", "host"})};
  for (const auto& subset : member(destination_rule, "/spec/subsets")) {
    rule.subsets.emplace(base::text(subset, {"name"}), labels_of(member(subset, "/labels")));
  }
  return rule;
}

std::optional<Addresses> read_slice(const Json& slice, const Cluster& cluster) {
  const Labels labels = labels_of(member(slice, "/metadata/labels"));
  const auto service = labels.find(kServiceLabel);
  if (service == labels.end()) return std::nullopt;
  Addresses read{.service = {kube::key_of(slice).name_space, service->second}};
  for (const auto& endpoint : member(slice, "/endpoints")) {
    if (member(endpoint, "/conditions/ready") == Json(false)) continue;
    for (const auto& address : member(endpoint, "/addresses")) {
      const Pod* pod = cluster.at(address.get<std::string>());
      read.endpoints.push_back({.address = address.get<std::string>(),
                                .workload = pod == nullptr ? "" : pod->workload,
                                .labels = pod == nullptr ? Labels{} : pod->labels});
    }
  }
  return read;
}

std::vector<Way> ways(const Tables& tables, const Rules& rules, const Slices& slices,
                      const kube::Key& service, bool marked, const std::vector<std::string>& elsewhere,
                      const std::string& domain) {
  const auto* table = table_for(tables, service, domain);
  if (table == nullptr) {
    Way straight = way_to(rules, slices, service, "", domain);
    straight.share = 1;
    return {straight};
  }
  const auto& [key, routed] = *table;
  const auto route = std::ranges::find_if(
      routed.routes, [&](const Route& each) { return marked ? each.marked : each.unmarked; });
  if (route == routed.routes.end()) return {all_lost("no route of " + key.name + " takes the request")};

  double total = 0;
  for (const auto& destination : route->destinations) total += destination.weight;
  if (total <= 0) return {all_lost("the weights of a route of " + key.name + " add up to nothing")};
  std::vector<Way> found;
  for (const auto& destination : route->destinations) {
    if (destination.weight <= 0) continue;
    const bool outside = std::ranges::find(elsewhere, destination.host) != elsewhere.end();
    Way way = outside ? Way{.elsewhere = destination.host, .service = destination.host}
                      : way_to(rules, slices, service_of(destination.host, key.name_space, domain),
                               destination.subset, domain);
    way.share = destination.weight / total;
    found.push_back(std::move(way));
  }
  return found;
}

}  // namespace weir::simulation
