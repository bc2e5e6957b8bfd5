// What binds VirtualServices to hosts and gateways: their own fields, or roots that delegate to them.
#pragma once

#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "operator/routing/istio/table.h"

namespace weir::routing {

inline constexpr std::string_view kMesh = "mesh";  // in gateways

// A VirtualService under management.
struct ManagedVirtualService {
  const Json* object = nullptr;
  std::vector<Table> tables;
  std::vector<const Json*> bindings;  // the objects that bind it: itself, or the roots that delegate to it
};
using Managed = std::vector<ManagedVirtualService>;

// Finds the bindings of all of them among `objects`, from which they are.
void find_bindings(const Objects& objects, Managed& managed);
// The bindings by which clients in the mesh that call the Service pass the VirtualService. Those of
// namespaces that aren't trusted don't count.
[[nodiscard]] std::vector<const Json*> sidecar_bindings(const Target& target,
                                                        const ManagedVirtualService& managed);

// Without hosts of its own.
[[nodiscard]] bool is_delegate(const Json& virtual_service);
// Whether a route delegates to one of these VirtualServices, be that seen there or not.
[[nodiscard]] bool delegates_to(const Json& root, const std::set<kube::Key>& delegates);
// Of a delegate that nothing binds: a root that names it and does not see it, by the delegate's
// spec.exportTo; null: there is none.
[[nodiscard]] const Json* blind_root_of(const Objects& objects, const Json& delegate);

// "NAMESPACE/NAME", or "mesh", which is also what no gateways mean.
[[nodiscard]] std::vector<std::string> gateways_of(const Json& virtual_service);
// Whether clients in the mesh that call the Service pass this VirtualService.
[[nodiscard]] bool applies_in_mesh(const Target& target, const Json& virtual_service);
// The namespaces whose clients see an object, from its spec.exportTo.
[[nodiscard]] std::vector<std::string> readers_of(const Json& object);

// The strings of a list; empty where there is none.
[[nodiscard]] std::vector<std::string> strings(const Json& object, std::initializer_list<const char*> path);
[[nodiscard]] bool has(const std::vector<std::string>& values, std::string_view value);

}  // namespace weir::routing
