#include "operator/routing/istio/istio.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/routing/istio/destination_rule.h"
#include "operator/routing/istio/isolation.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/meant_hosts.h"
#include "operator/routing/istio/mentions.h"
#include "operator/routing/istio/ports.h"
#include "operator/routing/istio/rules.h"
#include "operator/routing/istio/settings.h"
#include "operator/routing/istio/undivided.h"
#include "operator/routing/istio/unmatched.h"
#include "operator/routing/istio/virtual_service.h"

namespace weir::routing {
namespace {

// One reading of everything that a release concerns.
struct View {
  View(const Target& target, const Objects& objects)
      : rules(find_rules(target, objects)), names(target, rules) {
    for (const auto& object : objects.of(kube::kVirtualServices)) {
      if (!manages(target, object)) continue;
      auto tables = tables_of(target, names, object);
      if (!tables.empty())
        managed.push_back({.object = &object, .tables = std::move(tables), .bindings = {}});
    }
    find_bindings(objects, managed);
    each_owner_subset([&](const std::string& subset) {
      if (names.owner_stable(subset) && !names.owner_candidate(subset)) names.pin(subset);
    });
    undivided = find_undivided(target, objects, names);
    keep_named();
  }

  // Of a pinned subset that is kept the successor does not take its place: a promotion leaves it beside it.
  void keep_named() {
    for (const auto& one : undivided) {
      if (!one.subset.empty() && one.is_trusted) names.keep(one.subset);
    }
    if (!names.kept().contains(names.replaced())) return;
    const auto successor = names.candidate();
    each_owner_subset([&](const std::string& subset) {
      if (subset == successor) names.keep(subset);
    });
  }

  template <typename Visit>
  void each_owner_subset(const Visit& visit) const {
    for (const auto& [object, tables, bindings] : managed) {
      for (const auto& table : tables) {
        const auto& entries = object->at("spec").at(table.kind).at(table.index).at("route");
        for (const auto& place : table.places) {
          if (place.form == Place::Form::Owner)
            visit(base::text(entries[place.at.front()], {"destination", "subset"}));
        }
      }
    }
  }

  // No destination goes through a subset that moves: all of them are divided, over subsets of the release's
  // own.
  [[nodiscard]] bool moved_are_idle() const {
    bool idle = true;
    each_owner_subset([&](const std::string& subset) { idle = idle && !names.moves(subset); });
    return idle;
  }

  Rules rules;
  SubsetNames names;
  Managed managed;
  std::vector<Undivided> undivided;
};

void append(std::vector<Refusal>& all, std::vector<Refusal> more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

// Pairs of which nobody ever recorded the original are the owner's own split.
Refusal already_split(const Target& target, const Json& object, const Table& table) {
  return {.condition = "Progressing",
          .reason = "RouteAlreadySplit",
          .message =
              label_of(target, object) + " " + table.label +
              ".route divides traffic between both versions already: the release does that itself; leave one "
              "destination for Service " +
              target.service + " there"};
}

std::vector<Refusal> table_refusals(const Target& target, const Managed& managed) {
  std::vector<Refusal> refusals;
  const bool begun = has_route_records(target);
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto& table : tables) {
      if (table.refusal) refusals.push_back(*table.refusal);
      const bool pair = std::ranges::any_of(
          table.places, [](const Place& place) { return place.form == Place::Form::Pair; });
      if (pair && !begun) refusals.push_back(already_split(target, *object, table));
    }
  }
  return refusals;
}

bool divides_anything(const Table& table) { return !table.places.empty() || table.refusal; }

bool is_divided(const Table& table) {
  return std::ranges::any_of(table.places, [](const Place& place) { return place.share > 0; });
}

// A refused table says for itself what is wrong with its weights.
void add_idle_routes(const Target& target, const Managed& managed, Router::Reading& reading) {
  bool divided = false;
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto& table : tables) {
      if (table.places.empty() || table.refusal) continue;
      if (is_divided(table)) {
        divided = true;
      } else {
        reading.idle_routes.push_back(label_of(target, *object) + " " + table.label + ".route");
      }
    }
  }
  reading.only_idle_routes = !divided && !reading.idle_routes.empty();
}

