#include "operator/process/prometheus_fetch.h"

#include "analysis/prometheus.h"

namespace weir::process {
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

std::shared_ptr<PrometheusFetch::Server> PrometheusFetch::server(const std::string& origin,
                                                                 bool insecure_skip_verify) {
  const std::scoped_lock lock(mutex_);
  if (servers_.size() >= kMaxServers) {
    std::erase_if(servers_, [](const auto& each) { return each.second.use_count() == 1; });
  }
  auto& known = servers_[{origin, insecure_skip_verify}];
  if (!known) {
    known = std::make_shared<Server>();
    known->transport = http::make_transport(origin, {.insecure_skip_verify = insecure_skip_verify});
  }
  return known;
}

std::optional<PrometheusFetch::Query> PrometheusFetch::enter(Server& server) {
  const std::scoped_lock lock(mutex_);
  if (!server.timed_out_at) return Query::Ordinary;
  const bool rested = clock_.steady() >= *server.timed_out_at + kServerRest;
  if (!rested || server.tried || trials_ >= kMaxTrials) return std::nullopt;
  server.tried = true;
  ++trials_;
  return Query::Trial;
}

void PrometheusFetch::leave(Server& server, Query query, bool timed_out) {
  const std::scoped_lock lock(mutex_);
  server.timed_out_at = timed_out ? std::optional(clock_.steady()) : std::nullopt;
  if (query != Query::Trial) return;
  server.tried = false;
  --trials_;
}

std::expected<analysis::Answer, std::string> PrometheusFetch::operator()(
    const std::string& url, const std::map<std::string, std::string>& headers, bool insecure_skip_verify) {
  const auto asked = server(http::origin(url), insecure_skip_verify);
  const auto query = enter(*asked);
  if (!query) return std::unexpected("its last query ended in a timeout, and it is not asked again yet");
  const auto begin = clock_.steady();
  const http::Request request{
      .url = url, .headers = headers, .timeout = timeout_, .max_body = analysis::kMaxAnswerBytes};
  auto answer = asked->transport->send(request, stop_);
  leave(*asked, *query, !answer && answer.error().failure == http::Failure::Timeout);
  metrics_.count_prometheus_query(answer && answer->status / 100 == 2, clock_.steady() - begin);
  if (!answer && answer.error().failure == http::Failure::TooLarge)
    return analysis::Answer{.too_large = true};
  if (!answer) return std::unexpected(answer.error().message);
  if (answer->status / 100 == 3) return std::unexpected(redirect(*answer));
  return analysis::Answer{.status = answer->status, .body = std::move(answer->body)};
}

}  // namespace weir::process
