// What the API server's answers mean.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "operator/http/transport.h"
#include "operator/kube/api.h"

namespace weir::kube {

// The error of an answer that is no success. `what` says what was tried on what: "patch Service
// shop/checkout".
[[nodiscard]] Error error_of(const http::Response& response, const std::string& what);
// The same of a Status object that came in place of what was asked for (a watch's ERROR event).
[[nodiscard]] Error error_of(const Json& status, const std::string& what);
// The error of a request that got no answer.
[[nodiscard]] Error error_of(const http::Error& error, const std::string& what);

// The JSON object in the body; Code::BadAnswer if there is none.
[[nodiscard]] Result<Json> parse_body(std::string_view body, const std::string& what);

// The list in the body, without its items: these are handed over one at a time, as they are read, so that
// they are never all in memory; of managedFields they have only who wrote what when. Code::BadAnswer if there
// is none, or none with `items` and a resourceVersion: what else answers 200 must not look like an empty
// cluster. Some items may have been handed over by then.
[[nodiscard]] Result<Json> parse_list(std::string_view body, const std::string& what,
                                      const std::function<void(Json)>& on_item);

}  // namespace weir::kube
