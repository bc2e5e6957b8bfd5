// Writes Events aside, so that no write of a release waits for one.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "operator/kube/api.h"
#include "operator/report/events.h"

namespace weir::process {

// Events are told best effort: the oldest is dropped when more than this wait.
inline constexpr std::size_t kMaxWaitingEvents = 10'000;

class EventSender {
 public:
  // Borrows `api`.
  explicit EventSender(kube::Api& api);
  // Sends what waits, for as long as the API server answers; then ends the thread.
  ~EventSender();
  EventSender(const EventSender&) = delete;
  EventSender& operator=(const EventSender&) = delete;

  // Thread-safe; does not block.
  void send(const report::CanaryRef& canary, const strategies::Event& event, strategies::TimePoint now);

 private:
  void work(const std::stop_token& stop);
  [[nodiscard]] bool write(const report::EventWrite& event);

  kube::Api& api_;
  report::EventLog log_;
  std::mutex mutex_;
  std::condition_variable_any filled_;
  std::deque<report::EventWrite> waiting_;
  std::jthread thread_;
};

}  // namespace weir::process
