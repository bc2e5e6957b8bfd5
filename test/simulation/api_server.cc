#include "test/simulation/api_server.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <optional>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "test/simulation/admission.h"
#include "test/simulation/api_answer.h"
#include "test/simulation/defaults.h"

namespace weir::simulation {
namespace {

using kube::Code;
using kube::Error;
using Object = offline::MemoryApi::Object;

constexpr std::string_view kJsonPatch = "application/json-patch+json";
constexpr std::string_view kMergePatch = "application/merge-patch+json";

Error refusal(Code code, int status, std::string message) {
  return {code, status, std::move(message), "", std::nullopt};
}

std::string header(const http::Request& request, const std::string& name) {
  const auto found = request.headers.find(name);
  return found == request.headers.end() ? std::string() : found->second;
}

// Who signs for a write: as the request says, else the name of the program that sent it.
std::string manager_of(const ApiRequest& request, const http::Request& raw) {
  const std::string manager = request.parameter("fieldManager");
  if (!manager.empty()) return manager;
  const std::string agent = header(raw, "User-Agent");
  return agent.substr(0, agent.find('/'));
}

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return value;
}

// A list goes on after this object: "17/shop/web", where 17 is the version of its first page.
struct Position {
  std::uint64_t version = 0;
  kube::Key after;
};

std::string to_token(const Position& position) {
  return fmt::format("{}/{}/{}", position.version, position.after.name_space, position.after.name);
}

std::optional<Position> position_of(const std::string& token) {
  const auto first = token.find('/');
  const auto second = token.find('/', first + 1);
  if (first == std::string::npos || second == std::string::npos) return std::nullopt;
  const auto version = number(token.substr(0, first));
  if (!version) return std::nullopt;
  return Position{*version, {token.substr(first + 1, second - first - 1), token.substr(second + 1)}};
}

// "v1", or the version of its group in which the request is made.
std::string api_version_of(const ApiRequest& request) {
  auto asked = request.resource;
  asked.version = request.version;
  return asked.api_version();
}

// An object in the version that was asked for.
http::Response given(const ApiRequest& request, int status, const Object& object) {
  if (request.version == request.resource.version) return succeeded(status, *object);
  Json converted = *object;
  converted["apiVersion"] = api_version_of(request);
  return succeeded(status, converted);
}

http::Response unknown(const http::Request& raw) {
  return failed(refusal(Code::NotFound, 404, "the server could not find the requested resource: " + raw.url));
}

// As the request wants it; by default dependents go after the object.
offline::Propagation propagation_of(const Json& options) {
  const auto policy = base::text(options, {"propagationPolicy"});
  if (policy == "Foreground") return offline::Propagation::Foreground;
  return policy == "Orphan" ? offline::Propagation::Orphan : offline::Propagation::Background;
}

// The body as an object of the request's kind and namespace; else why it is none.
kube::Result<Json> body_of(const ApiRequest& request, const http::Request& raw) {
  Json object = Json::parse(raw.body, nullptr, false);
  if (!object.is_object() || !object.contains("metadata") || !object["metadata"].is_object()) {
    return std::unexpected(refusal(Code::Invalid, 400, "the body is no object"));
  }
  if (base::text(object, {"kind"}) != request.resource.kind ||
      base::text(object, {"apiVersion"}) != api_version_of(request)) {
    return std::unexpected(refusal(Code::Invalid, 400, "the body is of another kind than the path"));
  }
  Json& name_space = object["metadata"]["namespace"];
  if (name_space.is_null()) name_space = request.key.name_space;
  if (name_space != request.key.name_space) {
    return std::unexpected(
        refusal(Code::Invalid, 400, "the namespace of the object does not match that of the path"));
  }
  object["apiVersion"] = request.resource.api_version();  // as it is kept
  return object;
}

}  // namespace

ApiServer::ApiServer(const Executor& executor, const base::Clock& clock)
    : executor_(executor), objects_(clock) {
  for (const auto& kind : known_kinds()) histories_[kind.resource.plural];
  objects_.on_admission(fill_defaults);
  objects_.on_change([this](const offline::Changed& changed) { take(changed); });
}

Json ApiServer::put(const kube::Resource& resource, Json object, std::string_view manager) {
  if (!object.contains("status")) {
    const auto known = objects_.find(resource, kube::key_of(object));
    if (known && known->contains("status")) object["status"] = known->at("status");
  }
  return objects_.put(resource, std::move(object), manager);
}

