// The operator's connection to the API server, with everything that can go wrong on it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "operator/http/transport.h"
#include "test/simulation/api_server.h"
#include "test/simulation/life.h"
#include "test/simulation/random.h"

namespace weir::simulation {

// What happens to one request.
struct Treatment {
  enum class Way {
    Answered,
    Refused,         // not applied, answered with `status`
    Lost,            // not applied, the connection breaks
    AppliedRefused,  // applied, answered with `status`
    AppliedLost,     // applied, the connection breaks
    Hollow,          // not applied, answered with 200 and {}
    Late             // no answer within the client's time limit; applied `late` after it was sent
  };
  Way way = Way::Answered;
  int status = 500;
  int retry_after = 0;  // seconds; 0: the answer does not say
  Millis there{2};      // how long the request takes
  Millis back{2};       // how long the answer takes
  Millis late{0};
  bool kill_before = false;  // the process dies before the request leaves
  bool kill_after = false;   // the process dies when the request has been applied, before the answer
};

[[nodiscard]] bool is_write(const http::Request& request);
// Of a collection; no watch.
[[nodiscard]] bool is_list(const http::Request& request);
// Elections and what is only told do not count as writes of a release.
[[nodiscard]] bool is_of_release(const http::Request& request);
// "PATCH canaries/shop/checkout-v2/status": for timelines.
[[nodiscard]] std::string brief(const http::Request& request);

class Wire final : public http::Transport {
 public:
  using Treat = std::function<Treatment(const http::Request&)>;
  using Term = std::function<std::int64_t()>;

  // Borrows all. `treat` is asked before each request that is no watch, and `term` in which term it is sent.
  Wire(Executor& executor, ApiServer& server, Life& life, Writer writer, Treat treat, Term term);

  [[nodiscard]] http::Result<http::Response> send(const http::Request& request,
                                                  std::stop_token stop) override;
  // Hands over what there is to see by now and ends: the process comes back when there is more.
  [[nodiscard]] http::Result<http::Response> stream(const http::Request& request,
                                                    const std::function<bool(std::string_view)>& on_line,
                                                    std::stop_token stop) override;

  // Nothing gets through for so long, neither way.
  void cut_off(Millis duration);
  // How old what watches of this kind (its plural) bring must be. 0: nothing is held back.
  void delay_watch(const std::string& plural, Millis by);
  // The next watch of every kind breaks.
  void drop_watches();
  [[nodiscard]] Millis watch_delay(std::string_view plural) const;
  // Whether the last watch of this kind went well: it would still be open, and bring what is newer than
  // `seen`.
  [[nodiscard]] bool watching(std::string_view plural) const { return seen_.contains(plural); }
  [[nodiscard]] std::uint64_t seen(std::string_view plural) const { return seen_.find(plural)->second; }

 private:
  [[nodiscard]] http::Result<http::Response> pass(const http::Request& request, const Treatment& treatment,
                                                  Sent sent);
  void deliver_late(const http::Request& request, Sent sent, Millis at);

  Executor& executor_;
  ApiServer& server_;
  Life& life_;
  const Writer writer_;
  Treat treat_;
  Term term_;
  Millis cut_off_until_{0};
  std::map<std::string, Millis, std::less<>> delays_;
  std::map<std::string, std::uint64_t, std::less<>> seen_;     // by kind whose watch is open
  std::uint64_t drops_ = 0;                                    // how often all watches were broken
  std::map<std::string, std::uint64_t, std::less<>> dropped_;  // the same, as each kind's watch has noticed
};

}  // namespace weir::simulation
