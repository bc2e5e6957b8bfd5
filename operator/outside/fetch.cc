#include "operator/outside/fetch.h"

namespace weir::outside {
namespace {

constexpr std::size_t kLongestOrigin = 300;  // bytes, of a foreign one in a message

std::string redirect(const http::Response& answer) {
  const auto found = answer.headers.find("location");
  std::string location = found == answer.headers.end() ? "" : found->second;
  if (location.starts_with("//")) location.insert(0, "http:");
  const bool elsewhere = location.contains("://");
  return "it redirects to " +
         (elsewhere ? http::origin(location).substr(0, kLongestOrigin) : "another path") + " (HTTP " +
         std::to_string(answer.status) + "), and redirects are not followed: set the address that is meant";
}

}  // namespace

std::shared_ptr<Fetch::Server> Fetch::server(const std::string& origin, const http::Tls& tls) {
  const std::scoped_lock lock(mutex_);
  if (servers_.size() >= kMaxServers) {
    std::erase_if(servers_, [](const auto& each) { return each.second.use_count() == 1; });
  }
  auto& known = servers_[{origin, tls}];
  if (!known) {
    known = std::make_shared<Server>();
    known->transport = http::make_transport(origin, tls);
  }
  return known;
}

std::optional<Fetch::Sending> Fetch::enter(Server& server) {
  const std::scoped_lock lock(mutex_);
  if (!server.timed_out_at) return Sending::Ordinary;
  const bool rested = clock_.steady() >= *server.timed_out_at + kServerRest;
  if (!rested || server.tried || trials_ >= kMaxTrials) return std::nullopt;
  server.tried = true;
  ++trials_;
  return Sending::Trial;
}

void Fetch::leave(Server& server, Sending sending, bool timed_out) {
  const std::scoped_lock lock(mutex_);
  server.timed_out_at = timed_out ? std::optional(clock_.steady()) : std::nullopt;
  if (sending != Sending::Trial) return;
  server.tried = false;
  --trials_;
}

std::expected<FetchResponse, std::string> Fetch::operator()(const FetchRequest& request) {
  const auto asked = server(http::origin(request.url), request.tls);
  const auto sending = enter(*asked);
  if (!sending) return std::unexpected("its last query ended in a timeout, and it is not asked again yet");
  const auto begin = clock_.steady();
  auto answer = asked->transport->send({.method = request.method,
                                        .url = request.url,
                                        .headers = request.headers,
                                        .body = request.body,
                                        .timeout = request.timeout,
                                        .max_body = request.max_body},
                                       stop_);
  leave(*asked, *sending, !answer && answer.error().failure == http::Failure::Timeout);
  if (observe_) observe_(answer, clock_.steady() - begin);
  if (!answer && answer.error().failure == http::Failure::TooLarge) return FetchResponse{.too_large = true};
  if (!answer) return std::unexpected(answer.error().message);
  if (answer->status / 100 == 3) return std::unexpected(redirect(*answer));
  return FetchResponse{.status = answer->status, .body = std::move(answer->body)};
}

}  // namespace weir::outside
