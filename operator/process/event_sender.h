// Writes Events aside, so that no write of a release waits for one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "operator/kube/api.h"
#include "operator/report/events.h"

namespace weir::process {

// Events are told best effort: the oldest is dropped when more than this wait.
inline constexpr std::size_t kMaxWaitingEvents = 10'000;
// One that the API server cannot take now is tried so often, with a rest between.
inline constexpr int kMaxEventTries = 30;
inline constexpr std::chrono::seconds kEventRest{1};

class EventSender {
 public:
  // Borrows `api`.
  explicit EventSender(kube::Api& api) : api_(api) {}
  // Ends the thread, once it has sent what waits, for as long as the API server takes it.
  ~EventSender();
  EventSender(const EventSender&) = delete;
  EventSender& operator=(const EventSender&) = delete;

  // Sends from a thread of its own from here on.
  void start();

  // Thread-safe; does not block.
  void send(const report::CanaryRef& canary, const strategies::Event& event, strategies::TimePoint now);

  // Writes the Event that has waited longest: one request. False: none waits, or the API server cannot take
  // one now (it is worth a try after kEventRest). For one thread: the sender's own, if it was started.
  [[nodiscard]] bool send_next();

 private:
  void work(const std::stop_token& stop);
  [[nodiscard]] kube::Result<void> write(const report::EventWrite& event);
  void remember(const kube::Json& written);

  kube::Api& api_;
  report::EventLog log_;
  // Of the thread that sends: what the next repetition is written upon, oldest first, and by name.
  std::deque<kube::Key> order_;
  std::map<kube::Key, kube::Json> written_;
  int tries_ = 0;  // of the Event that waits longest

  std::mutex mutex_;
  std::condition_variable_any filled_;
  std::deque<report::EventWrite> waiting_;
  std::jthread thread_;
};

}  // namespace weir::process
