// Canaries for tests, and YAML files of the tree.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "operator/canary/canary.h"

namespace weir::canary {

// The first document of a file; `path` starts at the top of the tree.
Json load_yaml(const std::string& path);

std::string load_text(const std::string& path);

// A Canary that says only what it must, with `spec` merged into its spec (RFC 7386: null takes a field away).
Json canary_with(const Json& spec = Json::object());

// The error's sentence, or "" if there is none.
std::string refusal_of(const Json& object);

// All that a Canary's spec says, to compare two of them.
Json spec_of(const Json& object);

}  // namespace weir::canary