void add_connection_routes(const Target& target, const Managed& managed, Router::Reading& reading) {
  std::vector<std::string> found;
  for (const auto& [object, tables, bindings] : managed) {
    for (const auto& table : tables) {
      if (table.places.empty()) continue;
      if (table.kind == "http") {
        if (is_divided(table)) return;
        continue;
      }
      found.push_back(label_of(target, *object) + " " + table.label + ".route");
    }
  }
  reading.connection_routes = std::move(found);
}

void append_change(std::vector<Write>& writes, const Json& before, Json after) {
  if (before != after)
    writes.push_back({.kind = kube::kVirtualServices, .before = before, .after = std::move(after)});
}

using Found = std::map<kube::Key, std::shared_ptr<const Json>>;

// Collects the objects of one kind, each read once however often it is named.
class Gathering {
 public:
  Gathering(const kube::Stores& stores, const kube::Resource& kind) : kind_(kind), store_(stores.of(kind)) {}

  void with(std::string_view term) {
    if (store_ == nullptr) return;
    for (const auto& key : store_->keys_with(term)) named(key);
  }
  void named(const kube::Key& key) {
    if (store_ == nullptr || found_.contains(key)) return;
    if (const auto stored = store_->get(key)) found_.emplace(key, stored->object);
  }
  [[nodiscard]] const Found& found() const { return found_; }
  void copy_to(Objects& objects) const {
    auto& all = objects.of(kind_);
    all.reserve(found_.size());
    for (const auto& [key, object] : found_) all.push_back(*object);
  }

 private:
  const kube::Resource& kind_;
  const kube::Store* store_;
  Found found_;
};

// Other VirtualServices for the same hosts, and the roots that delegate here.
void add_binding(const Target& target, Gathering& routes) {
  std::set<std::string> terms;  // many may be for one host
  for (const auto& [key, object] : routes.found()) {
    if (key.name_space != target.name_space) continue;
    terms.insert(delegate_term(key.name_space, key.name));
    for (auto& term : bound_host_terms(*object)) terms.insert(std::move(term));
  }
  for (const auto& term : terms) routes.with(term);
}

Refusal no_route(const Target& target) {
  return {.condition = "Progressing",
          .reason = "NoRoute",
          .message =
              "no VirtualService in namespace " + target.name_space + " routes to Service " + target.service};
}

}  // namespace

strategies::Abilities IstioRouter::abilities() const {
  return {.needs_foundation = true, .selects_both = true};
}

strategies::RouterWords IstioRouter::words() const {
  return {.no_route = "no VirtualService routes to",
          .foundation = "the subsets of both versions",
          .prepare = "define a subset for each version",
          .move = "move the owner's subset to the promoted version",
          .clean_up = "take the added subsets away"};
}

std::span<const kube::Resource> IstioRouter::makes() const {
  static constexpr std::array kMade{kube::kDestinationRules};
  return kMade;
}

std::span<const kube::Resource> IstioRouter::routes() const {
  static constexpr std::array kRoutes{kube::kVirtualServices};
  return kRoutes;
}

bool IstioRouter::needs(const Json& route, const kube::Resource& kind, const Json& made) const {
  return kind == kube::kDestinationRules ? names_subset_of(route, made) : names_service_of(route, made);
}

std::vector<ObjectName> IstioRouter::recorded(const std::vector<strategies::RouteRecord>& records) const {
  std::vector<ObjectName> names;
  names.reserve(records.size());
  for (const auto& record : records) {
    if (const auto rule = rule_of(record); rule.empty()) {
      names.push_back({kube::kVirtualServices, record.object});
    } else {
      names.push_back({kube::kDestinationRules, std::string(rule)});
    }
  }
  return names;
}

Objects IstioRouter::gather(const Target& target, const kube::Stores& stores) const {
  Gathering routes(stores, kube::kVirtualServices);
  Gathering rules(stores, kube::kDestinationRules);
  for (const auto& host : {target.service, target.traffic_host}) {
    const auto term = host_term(host, target.name_space);
    routes.with(term);
    rules.with(term);
  }
  for (const auto& host : {target.stable_service, target.candidate_service}) {
    if (!host.empty()) routes.with(host_term(host, target.name_space));
  }
  for (const auto& listed : listed_virtual_services(target))
    routes.named({target.name_space, base::text(listed, {"name"})});
  for (const auto& record : target.records) {
    const auto rule = rule_of(record);
    if (rule.empty()) routes.named({target.name_space, record.object});
    if (!rule.empty()) rules.named({target.name_space, std::string(rule)});
  }
  add_binding(target, routes);
  rules.with(kWildcardRule);
  rules.named({target.name_space, made_name(target)});
  Objects objects;
  routes.copy_to(objects);
  rules.copy_to(objects);
  if (const auto service = stores.services.get({target.name_space, target.service}))
    objects.of(kube::kServices).push_back(*service->object);
  return objects;
}

