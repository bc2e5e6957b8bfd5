#include "test/simulation/proxy_config.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "operator/kube/object.h"
#include "operator/routing/istio/hosts.h"

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
    route.destinations.push_back({.host = kube::text_at(entry, "/destination/host"),
                                  .subset = kube::text_at(entry, "/destination/subset"),
                                  .weight = weight.is_number() ? weight.get<double>() : otherwise});
  }
  return route;
}

// The Service that a host names, as an object of `name_space` writes it.
kube::Key service_of(std::string_view host, const std::string& name_space) {
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return {name_space, std::string(host)};
  const std::string_view rest = host.substr(dot + 1);
  return {std::string(rest.substr(0, rest.find('.'))), std::string(host.substr(0, dot))};
}

bool names(std::string_view host, const std::string& name_space, const kube::Key& service) {
  return routing::names_service(host, name_space, service.name, service.name_space);
}

// Of several VirtualServices for one host a proxy takes the oldest.
const Tables::value_type* table_for(const Tables& tables, const kube::Key& service) {
  const Tables::value_type* oldest = nullptr;
  for (const auto& each : tables) {
    const bool concerned = std::ranges::any_of(each.second.hosts, [&](const std::string& host) {
      return names(host, each.first.name_space, service);
    });
    if (concerned && (oldest == nullptr || each.second.created < oldest->second.created)) oldest = &each;
  }
  return oldest;
}

// Subsets that several rules for exactly the same host define are all known; a wildcard applies only where
// there is none, the longest first.
const Labels* find_subset(const Rules& rules, const kube::Key& service, const std::string& subset) {
  const Rule* covering = nullptr;
  bool exact = false;
  for (const auto& [key, rule] : rules) {
    if (names(rule.host, key.name_space, service)) {
      exact = true;
      if (const auto found = rule.subsets.find(subset); found != rule.subsets.end()) return &found->second;
    }
    const bool covers = routing::wildcard_covers(rule.host, service.name, service.name_space);
    if (covers && (covering == nullptr || rule.host.size() > covering->host.size())) covering = &rule;
  }
  if (exact || covering == nullptr) return nullptr;
  const auto found = covering->subsets.find(subset);
  return found == covering->subsets.end() ? nullptr : &found->second;
}

Way way_to(const Rules& rules, const Slices& slices, const kube::Key& service, const std::string& subset) {
  const std::string what =
      subset.empty() ? "service " + service.name : "subset " + subset + " of " + service.name;
  const Labels* labels = subset.empty() ? nullptr : find_subset(rules, service, subset);
  Way way;
  if (!subset.empty() && labels == nullptr) {
    way.lost = what + " is in no rule that the proxy has";
    return way;
  }
  for (const auto& [key, slice] : slices) {
    if (slice.service != service) continue;
    for (const auto& endpoint : slice.endpoints) {
      // A subset without labels is every endpoint.
      const bool belongs = labels == nullptr || labels->empty() || matches(*labels, endpoint.labels);
      if (belongs) way.addresses.push_back(endpoint.address);
    }
  }
  if (way.addresses.empty()) way.lost = what + " has no endpoint";
  return way;
}

Way all_lost(std::string reason) { return {.share = 1, .lost = std::move(reason)}; }

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
  Rule rule{.host = kube::text_at(destination_rule, "/spec/host")};
  for (const auto& subset : member(destination_rule, "/spec/subsets")) {
    rule.subsets.emplace(kube::text_at(subset, "/name"), labels_of(member(subset, "/labels")));
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
      read.endpoints.push_back({address.get<std::string>(), pod == nullptr ? Labels{} : pod->labels});
    }
  }
  return read;
}

std::vector<Way> ways(const Tables& tables, const Rules& rules, const Slices& slices,
                      const kube::Key& service, bool marked, const std::vector<std::string>& elsewhere) {
  const auto* table = table_for(tables, service);
  if (table == nullptr) {
    Way straight = way_to(rules, slices, service, "");
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
    Way way = outside
                  ? Way{.elsewhere = destination.host}
                  : way_to(rules, slices, service_of(destination.host, key.name_space), destination.subset);
    way.share = destination.weight / total;
    found.push_back(std::move(way));
  }
  return found;
}

}  // namespace weir::simulation
