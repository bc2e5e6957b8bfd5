#include "operator/http/exchange.h"

#include <utility>

namespace weir::http {

void Exchange::take_head(Response head) {
  const std::lock_guard lock(mutex_);
  head_ = std::move(head);
  changed_.notify_all();
}

void Exchange::take_bytes(const std::uint8_t* bytes, std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (bytes_.size() + count > max_body_) too_large_ = true;
  if (!too_large_) bytes_.append(bytes, bytes + count);
  changed_.notify_all();
}

void Exchange::finish(std::optional<Error> error) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  error_ = std::move(error);
  changed_.notify_all();
}

Error Exchange::why_not(const std::stop_token& stop) const {
  if (too_large_)
    return {Failure::TooLarge, "the answer is longer than " + std::to_string(max_body_) + " bytes"};
  if (error_) return *error_;
  if (stop.stop_requested()) return {Failure::Cancelled, "stopped"};
  return {Failure::Timeout, "no answer in time"};
}

Result<Response> Exchange::whole(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, stop, deadline, [this] { return finished_ || too_large_; });
  if (!complete() || !head_) return std::unexpected(why_not(stop));
  Response response = *head_;
  response.body = std::exchange(bytes_, {});
  return response;
}

Result<std::string> Exchange::more(Deadline deadline, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  // Bytes may come before the head: its callback runs on another thread.
  const auto ready = [this] { return head_ && !bytes_.empty() && !too_large_; };
  changed_.wait_until(lock, stop, deadline, [&] { return finished_ || too_large_ || ready(); });
  if (ready() && !stop.stop_requested()) return std::exchange(bytes_, {});
  if (!complete()) return std::unexpected(why_not(stop));
  return std::string();
}

bool Exchange::complete() const { return finished_ && !error_ && !too_large_; }

std::optional<Response> Exchange::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

}  // namespace weir::http
