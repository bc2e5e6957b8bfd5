#include "operator/routing/istio/label.h"

#include "operator/base/json.h"

namespace weir::routing {

std::string label_of(const Target& target, const Json& object) {
  const auto name_space = base::namespace_of(object);
  const auto prefix = name_space == target.name_space ? std::string() : name_space + "/";
  // Items of a list carry no kind.
  const bool rule = base::field(object, {"spec", "host"}).is_string();
  return std::string(rule ? "DestinationRule" : "VirtualService") + " \"" + prefix + base::name_of(object) +
         "\"";
}

}  // namespace weir::routing
