// What a write makes of an object: a patch applied, and what it may not touch taken back.
#pragma once

#include <expected>
#include <string>

#include "operator/kube/api.h"

namespace weir::offline {

using kube::Json;

// By which a write comes. None: it may touch the object without its status; Status: the status alone.
enum class Subresource { None, Status };

// `object` after a JSON patch (RFC 6902: an array) or a merge patch (RFC 7386: an object).
[[nodiscard]] std::expected<Json, std::string> patched(const Json& object, const Json& patch);
// Makes all of `object` that a write by `subresource` may not touch what it is in `before`.
void take_back(Json& object, const Json& before, Subresource subresource);
// Whether they differ in nothing but metadata and status: then the generation stays.
[[nodiscard]] bool asks_for_the_same(const Json& one, const Json& other);

}  // namespace weir::offline
