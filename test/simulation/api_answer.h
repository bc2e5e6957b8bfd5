// Answers of the API server in the form that Kubernetes gives them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "operator/offline/memory_api.h"
#include "test/simulation/api_request.h"

namespace weir::simulation {

[[nodiscard]] http::Response succeeded(int status, const kube::Json& object);
// An object that is gone: a Status that names it.
[[nodiscard]] http::Response removed(const ApiRequest& request);
// One page of a list; `next` is empty on the last one. Items come without apiVersion and kind.
[[nodiscard]] http::Response listed(const ApiRequest& request,
                                    const std::vector<offline::MemoryApi::Object>& page,
                                    std::uint64_t version, const std::string& next);

// A Status object for the error, with its HTTP status.
[[nodiscard]] http::Response failed(const kube::Error& error);
// The same with the details of what was asked for.
[[nodiscard]] http::Response failed(const kube::Error& error, const ApiRequest& request);
[[nodiscard]] kube::Error missing(const ApiRequest& request);

// Events of a watch, each the text of one JSON document. `type` is ADDED, MODIFIED or DELETED.
[[nodiscard]] std::string event_line(std::string_view type, const kube::Json& object);
[[nodiscard]] std::string bookmark(const kube::Resource& resource, std::uint64_t version);
// The ERROR event of a watch from a version of which the history no longer is kept.
[[nodiscard]] std::string too_old(std::uint64_t version, std::uint64_t oldest);

}  // namespace weir::simulation
