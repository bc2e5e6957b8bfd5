#include "operator/kube/answer.h"

#include <algorithm>
#include <charconv>

#include "operator/base/json.h"
#include "operator/base/utf8.h"
#include "operator/kube/object.h"

namespace weir::kube {
namespace {

// Member of managedFields: often half of an object, of which nothing is read.
constexpr const char* kUnread = "fieldsV1";
constexpr const char* kNamespaceTerminating = "NamespaceTerminating";
constexpr std::size_t kQuoted = 200;  // characters of an answer that is no Status

Code code_of(int status, std::string_view reason) {
  switch (status) {
    case 400:
    case 405:
    case 413:
    case 415:
    case 422:
      return Code::Invalid;
    case 401:
    case 403:
      return Code::Forbidden;
    case 404:
      return Code::NotFound;
    case 409:
      return reason == "AlreadyExists" ? Code::AlreadyExists : Code::Conflict;
    case 410:
      return Code::Gone;
    case 429:
      return Code::TooManyRequests;
    case 504:
      return Code::Timeout;
    default:
      return status >= 500 ? Code::Unavailable : Code::BadAnswer;
  }
}

std::string field_of(const Json& details) {
  const auto causes = details.find("causes");
  if (causes == details.end() || !causes->is_array() || causes->empty()) return {};
  return base::text(causes->front(), {"field"});
}

std::optional<std::chrono::seconds> seconds_in(const std::string& header) {
  int seconds = 0;
  const auto [end, error] = std::from_chars(header.data(), header.data() + header.size(), seconds);
  if (error != std::errc() || seconds < 0) return std::nullopt;
  return std::chrono::seconds(seconds);
}

// Of a creation in a namespace that is being deleted.
bool says_terminating(const Json& details) {
  const auto causes = details.find("causes");
  return causes != details.end() && causes->is_array() && std::ranges::any_of(*causes, [](const Json& cause) {
           return base::text(cause, {"reason"}) == kNamespaceTerminating;
         });
}

std::string trimmed(std::string_view text) {
  const auto last = text.find_last_not_of(" \r\n");
  return std::string(text.substr(0, last == std::string_view::npos ? 0 : last + 1));
}

// Of an answer without a message of its own.
std::string meaning_of(const http::Response& response) {
  const auto location = response.headers.find("location");
  if (response.status < 300 || response.status >= 400 || location == response.headers.end())
    return "the answer gives no reason";
  return "the answer leads elsewhere, to " + location->second.substr(0, kQuoted) +
         ", and is not followed: is this the address of the API server?";
}

Error from_status(const Json& status, int http_status, const std::string& what) {
  const int code = http_status == 0 ? static_cast<int>(base::integer(status, {"code"})) : http_status;
  Error error{code_of(code, base::text(status, {"reason"})), code,
              what + ": " + base::printable(base::text(status, {"message"})), "", std::nullopt};
  if (const auto details = status.find("details"); details != status.end() && details->is_object()) {
    error.field = field_of(*details);
    if (error.code == Code::Forbidden && says_terminating(*details)) error.code = Code::Terminating;
    if (const auto seconds = base::integer(*details, {"retryAfterSeconds"}); seconds > 0) {
      error.retry_after = std::chrono::seconds(seconds);
    }
  }
  error.message += " (" + std::to_string(code) + ")";
  return error;
}

Error unexpected_answer(std::string_view body, const std::string& what, const std::string& why) {
  return {Code::BadAnswer, 0,
          what + ": the answer " + why + ": \"" + base::printable(body.substr(0, kQuoted)) + "\"", "",
          std::nullopt};
}

Error no_object(std::string_view body, const std::string& what) {
  return unexpected_answer(body, what, "is no JSON object");
}

// Of a list whose items have been taken out. Go's encoder writes null for none.
bool has_items(const Json& list) {
  const auto items = list.find("items");
  return items != list.end() && items->empty() && (items->is_null() || items->is_array());
}

}  // namespace

Error error_of(const Json& status, const std::string& what) {
  return from_status(status.is_object() ? status : Json::object(), 0, what);
}

Error error_of(const http::Response& response, const std::string& what) {
  Json status = Json::parse(response.body, nullptr, false);
  if (!status.is_object()) status = {{"message", trimmed(response.body.substr(0, kQuoted))}};
  if (base::text(status, {"message"}).empty()) status["message"] = meaning_of(response);
  Error error = from_status(status, response.status, what);
  if (const auto header = response.headers.find("retry-after"); header != response.headers.end()) {
    if (const auto seconds = seconds_in(header->second)) error.retry_after = seconds;
  }
  return error;
}

Error error_of(const http::Error& error, const std::string& what) {
  const auto code = [&] {
    switch (error.failure) {
      case http::Failure::Connect:
      case http::Failure::Broken:
        return Code::Unavailable;
      case http::Failure::Timeout:
        return Code::Timeout;
      case http::Failure::TooLarge:
        return Code::BadAnswer;
      case http::Failure::Cancelled:
        return Code::Cancelled;
    }
    return Code::Unavailable;
  };
  return {code(), 0, what + ": " + base::printable(error.message), "", std::nullopt};
}

Result<Json> parse_body(std::string_view body, const std::string& what) {
  Json parsed = Json::parse(body, nullptr, false);
  if (parsed.is_object()) return parsed;
  return std::unexpected(no_object(body, what));
}

Result<Json> parse_list(std::string_view body, const std::string& what,
                        const std::function<void(Json)>& on_item) {
  constexpr int kMember = 1;  // depth of what is in the list, and of what is in that
  constexpr int kItem = 2;
  bool in_items = false;
  const auto take = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key) {
      const auto& name = parsed.get_ref<const std::string&>();
      if (depth == kMember) in_items = name == "items";
      return name != kUnread;
    }
    if (depth != kItem || event != Json::parse_event_t::object_end || !in_items) return true;
    on_item(std::move(parsed));
    return false;
  };
  Json list = Json::parse(body, take, false);
  if (!list.is_object()) return std::unexpected(no_object(body, what));
  if (!has_items(list)) return std::unexpected(unexpected_answer(body, what, "has no list of items"));
  if (metadata_text(list, "resourceVersion").empty())
    return std::unexpected(unexpected_answer(body, what, "has no metadata.resourceVersion"));
  return list;
}

}  // namespace weir::kube