Router::Reading IstioRouter::read(const Target& target, const Objects& objects) const {
  const View view(target, objects);
  Reading reading;
  for (const auto& [object, tables, bindings] : view.managed) {
    if (std::ranges::none_of(tables, divides_anything)) continue;
    reading.route_objects.push_back({kube::kVirtualServices, base::name_of(*object)});
    if (!reading.routes) reading.routes.emplace();
    add_state(*object, tables, *reading.routes);
  }
  reading.refusals = view.rules.refusals;
  append(reading.refusals, conflicts(target, objects, view.rules, view.managed));
  append(reading.refusals, table_refusals(target, view.managed));
  append(reading.refusals, form_refusals(target, objects, view.managed));
  reading.warnings = form_warnings(target, objects, view.managed);
  add_idle_routes(target, view.managed, reading);
  add_connection_routes(target, view.managed, reading);
  append(reading.refusals, subset_refusals(target, view.rules, view.names));
  reading.foundation = subset_state(target, view.rules, view.names);
  if (const auto* rule = view.rules.traffic(target))
    reading.foundation_object = {kube::kDestinationRules, base::name_of(*rule)};
  for (const auto* rule : {view.rules.own, view.rules.made}) {
    if (rule != nullptr)
      reading.foundation_objects.push_back({kube::kDestinationRules, base::name_of(*rule)});
  }
  add_not_isolated(target, objects, view.rules, view.managed, reading);
  if (!dedicated(target)) {
    for (auto& sentence : unmatched_clients(target, objects, view.managed))
      reading.not_isolated.push_back(std::move(sentence));
  }
  add_undivided(target, view.rules, view.names, view.undivided, reading);
  reading.gateway_namespaces = gateway_namespaces(target, view.managed);
  if (const auto meant = meant_hosts(target, objects); !reading.routes && !meant.empty()) {
    reading.refusals.push_back(
        {.condition = "Progressing", .reason = "HostNamesNoService", .message = meant.back()});
  }
  return reading;
}

Writes IstioRouter::prepare(const Target& target, const Objects& objects) const {
  const View view(target, objects);
  auto refusals = view.rules.refusals;
  append(refusals, subset_refusals(target, view.rules, view.names));
  if (!refusals.empty()) return std::unexpected(refusals.front());
  return added_subsets(target, view.rules, view.names);
}

Writes IstioRouter::route(const Target& target, const Objects& objects,
                          const strategies::Traffic& traffic) const {
  const View view(target, objects);
  bool any = false;
  std::vector<Write> writes;
  if (view.moved_are_idle()) writes = moved_subsets(target, view.rules, view.names, /*promoted=*/false);
  for (const auto& [object, tables, bindings] : view.managed) {
    for (const auto& table : tables) {
      any = any || std::ranges::any_of(table.places, [&](const Place& place) {
              return !table.refusal || place.form != Place::Form::Owner;
            });
    }
    append_change(writes, *object, routed(target, view.names, *object, tables, traffic.candidate));
  }
  if (any) return writes;
  const auto refusals = table_refusals(target, view.managed);
  return std::unexpected(refusals.empty() ? no_route(target) : refusals.front());
}

Writes IstioRouter::restore(const Target& target, const Objects& objects, bool promoted) const {
  const View view(target, objects);
  std::vector<Write> writes;
  // A destination must not return to a subset of the other version.
  if (promoted || view.moved_are_idle()) writes = moved_subsets(target, view.rules, view.names, promoted);
  for (const auto& [object, tables, bindings] : view.managed) {
    append_change(writes, *object, restored(target, view.names, *object, tables, promoted));
  }
  return writes;
}

Writes IstioRouter::move_pinned(const Target& target, const Objects& objects) const {
  const View view(target, objects);
  return moved_subsets(target, view.rules, view.names, /*promoted=*/true);
}

Writes IstioRouter::clean_up(const Target& target, const Objects& objects, bool promoted) const {
  const View view(target, objects);
  return removed_subsets(target, view.rules, view.names, promoted);
}

}  // namespace weir::routing
