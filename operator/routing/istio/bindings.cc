#include "operator/routing/istio/bindings.h"

#include <algorithm>
#include <map>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/routing/istio/destinations.h"
#include "operator/routing/istio/hosts.h"

namespace weir::routing {
namespace {

// Calls `visit(key)` for each VirtualService that a route of `root` delegates to.
template <typename Visit>
void each_delegate_of(const Json& root, const Visit& visit) {
  each_route_of(root, [&](const std::string&, std::size_t, const Json& route) {
    auto name = base::text(route, {"delegate", "name"});
    if (name.empty()) return;
    auto name_space = base::text(route, {"delegate", "namespace"});
    if (name_space.empty()) name_space = base::namespace_of(root);
    visit(kube::Key{std::move(name_space), std::move(name)});
  });
}

// A delegate that its root does not see has no effect there.
bool sees(const Json& root, const Json& delegate) {
  const auto readers = readers_of(delegate);
  return has(readers, "*") || has(readers, base::namespace_of(root));
}

bool covers_service(const Target& target, const Json& virtual_service) {
  return std::ranges::any_of(strings(virtual_service, {"spec", "hosts"}), [&](const std::string& host) {
    return names_service(host, base::namespace_of(virtual_service), called_service(target)) ||
           wildcard_covers(host, called_service(target));
  });
}

}  // namespace

void find_bindings(const Objects& objects, Managed& managed) {
  std::map<kube::Key, ManagedVirtualService*> delegates;
  for (auto& one : managed) {
    if (is_delegate(*one.object)) {
      delegates.emplace(kube::key_of(*one.object), &one);
    } else {
      one.bindings = {one.object};
    }
  }
  if (delegates.empty()) return;
  for (const auto& root : objects.of(kube::kVirtualServices)) {
    each_delegate_of(root, [&](const kube::Key& key) {
      const auto found = delegates.find(key);
      if (found == delegates.end() || !sees(root, *found->second->object)) return;
      auto& bindings = found->second->bindings;
      // Several routes of one root may lead to it.
      if (bindings.empty() || bindings.back() != &root) bindings.push_back(&root);
    });
  }
}

std::vector<const Json*> sidecar_bindings(const Target& target, const ManagedVirtualService& managed) {
  auto found = managed.bindings;
  std::erase_if(found, [&](const Json* binding) {
    return !is_trusted(target.trusted, target.name_space, base::namespace_of(*binding)) ||
           !applies_in_mesh(target, *binding);
  });
  return found;
}

bool is_delegate(const Json& virtual_service) { return strings(virtual_service, {"spec", "hosts"}).empty(); }

bool delegates_to(const Json& root, const std::set<kube::Key>& delegates) {
  bool found = false;
  each_delegate_of(root, [&](const kube::Key& key) { found = found || delegates.contains(key); });
  return found;
}

const Json* blind_root_of(const Objects& objects, const Json& delegate) {
  const std::set<kube::Key> own{kube::key_of(delegate)};
  const auto& all = objects.of(kube::kVirtualServices);
  const auto found = std::ranges::find_if(
      all, [&](const Json& root) { return delegates_to(root, own) && !sees(root, delegate); });
  return found == all.end() ? nullptr : &*found;
}

std::vector<std::string> gateways_of(const Json& virtual_service) {
  auto gateways = strings(virtual_service, {"spec", "gateways"});
  if (gateways.empty()) gateways.emplace_back(kMesh);
  for (auto& gateway : gateways) {
    const bool qualified = gateway == kMesh || gateway.find('/') != std::string::npos;
    if (!qualified) gateway = base::namespace_of(virtual_service) + "/" + gateway;
  }
  return gateways;
}

bool applies_in_mesh(const Target& target, const Json& virtual_service) {
  return covers_service(target, virtual_service) && has(gateways_of(virtual_service), kMesh);
}

std::vector<std::string> readers_of(const Json& object) {
  auto names = strings(object, {"spec", "exportTo"});
  if (names.empty()) names.emplace_back("*");
  std::ranges::replace(names, ".", base::namespace_of(object));
  return names;
}

std::vector<std::string> strings(const Json& object, std::initializer_list<const char*> path) {
  std::vector<std::string> values;
  const auto& list = base::field(object, path);
  if (!list.is_array()) return values;
  for (const auto& entry : list) {
    if (entry.is_string()) values.push_back(entry.get<std::string>());
  }
  return values;
}

bool has(const std::vector<std::string>& values, std::string_view value) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace weir::routing
