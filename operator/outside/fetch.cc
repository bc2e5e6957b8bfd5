#include "operator/outside/fetch.h"

#include <algorithm>

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

Fetch::Outcome Fetch::outcome_of(const http::Result<http::Response>& answer) {
  if (answer || answer.error().failure == http::Failure::TooLarge) return Outcome::Answered;
  return answer.error().failure == http::Failure::Timeout ? Outcome::TimedOut : Outcome::Failed;
}

std::shared_ptr<Fetch::Server> Fetch::server(const std::string& origin, const FetchRequest& request) {
  const std::pair key{origin, request.tls};
  {
    const std::scoped_lock lock(mutex_);
    if (const auto known = servers_.find(key); known != servers_.end()) {
      known->second->built_in |= request.asker.built_in;
      return known->second;
    }
  }
  // Certificates are read: nobody else waits for that.
  auto made = std::make_shared<Server>();
  made->transport = http::make_transport(origin, request.tls);
  made->built_in = request.asker.built_in;
  const std::scoped_lock lock(mutex_);
  if (servers_.size() >= kMaxServers) {
    std::erase_if(servers_,
                  [](const auto& each) { return each.second.use_count() == 1 && !each.second->built_in; });
  }
  return servers_.try_emplace(key, std::move(made)).first->second;
}

std::optional<Fetch::Sending> Fetch::enter(const Server& server, const Asked& asked) {
  const std::scoped_lock lock(mutex_);
  const auto known = timeouts_.find(asked);
  if (known == timeouts_.end()) return Sending::Ordinary;
  auto& timeout = known->second;
  const auto now = clock_.steady();
  timeout.every = std::min<base::Clock::Steady::duration>(std::max(timeout.every, now - timeout.asked_at),
                                                          kTimeoutRemembered);
  timeout.asked_at = now;
  if (timeout.tried || now < timeout.at + kServerRest) return std::nullopt;
  const bool answers_others = server.answered_at && *server.answered_at >= timeout.at;
  if (!answers_others && !trials(asked.first).begin(asked.first.name_space, now, timeout.every))
    return std::nullopt;
  timeout.tried = true;
  return answers_others ? Sending::Retry : Sending::Trial;
}

void Fetch::leave(Server& server, const Asked& asked, Sending sending, Outcome outcome) {
  const std::scoped_lock lock(mutex_);
  const auto now = clock_.steady();
  if (sending == Sending::Trial) trials(asked.first).end(asked.first.name_space);
  if (outcome == Outcome::Answered) server.answered_at = now;
  if (outcome != Outcome::TimedOut) {
    timeouts_.erase(asked);
    return;
  }
  std::erase_if(timeouts_, [now](const auto& each) {
    return !each.second.tried && each.second.at + kTimeoutRemembered <= now;
  });
  auto& timeout = timeouts_[asked];
  timeout.at = timeout.asked_at = now;
  if (sending != Sending::Ordinary) timeout.tried = false;
}

std::expected<FetchResponse, std::string> Fetch::operator()(const FetchRequest& request) {
  const Asked asked{request.asker, http::origin(request.url)};
  const auto to = server(asked.second, request);
  const auto sending = enter(*to, asked);
  if (!sending) return std::unexpected("its last query ended in a timeout, and it is not asked again yet");
  const auto begin = clock_.steady();
  auto answer = to->transport->send({.method = request.method,
                                     .url = request.url,
                                     .headers = request.headers,
                                     .body = request.body,
                                     .timeout = request.timeout,
                                     .max_body = request.max_body},
                                    stop_);
  leave(*to, asked, *sending, outcome_of(answer));
  if (observe_) observe_(answer, clock_.steady() - begin);
  if (!answer && answer.error().failure == http::Failure::TooLarge) return FetchResponse{.too_large = true};
  if (!answer) return std::unexpected(answer.error().message);
  if (answer->status / 100 == 3) return std::unexpected(redirect(*answer));
  return FetchResponse{.status = answer->status, .body = std::move(answer->body)};
}

}  // namespace weir::outside
