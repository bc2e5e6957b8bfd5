// Reading objects whose shape nobody has checked: what is absent, or of another type, reads as nothing.
#pragma once

#include <initializer_list>
#include <string>

#include "operator/routing/provider.h"

namespace weir::routing {

// The value at a path of member names; null where there is none. Lives as long as `object`.
[[nodiscard]] const Json& field(const Json& object, std::initializer_list<const char*> path);
// The same for a string; empty where there is none.
[[nodiscard]] std::string text(const Json& object, std::initializer_list<const char*> path);

// The members of these names that there are; of anything but an object none.
[[nodiscard]] Json members(const Json& object, std::initializer_list<const char*> names);

[[nodiscard]] std::string name_of(const Json& object);
[[nodiscard]] std::string namespace_of(const Json& object);
// VirtualService "checkout" or, of another namespace, VirtualService "shop/checkout": for messages.
[[nodiscard]] std::string label_of(const Target& target, const Json& object);

}  // namespace weir::routing
