#include "test/simulation/api_answer.h"

#include <spdlog/fmt/fmt.h>

#include <utility>

#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

using kube::Code;
using kube::Error;
using kube::Json;

// metav1.StatusReason.
std::string_view reason_of(const Error& error) {
  switch (error.code) {
    case Code::NotFound:
      return "NotFound";
    case Code::Conflict:
      return "Conflict";
    case Code::AlreadyExists:
      return "AlreadyExists";
    case Code::Forbidden:
    case Code::Terminating:
      return "Forbidden";
    case Code::TooManyRequests:
      return "TooManyRequests";
    case Code::Gone:
      return "Expired";
    case Code::Timeout:
      return "Timeout";
    case Code::Invalid:
      if (error.status == 405) return "MethodNotAllowed";
      if (error.status == 415) return "UnsupportedMediaType";
      return error.status == 422 ? "Invalid" : "BadRequest";
    case Code::Unavailable:
    case Code::BadAnswer:
    case Code::Cancelled:
      return "InternalError";
  }
  return "InternalError";
}

http::Response response(int status, std::string body) {
  return {status, {{"content-type", "application/json"}}, std::move(body)};
}

Json status_of(const Error& error, Json details) {
  if (error.code == Code::Terminating)
    details["causes"] = Json::array(
        {{{"reason", "NamespaceTerminating"}, {"message", error.message}, {"field", "metadata.namespace"}}});
  if (!error.field.empty()) {
    details["causes"] =
        Json::array({{{"reason", "FieldValueInvalid"}, {"message", error.message}, {"field", error.field}}});
  }
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Json::object()},
          {"status", "Failure"},
          {"message", error.message},
          {"reason", reason_of(error)},
          {"details", std::move(details)},
          {"code", error.status}};
}

Json details_of(const ApiRequest& request) {
  Json details{{"kind", request.resource.plural}};
  if (!request.key.name.empty()) details["name"] = request.key.name;
  if (!request.resource.group.empty()) details["group"] = request.resource.group;
  return details;
}

// Written field by field: a copy without the two fields would cost more than the text.
void append_untyped(std::string& text, const Json& object) {
  text += '{';
  bool first = true;
  for (const auto& [field, value] : object.items()) {
    if (field == "apiVersion" || field == "kind") continue;
    if (!std::exchange(first, false)) text += ',';
    text += Json(field).dump() + ":" + value.dump();
  }
  text += '}';
}

}  // namespace

http::Response succeeded(int status, const Json& object) { return response(status, object.dump()); }

http::Response removed(const ApiRequest& request) {
  return succeeded(200, {{"kind", "Status"},
                         {"apiVersion", "v1"},
                         {"metadata", Json::object()},
                         {"status", "Success"},
                         {"details", details_of(request)}});
}

http::Response listed(const ApiRequest& request, const std::vector<offline::MemoryApi::Object>& page,
                      std::uint64_t version, const std::string& next) {
  Json metadata{{"resourceVersion", std::to_string(version)}};
  if (!next.empty()) metadata["continue"] = next;
  std::string text = fmt::format(R"({{"kind":"{}List","apiVersion":"{}","metadata":{},"items":[)",
                                 request.resource.kind, request.resource.api_version(), metadata.dump());
  for (const auto& object : page) {
    if (object != page.front()) text += ',';
    append_untyped(text, *object);
  }
  return response(200, text + "]}");
}

http::Response failed(const Error& error) {
  return response(error.status, status_of(error, Json::object()).dump());
}

http::Response failed(const Error& error, const ApiRequest& request) {
  return response(error.status, status_of(error, details_of(request)).dump());
}

Error missing(const ApiRequest& request) {
  const std::string message = fmt::format("{} {}: not found", request.resource.kind, to_string(request.key));
  return {Code::NotFound, 404, message, "", std::nullopt};
}

std::string event_line(std::string_view type, const Json& object) {
  return fmt::format(R"({{"type":"{}","object":{}}})", type, object.dump());
}

std::string bookmark(const kube::Resource& resource, std::uint64_t version) {
  return event_line("BOOKMARK", {{"kind", resource.kind},
                                 {"apiVersion", resource.api_version()},
                                 {"metadata", {{"resourceVersion", std::to_string(version)}}}});
}

std::string too_old(std::uint64_t version, std::uint64_t oldest) {
  const std::string message = fmt::format("too old resource version: {} ({})", version, oldest);
  return event_line("ERROR", status_of({Code::Gone, 410, message, "", std::nullopt}, Json::object()));
}

}  // namespace weir::simulation