Json ApiServer::find(const kube::Resource& resource, const kube::Key& key) {
  const auto found = objects_.find(resource, key);
  return found ? *found : Json();
}

http::Response ApiServer::serve(const http::Request& request, Writer writer, Sent sent) {
  const Writer before = std::exchange(writer_, writer);
  const auto sent_before = std::exchange(sent_, sent);
  auto response = [&] {
    try {
      return answer(request);
    } catch (const std::exception& failure) {
      return failed(refusal(Code::Invalid, 400, failure.what()));
    }
  }();
  writer_ = before;
  sent_ = sent_before;
  return response;
}

http::Response ApiServer::answer(const http::Request& raw) {
  if (auto defined = definitions_.answer(raw)) return *std::move(defined);
  const auto request = parse_request(raw);
  if (!request) return failed(request.error());
  if (!definitions_.has(request->resource, request->version)) return unknown(raw);
  const bool one = !request->key.name.empty();
  if (request->method == "GET" && !one) return list(*request);
  if (request->method == "GET") {
    const auto found = objects_.find(request->resource, request->key);
    return found ? given(*request, 200, found) : failed(missing(*request), *request);
  }
  if (request->method == "PATCH" && one) return patch(*request, raw);
  if (request->method == "DELETE" && one && !request->status) return remove(*request, raw);
  if (request->method == "POST" && !one && !request->key.name_space.empty()) return create(*request, raw);
  return failed(refusal(Code::Invalid, 405, request->method + " is not allowed on " + raw.url), *request);
}

// A page that goes on shows what is there by now: what changed since the first one comes once more by the
// watch from that one's version.
http::Response ApiServer::list(const ApiRequest& request) {
  Position position{objects_.last_version(), {}};
  if (const std::string token = request.parameter("continue"); !token.empty()) {
    const auto from = position_of(token);
    if (!from) return failed(refusal(Code::Invalid, 400, "continue key is not valid: " + token), request);
    if (from->version < histories_.at(request.resource.plural).compacted) {
      return failed(refusal(Code::Gone, 410, "The provided continue parameter is too old"), request);
    }
    position = *from;
  }
  const auto found =
      objects_.select(request.resource, request.key.name_space, request.parameter("labelSelector"));
  if (!found) return failed(found.error(), request);
  const auto limit = number(request.parameter("limit")).value_or(0);
  std::vector<Object> page;
  std::string next;
  for (const Object& object : *found) {
    const kube::Key key = kube::key_of(*object);
    if (key <= position.after) continue;
    if (limit > 0 && page.size() == limit) {
      next = to_token({position.version, kube::key_of(*page.back())});
      break;
    }
    page.push_back(object);
  }
  return listed(request, page, position.version, next);
}

http::Response ApiServer::create(const ApiRequest& request, const http::Request& raw) {
  auto object = body_of(request, raw);
  if (!object) return failed(object.error(), request);
  if (auto why = refusal_of(request.resource, *object); !why.empty())
    return failed(refusal(Code::Invalid, 422, std::move(why)), request);
  const auto created = objects_.create(request.resource, *std::move(object), manager_of(request, raw));
  return created ? given(request, 201, *created) : failed(created.error(), request);
}

// Of what the object becomes, where the patch applies.
std::string ApiServer::refusal_of_patch(const ApiRequest& request, const Json& change) {
  const auto found = objects_.find(request.resource, request.key);
  if (!found || request.status || !is_admitted(request.resource)) return {};
  Json after = *found;
  try {
    if (change.is_array())
      after = after.patch(change);
    else
      after.merge_patch(change);
  } catch (const Json::exception&) {
    return {};  // it is refused for that
  }
  return refusal_of(request.resource, after);
}

http::Response ApiServer::patch(const ApiRequest& request, const http::Request& raw) {
  const std::string type = header(raw, "Content-Type");
  if (type != kJsonPatch && type != kMergePatch) {
    return failed(refusal(Code::Invalid, 415, "unsupported patch type \"" + type + "\""), request);
  }
  const Json change = Json::parse(raw.body, nullptr, false);
  if (type == kJsonPatch ? !change.is_array() : !change.is_object()) {
    return failed(refusal(Code::Invalid, 400, "the body is no patch of type " + type), request);
  }
  if (auto why = refusal_of_patch(request, change); !why.empty())
    return failed(refusal(Code::Invalid, 422, std::move(why)), request);
  const auto subresource = request.status ? offline::Subresource::Status : offline::Subresource::None;
  const auto patched =
      objects_.patch(request.resource, request.key, change, subresource, manager_of(request, raw));
  return patched ? given(request, 200, *patched) : failed(patched.error(), request);
}

