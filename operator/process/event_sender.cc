#include "operator/process/event_sender.h"

#include <optional>

#include "operator/base/clock.h"
#include "operator/kube/object.h"

namespace weir::process {
namespace {

bool is_passing(kube::Code code) {
  return code == kube::Code::TooManyRequests || code == kube::Code::Unavailable ||
         code == kube::Code::Timeout;
}

// What a repetition changes, and what names the object and its version.
kube::Json changeable(const kube::Json& event) {
  kube::Json part{{"metadata",
                   {{"namespace", kube::metadata_text(event, "namespace")},
                    {"name", kube::metadata_text(event, "name")},
                    {"resourceVersion", kube::metadata_text(event, "resourceVersion")}}}};
  for (const char* field : {"count", "lastTimestamp"}) {
    if (event.contains(field)) part[field] = event[field];
  }
  return part;
}

}  // namespace

EventSender::~EventSender() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void EventSender::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void EventSender::send(const report::CanaryRef& canary, const strategies::Event& event,
                       strategies::TimePoint now) {
  auto write = log_.record(canary, event, now);
  const std::scoped_lock lock(mutex_);
  waiting_.push_back(std::move(write));
  if (waiting_.size() > kMaxWaitingEvents) waiting_.pop_front();
  filled_.notify_one();
}

bool EventSender::send_next() {
  report::EventWrite event;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) return false;
    event = std::move(waiting_.front());
    waiting_.pop_front();
  }
  const auto written = write(event);
  if (!written && is_passing(written.error().code) && ++tries_ < kMaxEventTries) {
    const std::scoped_lock lock(mutex_);
    waiting_.push_front(std::move(event));
    return false;
  }
  tries_ = 0;
  if (!written) log_.forget(event.name_space, event.name);
  return true;
}

kube::Result<void> EventSender::write(const report::EventWrite& event) {
  std::optional<kube::Result<kube::Json>> written;
  if (event.create) {
    written = api_.create(kube::kEvents, event.body);
  } else {
    // Nobody else writes it, so that it need not be read again.
    const auto known = written_.find({event.name_space, event.name});
    if (known == written_.end()) {
      return std::unexpected(
          kube::Error{.code = kube::Code::NotFound, .message = "the Event was not written"});
    }
    auto repeated = known->second;
    repeated.merge_patch(event.body);
    written = api_.update(kube::kEvents, known->second, repeated);
  }
  if (!*written) return std::unexpected(written->error());
  remember(**written);
  return {};
}

void EventSender::remember(const kube::Json& written) {
  const auto key = kube::key_of(written);
  if (written_.insert_or_assign(key, changeable(written)).second) order_.push_back(key);
  if (order_.size() <= report::kMaxKnownEvents) return;
  written_.erase(order_.front());
  order_.pop_front();
}

void EventSender::work(const std::stop_token& stop) {
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (!filled_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
    }
    // What is still told while the process ends is worth one try each, not a wait.
    if (!send_next() && !base::pause(kEventRest, stop)) return;
  }
}

}  // namespace weir::process
