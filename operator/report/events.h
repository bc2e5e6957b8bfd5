// Kubernetes Events of a release (`kubectl describe canaries.weir.dev` shows them): what is to be written,
// not the writing.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <tuple>

#include "strategies/plan.h"

namespace weir::report {

using Json = nlohmann::json;

// The Canary that an Event speaks of.
struct CanaryRef {
  std::string name_space;
  std::string name;
  std::string uid;
};

inline constexpr std::size_t kMaxEventMessageBytes = 1024;
inline constexpr std::string_view kComponent = "weir";

// `text`, cut to `bytes` at most where a UTF-8 character ends; what is cut is shown by an ellipsis.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t bytes);

// A core/v1 Event. Its name is a function of the arguments: sending the same one twice makes one object.
[[nodiscard]] Json make_event(const CanaryRef& canary, const strategies::Event& event,
                              strategies::TimePoint now);

// One write of an Event.
struct EventWrite {
  bool create = true;  // false: a merge patch
  std::string name_space;
  std::string name;
  Json body;
};

// Repetitions of an Event within this time of the last one are counted in it instead of making another.
inline constexpr std::chrono::minutes kEventRepetition{10};
inline constexpr std::size_t kMaxKnownEvents = 1024;

// Decides whether an Event is a new one or a repetition of one that was sent; knows the last kMaxKnownEvents.
// Thread-safe.
class EventLog {
 public:
  [[nodiscard]] EventWrite record(const CanaryRef& canary, const strategies::Event& event,
                                  strategies::TimePoint now);
  // A write of this Event failed, or found it gone: the next repetition is a new Event.
  void forget(const std::string& name_space, const std::string& name);

 private:
  // uid, severity, reason, message
  using Identity = std::tuple<std::string, strategies::Severity, std::string, std::string>;
  struct Known {
    Identity identity;
    std::string name_space;
    std::string name;
    int count = 1;
    strategies::TimePoint last;
  };

  std::mutex mutex_;
  std::list<Known> known_;  // the last repeated first
  std::map<Identity, std::list<Known>::iterator> index_;
};

}  // namespace weir::report