http::Response ApiServer::remove(const ApiRequest& request, const http::Request& raw) {
  const Json options = raw.body.empty() ? Json::object() : Json::parse(raw.body, nullptr, false);
  if (!options.is_object())
    return failed(refusal(Code::Invalid, 400, "the body is no DeleteOptions"), request);
  const auto left = objects_.remove(request.resource, request.key,
                                    {base::text(options, {"preconditions", "uid"}),
                                     base::text(options, {"preconditions", "resourceVersion"})},
                                    propagation_of(options));
  if (!left) return failed(left.error(), request);
  return *left ? given(request, 200, *left) : removed(request);
}

ApiServer::Watched ApiServer::watch(const http::Request& raw, Millis delay) {
  const auto refused = [](const http::Response& response) {
    return Watched{.status = response.status, .body = response.body};
  };
  const auto request = parse_request(raw);
  if (!request) return refused(failed(request.error()));
  if (!definitions_.has(request->resource, request->version)) return refused(unknown(raw));
  const auto from = number(request->parameter("resourceVersion"));
  if (!from || request->parameter("watch") != "true" || !request->key.name.empty()) {
    return refused(failed(refusal(Code::Invalid, 400, "no watch of a collection: " + raw.url), *request));
  }

  Watched watched{.version = *from};
  History& history = histories_.at(request->resource.plural);
  if (*from < history.compacted) {
    watched.lines.push_back(too_old(*from, history.compacted));
    return watched;
  }
  auto at = std::ranges::upper_bound(history.events, *from, {}, &Past::version);
  for (; at != history.events.end() && at->at <= executor_.now() - delay; ++at) {
    const std::string name_space = kube::metadata_text(*at->object, "namespace");
    if (!request->key.name_space.empty() && name_space != request->key.name_space) continue;
    if (at->line.empty()) at->line = event_line(at->type, *at->object);
    watched.lines.push_back(at->line);
    watched.version = at->version;
  }
  const auto state = version_before(delay);
  if (watched.lines.empty() && state >= *from && request->parameter("allowWatchBookmarks") == "true") {
    watched.lines.push_back(bookmark(request->resource, state));
    watched.version = state;
  }
  return watched;
}

std::uint64_t ApiServer::newest(const kube::Resource& resource, Millis delay) const {
  const History& history = histories_.at(resource.plural);
  const auto young = std::ranges::upper_bound(history.events, executor_.now() - delay, {}, &Past::at);
  return young == history.events.begin() ? history.forgotten : std::prev(young)->version;
}

std::uint64_t ApiServer::version_before(Millis delay) const {
  std::uint64_t version = 0;
  for (const auto& kind : known_kinds()) version = std::max(version, newest(kind.resource, delay));
  return version;
}

void ApiServer::compact() {
  for (auto& [plural, history] : histories_) {
    if (!history.events.empty()) history.forgotten = history.events.back().version;
    history.events.clear();
    history.compacted = objects_.last_version();
  }
}

void ApiServer::on_change(std::function<void(const Change&)> callback) {
  observers_.push_back(std::move(callback));
}

void ApiServer::take(const offline::Changed& changed) {
  History& history = histories_.at(changed.resource.plural);
  const std::string_view type = changed.gone ? "DELETED" : changed.before ? "MODIFIED" : "ADDED";
  const auto version = kube::numeric_version(*changed.after).value_or(0);
  history.events.push_back({executor_.now(), version, type, changed.after, {}});
  if (history.events.size() > kKept) {
    history.forgotten = history.compacted = history.events.front().version;
    history.events.pop_front();
  }
  if (observers_.empty()) return;
  const Change change{.at = executor_.now(),
                      .writer = changed.collected ? 0 : writer_,
                      .sent = sent_,
                      .resource = changed.resource,
                      .status = changed.subresource == offline::Subresource::Status,
                      .before = changed.before ? *changed.before : Json(),
                      .after = changed.gone ? Json() : *changed.after};
  for (const auto& observer : observers_) observer(change);
}

}  // namespace weir::simulation
