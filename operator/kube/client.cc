#include "operator/kube/client.h"

#include <algorithm>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/answer.h"
#include "operator/kube/object.h"
#include "operator/kube/patch.h"

namespace weir::kube {
namespace {

constexpr int kPage = 500;  // objects
// Bytes. etcd keeps no object of more than 1.5 MiB; a page is parsed into many times its size.
constexpr std::size_t kLargestObject = std::size_t{8} << 20;
constexpr std::size_t kLargestPage = std::size_t{16} << 20;

std::string text_of(const Json& body) { return body.dump(-1, ' ', false, Json::error_handler_t::replace); }

// "Service shop/checkout", or "services in shop" of a collection.
std::string target(const Resource& resource, const Key& key) {
  if (!key.name.empty()) return std::string(resource.kind) + " " + to_string(key);
  return std::string(resource.plural) + " in " + (key.name_space.empty() ? "all namespaces" : key.name_space);
}

// The items of a list may come without their type.
void complete(Json& object, const Resource& resource) {
  object["apiVersion"] = resource.api_version();
  object["kind"] = std::string(resource.kind);
}

std::string list_version(const Json& page) { return metadata_text(page, "resourceVersion"); }

// Whether an entry of this list of the answer has `value` in `field`. An answer without the list says
// nothing: it came from something else than an API server. A null answer: the server has no such path.
Result<bool> lists(const Json& answer, const std::string& path, const char* list, const char* field,
                   std::string_view value) {
  if (answer.is_null()) return false;
  const auto& entries = base::field(answer, {list});
  if (!answer.contains(list) || !(entries.is_array() || entries.is_null()))
    return std::unexpected(
        Error{Code::BadAnswer, 0, "get " + path + ": the answer has no list of " + list, "", std::nullopt});
  return std::ranges::any_of(entries, [&](const Json& entry) { return base::text(entry, {field}) == value; });
}

void authorize(http::Request& request, const std::string& token) {
  if (!token.empty()) request.headers["Authorization"] = "Bearer " + token;
}

Result<WatchEvent> event_of(std::string_view line, const Resource& resource, const std::string& what) {
  auto event = parse_body(line, what);
  if (!event) return std::unexpected(event.error());
  Json object = event->value("object", Json::object());
  const auto named = event->find("type");
  const std::string type = named != event->end() && named->is_string() ? named->get<std::string>() : "";
  if (type == "ERROR") return std::unexpected(error_of(object, what));
  if (!object.is_object() || metadata_text(object, "resourceVersion").empty()) {
    return std::unexpected(
        Error{Code::BadAnswer, 0, what + ": an event without a resourceVersion", "", std::nullopt});
  }
  if (type == "BOOKMARK") return WatchEvent{WatchEvent::Type::Bookmark, std::move(object)};
  complete(object, resource);
  return WatchEvent{type == "DELETED" ? WatchEvent::Type::Deleted : WatchEvent::Type::Put, std::move(object)};
}

}  // namespace

Client::Client(http::Transport& transport, std::shared_ptr<Token> token, const base::Clock& clock,
               ClientOptions options)
    : transport_(transport),
      token_(std::move(token)),
      clock_(clock),
      options_(std::move(options)),
      limit_(std::make_shared<RateLimit>(options_.requests_per_second, options_.burst)),
      urgent_(new Client(*this, Urgency::Urgent)) {}  // its constructor is private

Client::Client(const Client& ordinary, Urgency urgency)
    : transport_(ordinary.transport_),
      token_(ordinary.token_),
      clock_(ordinary.clock_),
      options_(ordinary.options_),
      limit_(ordinary.limit_),
      versions_(ordinary.versions_),
      urgency_(urgency) {}

Client::Call Client::call(std::string_view verb, std::string_view method, const Resource& resource,
                          const Key& key, const std::string& tail) const {
  const auto served = versions_->served(resource);
  Call call{verb, served, std::string(verb) + " " + target(resource, key), {}, options_.stop};
  call.request.method = method;
  call.request.url = options_.base_url + served.path(key.name_space, key.name) + tail;
  call.request.timeout = options_.timeout;
  call.request.max_body = kLargestObject;
  call.request.headers = {{"Accept", "application/json"}, {"User-Agent", "weir/" WEIR_VERSION}};
  return call;
}

Result<Json> Client::get(const Resource& resource, const Key& key) {
  return send(call("get", "GET", resource, key, ""));
}

Result<Json> Client::look_up(const Kind& kind, const std::string& path, const std::stop_token& stop) {
  Call looking = call("get", "GET", kind.resource, {}, "");
  looking.what = "get " + path;
  looking.stop = stop;
  looking.request.url = options_.base_url + path;
  auto found = send(std::move(looking));
  if (!found && found.error().code == Code::NotFound) return Json();
  return found;
}

Result<bool> Client::discover(const Kind& kind, const std::stop_token& stop) {
  const std::string group = "/apis/" + std::string(kind.resource.group);
  const auto versions = look_up(kind, group, stop);
  if (!versions) return std::unexpected(versions.error());
  std::vector candidates{kind.resource.version};
  candidates.insert(candidates.end(), kind.other_versions.begin(), kind.other_versions.end());
  for (const auto version : candidates) {
    const auto served = lists(*versions, group, "versions", "version", version);
    if (!served) return std::unexpected(served.error());
    if (!*served) continue;
    const std::string path = group + "/" + std::string(version);
    const auto kinds = look_up(kind, path, stop);
    if (!kinds) return std::unexpected(kinds.error());
    const auto has = lists(*kinds, path, "resources", "name", kind.resource.plural);
    if (!has) return std::unexpected(has.error());
    if (!*has) continue;
    versions_->found(kind.resource, version);
    return true;
  }
  return false;
}

Result<std::vector<Json>> Client::list(const Resource& resource, std::string_view name_space,
                                       std::string_view label_selector) {
  std::vector<Json> objects;
  const auto listed = list_each(
      resource, name_space, label_selector, [&](Json object) { objects.push_back(std::move(object)); },
      options_.stop);
  if (!listed) return std::unexpected(listed.error());
  return objects;
}

Result<std::string> Client::list_each(const Resource& resource, std::string_view name_space,
                                      std::string_view label_selector,
                                      const std::function<void(Json)>& on_object,
                                      const std::stop_token& stop) {
  std::string next;
  int objects = kPage;
  while (true) {
    std::string query = "?limit=" + std::to_string(objects);
    if (!label_selector.empty()) query += "&labelSelector=" + http::encode(label_selector);
    if (!next.empty()) query += "&continue=" + http::encode(next);
    Call listing = call("list", "GET", resource, {std::string(name_space), ""}, query);
    listing.stop = stop;
    listing.request.max_body = kLargestPage;
    const auto answered = answer(listing);
    // Perhaps it was too large: if it was something else, the last of few attempts says so.
    if (!answered && answered.error().code == Code::BadAnswer && answered.error().status == 0 &&
        objects > 1) {
      objects /= 4;
      continue;
    }
    if (!answered) return std::unexpected(answered.error());
    const auto page = parse_list(answered->body, listing.what, [&](Json object) {
      complete(object, listing.resource);
      on_object(std::move(object));
    });
    if (!page) return std::unexpected(page.error());
    next = metadata_text(*page, "continue");
    if (next.empty()) return list_version(*page);
  }
}

Result<Json> Client::create(const Resource& resource, const Json& object) {
  Call creation = call("create", "POST", resource, {metadata_text(object, "namespace"), ""},
                       "?fieldManager=" + http::encode(options_.field_manager));
  creation.what = "create " + target(resource, key_of(object));
  creation.request.headers["Content-Type"] = "application/json";
  Json body = object;
  complete(body, creation.resource);
  creation.request.body = text_of(body);
  return send(std::move(creation));
}

Result<Json> Client::update(const Resource& resource, const Json& before, const Json& after) {
  return patch(resource, before, object_patch(before, after), "");
}

Result<Json> Client::update_status(const Resource& resource, const Json& before, const Json& after) {
  return patch(resource, before, status_patch(before, after), "/status");
}

Result<Json> Client::patch(const Resource& resource, const Json& before, const Json& patch,
                           const std::string& subresource) {
  if (patch.empty()) return before;
  Call change = call("patch", "PATCH", resource, key_of(before),
                     subresource + "?fieldManager=" + http::encode(options_.field_manager));
  if (metadata_text(before, "resourceVersion").empty()) {
    return std::unexpected(Error{Code::Invalid, 0, change.what + ": it was not read from the server before",
                                 "metadata.resourceVersion", std::nullopt});
  }
  change.request.headers["Content-Type"] = "application/json-patch+json";
  change.request.body = text_of(with_precondition(patch, before));
  auto changed = send(std::move(change));
  if (!changed) return std::unexpected(explained(resource, before, changed.error()));
  return changed;
}

// A patch that does not fit is answered by 422, before the server looks at the precondition: if the object
// has changed, that is why.
Error Client::explained(const Resource& resource, const Json& before, Error error) {
  if (error.status != 422 || !error.field.empty()) return error;
  const auto current = get(resource, key_of(before));
  if (current && metadata_text(*current, "resourceVersion") != metadata_text(before, "resourceVersion")) {
    error.code = Code::Conflict;
  }
  if (!current && current.error().code == Code::NotFound) error.code = Code::NotFound;
  return error;
}

Result<void> Client::remove(const Resource& resource, const Json& object) {
  Call removal = call("delete", "DELETE", resource, key_of(object), "");
  removal.request.headers["Content-Type"] = "application/json";
  removal.request.body = text_of({{"apiVersion", "v1"},
                                  {"kind", "DeleteOptions"},
                                  {"propagationPolicy", "Background"},
                                  {"preconditions",
                                   {{"uid", metadata_text(object, "uid")},
                                    {"resourceVersion", metadata_text(object, "resourceVersion")}}}});
  const auto removed = send(std::move(removal));
  if (!removed && removed.error().code != Code::NotFound) return std::unexpected(removed.error());
  return {};
}

Result<void> Client::watch(const Resource& resource, std::string_view name_space,
                           const std::string& resource_version, std::chrono::seconds lasting,
                           std::chrono::seconds silence, const std::function<void(WatchEvent)>& on_event,
                           std::stop_token stop) {
  Call watching =
      call("watch", "GET", resource, {std::string(name_space), ""},
           "?watch=true&allowWatchBookmarks=true&resourceVersion=" + http::encode(resource_version) +
               "&timeoutSeconds=" + std::to_string(lasting.count()));
  watching.request.timeout = silence;
  authorize(watching.request, token_->value());
  std::optional<Error> broken;
  const auto take = [&](std::string_view line) {
    auto event = event_of(line, watching.resource, watching.what);
    if (!event) {
      broken = event.error();
      return false;
    }
    on_event(*std::move(event));
    return true;
  };
  const auto since = clock_.steady();
  const auto answer = transport_.stream(watching.request, take, std::move(stop));
  observe(watching, answer ? answer->status : 0, since);
  if (!answer) return std::unexpected(error_of(answer.error(), watching.what));
  if (answer->status == 401) token_->refused();
  if (answer->status != 200) return std::unexpected(refused(*answer, watching));
  if (broken) return std::unexpected(*std::move(broken));
  return {};
}

Result<Json> Client::send(Call call) {
  const auto answered = answer(call);
  if (!answered) return std::unexpected(answered.error());
  return parse_body(answered->body, call.what);
}

Result<http::Response> Client::answer(Call& call) {
  if (const auto turn = wait_for_turn(call); !turn) return std::unexpected(turn.error());
  auto answer = exchange(call);
  if (!answer) return std::unexpected(error_of(answer.error(), call.what));
  if (answer->status < 200 || answer->status >= 300) return std::unexpected(refused(*answer, call));
  return *std::move(answer);
}

Result<void> Client::wait_for_turn(const Call& call) {
  const auto place = limit_->queue(urgency_);
  while (true) {
    const auto now = clock_.steady();
    if (const auto rest = limit_->held(urgency_, now); rest > std::chrono::milliseconds::zero()) {
      limit_->leave(place);
      const auto seconds = std::chrono::ceil<std::chrono::seconds>(rest);
      return std::unexpected(Error{Code::TooManyRequests, 0,
                                   call.what + ": not sent, the API server asked to be left alone for " +
                                       std::to_string(seconds.count()) + " s more",
                                   "", seconds});
    }
    const auto wait = limit_->wait(place, now);
    if (!base::pause(wait, call.stop)) {
      limit_->leave(place);
      return std::unexpected(Error{Code::Cancelled, 0, call.what + ": stopped", "", std::nullopt});
    }
    if (wait == std::chrono::milliseconds::zero()) return {};
  }
}

Error Client::refused(const http::Response& answer, const Call& call) {
  Error error = error_of(answer, call.what);
  if (!error.retry_after) return error;
  error.retry_after = std::min(*error.retry_after, RateLimit::kLongestHold);
  if (error.code == Code::TooManyRequests) limit_->hold(*error.retry_after, clock_.steady());
  return error;
}

http::Result<http::Response> Client::exchange(Call& call) {
  const auto once = [&](const std::string& token) {
    authorize(call.request, token);
    const auto since = clock_.steady();
    auto answer = transport_.send(call.request, call.stop);
    observe(call, answer ? answer->status : 0, since);
    return answer;
  };
  const std::string token = token_->value();
  auto answer = once(token);
  if (!answer || answer->status != 401) return answer;
  token_->refused();
  const std::string fresh = token_->value();
  return fresh == token ? answer : once(fresh);
}

void Client::observe(const Call& call, int status, base::Clock::Steady since) const {
  if (!options_.observe) return;
  options_.observe(call.verb, call.resource, status,
                   std::chrono::duration<double>(clock_.steady() - since).count());
}

}  // namespace weir::kube
