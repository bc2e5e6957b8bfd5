// The kinds of objects that routers read and write: one row a kind, given by the router that it belongs to.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::routing {

using Json = nlohmann::json;

// Another object of the same kind, by namespace and name.
using Find = std::function<std::optional<Json>(std::string_view name_space, std::string_view name)>;

// A cluster may lack any of them: the operator leads all the same, and watches the kind as soon as its
// definition is installed. What is left null is not needed.
struct Kind {
  // As the API names it, in the versions that will do: the best one that the server has is read and written.
  std::string_view group;
  std::span<const std::string_view> versions;
  std::string_view plural;
  std::string_view kind;
  bool keeps_last_writer = false;  // who wrote it last is told to people when its weights were changed
  // Takes what no router reads out of an object, beyond what goes from objects of every kind. Nothing that an
  // edit is made from. Leaves what is trimmed already as it is.
  void (*trim)(Json& object) = nullptr;
  // By what an object is found (terms.h).
  std::vector<std::string> (*terms)(const Json& object) = nullptr;
  // Names of the objects of this kind, in the Canary's namespace, that its spec or its status names.
  std::vector<std::string> (*named_by)(const Json& canary) = nullptr;
  // A change of an object concerns the releases that its hosts find and those that name it. By which terms
  // others are found that a change of an object with `term` concerns.
  std::vector<std::string> (*also_concerns)(std::string_view term, const Find& find) = nullptr;
};

// All of them, of every router.
[[nodiscard]] std::span<const Kind> kinds();

}  // namespace weir::routing
