// Reading the parts that every Kubernetes object has.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "operator/kube/api.h"

namespace weir::kube {

// A string of `metadata` ("uid", "resourceVersion", "name" …); empty where it is absent or no string.
[[nodiscard]] std::string metadata_text(const Json& object, std::string_view field);
[[nodiscard]] Key key_of(const Json& object);
// "shop/checkout", or "checkout" without a namespace: for messages.
[[nodiscard]] std::string to_string(const Key& key);

// resourceVersion as a number, by which two versions of one object are compared; empty where it is not one.
[[nodiscard]] std::optional<std::uint64_t> numeric_version(const Json& object);

// Whether two versions of an object ask for the same: the same `spec`, or, of kinds without one, the same in
// all but metadata and status.
[[nodiscard]] bool same_content(const Json& one, const Json& other);

}  // namespace weir::kube
