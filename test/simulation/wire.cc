#include "test/simulation/wire.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace weir::simulation {
namespace {

constexpr std::string_view kScheme = "://";

// Path without host and query.
std::string_view path_of(const http::Request& request) {
  std::string_view url = request.url;
  url.remove_prefix(url.find('/', url.find(kScheme) + kScheme.size()));
  return url.substr(0, url.find('?'));
}

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }

http::Response status_answer(const Treatment& treatment) {
  http::Response response{.status = treatment.status};
  if (treatment.retry_after > 0) response.headers["retry-after"] = std::to_string(treatment.retry_after);
  const nlohmann::json body{{"kind", "Status"},
                            {"apiVersion", "v1"},
                            {"status", "Failure"},
                            {"message", "injected"},
                            {"code", treatment.status}};
  response.body = body.dump();
  return response;
}

http::Result<http::Response> broken(http::Failure failure, const char* what) {
  return std::unexpected(http::Error{failure, what});
}

}  // namespace

bool is_write(const http::Request& request) { return request.method != "GET"; }

bool is_list(const http::Request& request) {
  return request.method == "GET" && request.url.contains("?limit=");
}

bool is_of_release(const http::Request& request) {
  const auto path = path_of(request);
  return !path.contains("/leases") && !path.contains("/events");
}

std::string brief(const http::Request& request) {
  auto path = path_of(request);
  const auto at = path.find("/namespaces/");
  if (at != std::string_view::npos) path.remove_prefix(at + std::string_view("/namespaces/").size());
  return request.method + " " + std::string(path);
}

Wire::Wire(Executor& executor, ApiServer& server, Life& life, Writer writer, Treat treat, Term term)
    : executor_(executor),
      server_(server),
      life_(life),
      writer_(writer),
      treat_(std::move(treat)),
      term_(std::move(term)) {}

http::Result<http::Response> Wire::send(const http::Request& request, std::stop_token stop) {
  life_.check();
  if (stop.stop_requested()) return broken(http::Failure::Cancelled, "stopped");
  const Sent sent{.term = term_(), .at = executor_.now()};
  if (executor_.now() < cut_off_until_) {
    executor_.run_until(executor_.now() + request.timeout);
    life_.check();
    return broken(http::Failure::Timeout, "no answer in time");
  }
  const auto treatment = treat_(request);
  if (treatment.kill_before) {
    life_.kill();
    throw Killed{};
  }
  executor_.run_until(executor_.now() + treatment.there);
  if (life_.dead()) {
    // What has left a process that dies is on its way all the same.
    deliver_late(request, sent, executor_.now() + treatment.late);
    throw Killed{};
  }
  auto answer = pass(request, treatment, sent);
  if (treatment.kill_after) {
    life_.kill();
    throw Killed{};
  }
  executor_.run_until(executor_.now() + treatment.back);
  life_.check();
  return answer;
}

http::Result<http::Response> Wire::pass(const http::Request& request, const Treatment& treatment, Sent sent) {
  switch (treatment.way) {
    case Treatment::Way::Answered:
      return server_.serve(request, writer_, sent);
    case Treatment::Way::Refused:
      return status_answer(treatment);
    case Treatment::Way::Lost:
      return broken(http::Failure::Broken, "connection reset");
    case Treatment::Way::AppliedRefused:
      (void)server_.serve(request, writer_, sent);
      return status_answer(treatment);
    case Treatment::Way::AppliedLost:
      (void)server_.serve(request, writer_, sent);
      return broken(http::Failure::Broken, "connection reset");
    case Treatment::Way::Hollow:
      return http::Response{.status = 200, .body = "{}"};
    case Treatment::Way::Late:
      deliver_late(request, sent, executor_.now() + treatment.late);
      executor_.run_until(executor_.now() + request.timeout);
      life_.check();
      return broken(http::Failure::Timeout, "no answer in time");
  }
  std::unreachable();
}

void Wire::deliver_late(const http::Request& request, Sent sent, Millis at) {
  executor_.at(at, [&server = server_, writer = writer_, request, sent] {
    (void)server.serve(request, writer, sent);
  });
}

http::Result<http::Response> Wire::stream(const http::Request& request,
                                          const std::function<bool(std::string_view)>& on_line,
                                          std::stop_token stop) {
  life_.check();
  const auto plural = std::string(last_part(path_of(request)));
  if (stop.stop_requested()) return broken(http::Failure::Cancelled, "stopped");
  seen_.erase(plural);
  if (executor_.now() < cut_off_until_)
    return broken(http::Failure::Broken, "the API server is out of reach");
  if (std::exchange(dropped_[plural], drops_) != drops_)
    return broken(http::Failure::Broken, "the watch was dropped");
  const auto watched = server_.watch(request, watch_delay(plural));
  if (watched.status != 200) return http::Response{.status = watched.status, .body = watched.body};
  const bool whole = std::ranges::all_of(watched.lines, on_line);
  if (whole) seen_[plural] = watched.version;
  return http::Response{.status = 200};
}

void Wire::cut_off(Millis duration) { cut_off_until_ = std::max(cut_off_until_, executor_.now() + duration); }

void Wire::delay_watch(const std::string& plural, Millis by) { delays_[plural] = by; }

void Wire::drop_watches() { ++drops_; }

Millis Wire::watch_delay(std::string_view plural) const {
  const auto found = delays_.find(plural);
  return found == delays_.end() ? Millis(0) : found->second;
}

}  // namespace weir::simulation
