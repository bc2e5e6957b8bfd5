// What an HTTP request asks of the API server.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "operator/http/transport.h"
#include "operator/kube/api.h"
#include "operator/reconcile/kinds.h"

namespace weir::simulation {

struct ApiRequest {
  std::string method;
  kube::Resource resource;
  std::string version;                       // of the group, as the path has it
  kube::Key key;                             // no name: the collection; no namespace: of all namespaces
  bool status = false;                       // the subresource
  std::map<std::string, std::string> query;  // decoded

  // A parameter of the query; empty if it is not there.
  [[nodiscard]] std::string parameter(const std::string& name) const;
};

// Every kind that the server knows: those of operator/reconcile/kinds.h.
[[nodiscard]] const std::vector<kube::Kind>& known_kinds();

// Reads method and URL. A path that the server does not have is a 404, a URL that is none a 400.
[[nodiscard]] std::expected<ApiRequest, kube::Error> parse_request(const http::Request& request);

}  // namespace weir::simulation
