// Errors of the Kubernetes API as values.
#pragma once

#include <chrono>
#include <expected>
#include <optional>
#include <string>

namespace weir::kube {

enum class Code {
  NotFound,         // 404
  Conflict,         // 409: the object changed since it was read
  AlreadyExists,    // 409 on create
  Invalid,          // 400, 422: the server refused the content
  Forbidden,        // 401, 403
  Terminating,      // 403 on create: the namespace is being deleted
  TooManyRequests,  // 429; `retry_after` says when
  Gone,             // 410: a watch's resourceVersion is too old
  Unavailable,      // 5xx, or no connection
  Timeout,          // no answer in time: the request may or may not have been carried out
  BadAnswer,        // an answer that is not what the API promises
  Cancelled         // the caller asked to stop
};

struct Error {
  Code code = Code::Unavailable;
  int status = 0;       // of HTTP; 0 without an answer
  std::string message;  // what was tried, on what, what came back
  std::string field;    // the field the server objects to, where it names one
  std::optional<std::chrono::seconds> retry_after;
};

template <typename T>
using Result = std::expected<T, Error>;

}  // namespace weir::kube
