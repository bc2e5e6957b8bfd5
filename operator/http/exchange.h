// One request under way: what the library's threads bring, and the caller that waits for it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "operator/http/transport.h"

namespace weir::http {

// Thread-safe. Shared by the caller and by callbacks that may come after the caller has given up.
class Exchange {
 public:
  using Deadline = std::chrono::steady_clock::time_point;

  explicit Exchange(std::size_t max_body) : max_body_(max_body) {}

  // From the library's threads. After `finish` nothing else comes.
  void take_head(Response head);
  void take_bytes(const std::uint8_t* bytes, std::size_t count);
  void finish(std::optional<Error> error);

  // Waits until the whole answer is there; the error says why it is not.
  [[nodiscard]] Result<Response> whole(Deadline deadline, const std::stop_token& stop);
  // Waits until there are more bytes of the body, or none will come (empty).
  [[nodiscard]] Result<std::string> more(Deadline deadline, const std::stop_token& stop);
  // Status and headers, once there are any.
  [[nodiscard]] std::optional<Response> head() const;

 private:
  // With the lock held.
  [[nodiscard]] bool complete() const;
  [[nodiscard]] Error why_not(const std::stop_token& stop) const;

  const std::size_t max_body_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Response> head_;
  std::string bytes_;  // received and not taken yet
  bool too_large_ = false;
  bool finished_ = false;
  std::optional<Error> error_;
};

}  // namespace weir::http
