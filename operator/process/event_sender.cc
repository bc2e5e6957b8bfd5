#include "operator/process/event_sender.h"

#include <utility>

namespace weir::process {

EventSender::EventSender(kube::Api& api)
    : api_(api), thread_([this](const std::stop_token& stop) { work(stop); }) {}

EventSender::~EventSender() {
  thread_.request_stop();
  thread_.join();
}

void EventSender::send(const report::CanaryRef& canary, const strategies::Event& event,
                       strategies::TimePoint now) {
  auto write = log_.record(canary, event, now);
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(write));
  if (waiting_.size() > kMaxWaitingEvents) waiting_.pop_front();
  filled_.notify_one();
}

bool EventSender::write(const report::EventWrite& event) {
  if (event.create) return api_.create(kube::kEvents, event.body).has_value();
  const auto known = api_.get(kube::kEvents, {event.name_space, event.name});
  if (!known) return false;
  auto repeated = *known;
  repeated.merge_patch(event.body);
  return api_.update(kube::kEvents, *known, repeated).has_value();
}

void EventSender::work(const std::stop_token& stop) {
  while (true) {
    report::EventWrite event;
    {
      std::unique_lock lock(mutex_);
      if (!filled_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      event = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const bool written = write(event);
    if (!written) log_.forget(event.name_space, event.name);
    // What is still told while the process ends is worth one try each, not a wait.
    if (!written && stop.stop_requested()) return;
  }
}

}  // namespace weir::process
