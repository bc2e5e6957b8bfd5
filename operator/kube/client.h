// The API of a real server, over HTTP.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "operator/base/clock.h"
#include "operator/http/transport.h"
#include "operator/kube/api.h"
#include "operator/kube/auth.h"
#include "operator/kube/kinds.h"
#include "operator/kube/rate_limit.h"

namespace weir::kube {

struct ClientOptions {
  std::string base_url;
  std::string field_manager = "weir";         // signs for our writes in managedFields
  std::chrono::milliseconds timeout{10'000};  // of one request
  double requests_per_second = 50;            // 0: as many as there are; watches are not counted
  int burst = 100;
  // Called after each request, by the thread that made it: the verb as RBAC names it, the HTTP status (0
  // without an answer), and how long it took.
  std::function<void(std::string_view verb, const Resource&, int status, double seconds)> observe;
  std::stop_token stop;  // ends every request under way with Code::Cancelled
};

// One event of a watch.
struct WatchEvent {
  enum class Type { Put, Deleted, Bookmark };
  Type type = Type::Put;
  Json object;  // of a bookmark only metadata.resourceVersion counts
};

// Thread-safe. Sends each request once; a 401 alone is tried again, if the token has rotated meanwhile.
//
// A request waits for its turn, which options.requests_per_second bounds. When the server answers 429 with
// Retry-After, the whole client heeds it: until then (RateLimit::kLongestHold at most) ordinary requests are
// not sent but refused at once with Code::TooManyRequests and what is left of the pause, so that no thread
// waits that a rollback may need. Not held up are urgent requests, and watches, by which a rollback's cause
// is noticed. Error::retry_after is never longer than RateLimit::kLongestHold.
class Client final : public Api {
 public:
  // `transport` and `clock` are the caller's and must outlive the client.
  Client(http::Transport& transport, std::shared_ptr<Token> token, const base::Clock& clock,
         ClientOptions options);

  // The same client for requests that take traffic back: they share transport, token and limit with the
  // others, go before all that wait, and are sent during a pause too. Lives as long as the client.
  [[nodiscard]] Api& urgent() { return *urgent_; }

  [[nodiscard]] Result<Json> get(const Resource& resource, const Key& key) override;
  [[nodiscard]] Result<std::vector<Json>> list(const Resource& resource, std::string_view name_space,
                                               std::string_view label_selector) override;
  [[nodiscard]] Result<Json> create(const Resource& resource, const Json& object) override;
  [[nodiscard]] Result<Json> update(const Resource& resource, const Json& before, const Json& after) override;
  [[nodiscard]] Result<Json> update_status(const Resource& resource, const Json& before,
                                           const Json& after) override;
  [[nodiscard]] Result<void> remove(const Resource& resource, const Json& object) override;

  // GET /apis/GROUP, and /apis/GROUP/VERSION of the kind's versions that it names: finds the best one that
  // has the kind, in which every later request about it is made. False: the server has none of them.
  [[nodiscard]] Result<bool> discover(const Kind& kind, const std::stop_token& stop);

  // GET the collection page by page, one object at a time so that the caller need not hold the whole; `stop`
  // ends it in place of the options' own. Returns the resourceVersion to watch from. Pages that are too large
  // to be read at once are asked for with fewer objects.
  [[nodiscard]] Result<std::string> list_each(const Resource& resource, std::string_view name_space,
                                              std::string_view label_selector,
                                              const std::function<void(Json)>& on_object,
                                              const std::stop_token& stop);

  // GET ?watch from `resource_version` on: blocks until the server ends it (no error), `stop` is requested,
  // or nothing has come for `silence`. Code::Gone: list again.
  [[nodiscard]] Result<void> watch(const Resource& resource, std::string_view name_space,
                                   const std::string& resource_version, std::chrono::seconds lasting,
                                   std::chrono::seconds silence,
                                   const std::function<void(WatchEvent)>& on_event, std::stop_token stop);

 private:
  struct Call {
    std::string_view verb;  // as RBAC names it
    Resource resource;
    std::string what;  // "patch Service shop/checkout", for messages
    http::Request request;
    std::stop_token stop;
  };

  // What `urgent` hands out.
  Client(const Client& ordinary, Urgency urgency);

  // Of a kind in the version that the server has.
  [[nodiscard]] Call call(std::string_view verb, std::string_view method, const Resource& resource,
                          const Key& key, const std::string& tail) const;
  // GET of what says which versions or kinds there are; null: the server has no such path.
  [[nodiscard]] Result<Json> look_up(const Kind& kind, const std::string& path, const std::stop_token& stop);
  // The answer's object, or the typed error.
  [[nodiscard]] Result<Json> send(Call call);
  // The answer as it came, if it is a success.
  [[nodiscard]] Result<http::Response> answer(Call& call);
  [[nodiscard]] Result<void> wait_for_turn(const Call& call);
  // The error of an answer that is no success; a pause that it asks for begins.
  [[nodiscard]] Error refused(const http::Response& answer, const Call& call);
  [[nodiscard]] http::Result<http::Response> exchange(Call& call);
  [[nodiscard]] Result<Json> patch(const Resource& resource, const Json& before, const Json& patch,
                                   const std::string& subresource);
  [[nodiscard]] Error explained(const Resource& resource, const Json& before, Error error);
  void observe(const Call& call, int status, base::Clock::Steady since) const;

  http::Transport& transport_;
  std::shared_ptr<Token> token_;
  const base::Clock& clock_;
  ClientOptions options_;
  std::shared_ptr<RateLimit> limit_;
  std::shared_ptr<ServedVersions> versions_ = std::make_shared<ServedVersions>();
  Urgency urgency_ = Urgency::Ordinary;
  std::unique_ptr<Client> urgent_;  // null in the urgent one itself
};

}  // namespace weir::kube
