#include "operator/reconcile/orphans.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <string>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/services.h"
#include "operator/routing/registry.h"
#include "operator/routing/terms.h"

namespace weir::reconcile {
namespace {

// Within which every proxy has what its routes are now.
constexpr std::chrono::seconds kUnusedFor{15};

// A Canary's name has no slash.
constexpr std::string_view kOrphansOf = "orphans of/";

std::vector<kube::Resource> made_kinds() {
  std::vector<kube::Resource> kinds{kube::kServices};
  for (const auto& row : routing::routers()) {
    const auto made = row.router.makes();
    kinds.insert(kinds.end(), made.begin(), made.end());
  }
  return kinds;
}

bool is_going(const Json& object) { return !kube::metadata_text(object, "deletionTimestamp").empty(); }

template <typename Wanted>
std::vector<ManagedObject> find_made(std::string_view term, const kube::Stores& stores,
                                     const Wanted& wanted) {
  std::vector<ManagedObject> found;
  for (const auto& kind : made_kinds()) {
    const auto* store = stores.of(kind);
    if (store == nullptr) continue;
    for (const auto& stored : store->list_with(term)) {
      const auto maker = routing::maker_of(*stored.object);
      if (maker && !is_going(*stored.object) && wanted(*stored.object, *maker))
        found.push_back({kind, stored.object, false, true});
    }
  }
  return found;
}

bool has_canary(const routing::Maker& maker, const kube::Stores& stores) {
  return !stores.canaries.keys_with(of_canary(maker.uid)).empty();
}

// Finds the routes that may lead to the object, by the hosts that it has or stands for.
std::vector<std::string> host_terms(const ManagedObject& made) {
  const auto name_space = kube::metadata_text(*made.object, "namespace");
  if (made.resource == kube::kServices)
    return {routing::host_term(kube::metadata_text(*made.object, "name"), name_space)};
  auto terms = form_of(made.resource).terms(*made.object);
  std::erase_if(terms, [](const std::string& term) { return !term.starts_with(routing::kHostTerms); });
  return terms;
}

// Asks `leads` about every kind of routes until it says yes.
template <typename Leads>
bool any_router(const Leads& leads) {
  for (const auto& row : routing::routers()) {
    for (const auto& kind : row.router.routes()) {
      if (leads(row.router, kind)) return true;
    }
  }
  return false;
}

// The routes of its own namespace: those of others are not anybody's to read live.
kube::Result<bool> is_led_to_now(const ManagedObject& made, kube::Api& api) {
  std::optional<kube::Error> unread;
  const bool leads = any_router([&](const routing::Router& router, const kube::Resource& kind) {
    const auto routes = api.list(kind, kube::metadata_text(*made.object, "namespace"), "");
    if (!routes) {
      if (routes.error().code != kube::Code::NotFound) unread = routes.error();
      return unread.has_value();
    }
    return std::ranges::any_of(
        *routes, [&](const Json& route) { return router.needs(route, made.resource, *made.object); });
  });
  if (unread) return std::unexpected(*std::move(unread));
  return leads;
}

}  // namespace

kube::Key orphans_of(const kube::Key& service) {
  return {service.name_space, std::string(kOrphansOf).append(service.name)};
}

std::optional<kube::Key> service_of_orphans(const kube::Key& key) {
  if (!key.name.starts_with(kOrphansOf)) return std::nullopt;
  return kube::Key{key.name_space, key.name.substr(kOrphansOf.size())};
}

std::vector<Due> everything_due(const kube::Stores& stores) {
  std::vector<Due> all;
  for (const auto& key : stores.canaries.keys("")) {
    if (const auto stored = stores.canaries.get(key)) all.push_back({key, service_of(*stored->object)});
  }
  std::set<kube::Key> services;
  const auto add = [&](const Json& object, const routing::Maker& maker) {
    if (!maker.service.empty() && !has_canary(maker, stores))
      services.insert({kube::metadata_text(object, "namespace"), maker.service});
    return false;
  };
  (void)find_made(kMade, stores, add);
  for (const auto& service : services) all.push_back({orphans_of(service), service});
  return all;
}

std::optional<kube::Key> leader_of(const kube::Key& key, const kube::Stores& stores) {
  if (auto service = service_of_orphans(key)) return service;
  const auto stored = stores.canaries.get(key);
  return stored ? std::optional(service_of(*stored->object)) : std::nullopt;
}

std::vector<ManagedObject> made_by(std::string_view uid, std::string_view name_space,
                                   const kube::Stores& stores) {
  return find_made(of_canary(uid), stores, [&](const Json& object, const routing::Maker& maker) {
    return maker.uid == uid && kube::metadata_text(object, "namespace") == name_space;
  });
}

std::vector<ManagedObject> find_orphans(const kube::Key& service, const kube::Stores& stores) {
  return find_made(made_for(service.name, service.name_space), stores,
                   [&](const Json& object, const routing::Maker& maker) {
                     return maker.service == service.name &&
                            kube::metadata_text(object, "namespace") == service.name_space &&
                            !has_canary(maker, stores);
                   });
}

bool is_led_to(const ManagedObject& made, const routing::TrustedNamespaces& trusted,
               const kube::Stores& stores) {
  const auto terms = host_terms(made);
  const auto own = kube::metadata_text(*made.object, "namespace");
  return any_router([&](const routing::Router& router, const kube::Resource& kind) {
    const auto* store = stores.of(kind);
    if (store == nullptr) return false;
    return std::ranges::any_of(terms, [&](const std::string& term) {
      return std::ranges::any_of(store->list_with(term), [&](const kube::Stored& stored) {
        const auto space = kube::metadata_text(*stored.object, "namespace");
        return routing::is_trusted(trusted, own, space) &&
               router.needs(*stored.object, made.resource, *made.object);
      });
    });
  });
}

bool is_service_led_to(std::shared_ptr<const Json> service, const routing::TrustedNamespaces& trusted,
                       const kube::Stores& stores) {
  return is_led_to({kube::kServices, std::move(service), false, true}, trusted, stores);
}

bool Unused::note(const ManagedObject& made, bool led_to, base::Clock::Steady now) {
  if (led_to) {
    forget(made);
    return false;
  }
  const std::lock_guard lock(mutex_);
  const auto [since, first] = since_.try_emplace(kube::metadata_text(*made.object, "uid"), now);
  return now - since->second >= kUnusedFor;
}

void Unused::forget(const ManagedObject& made) {
  const std::lock_guard lock(mutex_);
  since_.erase(kube::metadata_text(*made.object, "uid"));
}

kube::Result<Removal> remove_unused(const ManagedObject& made, const routing::TrustedNamespaces& trusted,
                                    kube::Api& api, kube::Stores& stores, base::Clock::Steady now) {
  if (is_led_to(made, trusted, stores)) return Removal::InUse;
  const auto led_to = is_led_to_now(made, api);
  if (!led_to) return std::unexpected(led_to.error());
  if (*led_to) return Removal::InUse;
  if (auto removed = api.remove(made.resource, *made.object); !removed)
    return std::unexpected(removed.error());
  // An object with finalizers stays for a while: its watch says when it is gone.
  const auto& finalizers = base::field(*made.object, {"metadata", "finalizers"});
  auto* store = stores.of(made.resource);
  if (store != nullptr && (finalizers.is_null() || finalizers.empty()))
    store->erase(kube::key_of(*made.object), now);
  return Removal::Done;
}

kube::Result<Removal> remove_orphan(const ManagedObject& orphan, const routing::TrustedNamespaces& trusted,
                                    kube::Api& api, kube::Stores& stores, base::Clock::Steady now) {
  const auto maker = routing::maker_of(*orphan.object);
  if (!maker) return Removal::InUse;
  // The watch of Canaries may be behind that of what they make.
  const auto canary =
      api.get(kube::kCanaries, {kube::metadata_text(*orphan.object, "namespace"), maker->canary});
  if (!canary && canary.error().code != kube::Code::NotFound) return std::unexpected(canary.error());
  if (canary && kube::metadata_text(*canary, "uid") == maker->uid) return Removal::InUse;
  return remove_unused(orphan, trusted, api, stores, now);
}

}  // namespace weir::reconcile
