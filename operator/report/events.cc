#include "operator/report/events.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "operator/base/hash.h"
#include "operator/base/time.h"

namespace weir::report {
namespace {

constexpr std::string_view kEllipsis = "…";
// Kubernetes' limit of a name, less a dot and the suffix.
constexpr std::size_t kMaxNameBytes = 253 - 17;

std::string event_name(const CanaryRef& canary, const strategies::Event& event, strategies::TimePoint now) {
  constexpr std::string_view kEnd("\0", 1);
  std::uint64_t hash = base::kFnvBasis;
  for (const auto& part :
       {canary.uid, event.reason, event.message, std::to_string(now.time_since_epoch().count())}) {
    hash = base::fnv1a(kEnd, base::fnv1a(part, hash));
  }
  auto stem = canary.name.substr(0, kMaxNameBytes);
  while (stem.ends_with('.') || stem.ends_with('-')) stem.pop_back();
  return stem + "." + base::hex(hash);
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

std::string shorten(std::string_view text, std::size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  const auto ellipsis = kEllipsis.substr(0, bytes < kEllipsis.size() ? 0 : kEllipsis.size());
  std::size_t end = bytes - ellipsis.size();
  while (end > 0 && is_continuation(text[end])) --end;
  return std::string(text.substr(0, end)) + std::string(ellipsis);
}

Json make_event(const CanaryRef& canary, const strategies::Event& event, strategies::TimePoint now) {
  const auto time = base::format_seconds(now);
  return {{"apiVersion", "v1"},
          {"kind", "Event"},
          {"metadata", {{"namespace", canary.name_space}, {"name", event_name(canary, event, now)}}},
          {"involvedObject",
           {{"apiVersion", "weir.dev/v1alpha1"},
            {"kind", "Canary"},
            {"namespace", canary.name_space},
            {"name", canary.name},
            {"uid", canary.uid}}},
          {"type", event.severity == strategies::Severity::Warning ? "Warning" : "Normal"},
          {"reason", event.reason},
          {"message", shorten(event.message, kMaxEventMessageBytes)},
          {"source", {{"component", kComponent}}},
          {"reportingComponent", kComponent},
          {"reportingInstance", ""},
          {"firstTimestamp", time},
          {"lastTimestamp", time},
          {"count", 1}};
}

EventWrite EventLog::record(const CanaryRef& canary, const strategies::Event& event,
                            strategies::TimePoint now) {
  const Identity identity{canary.uid, event.severity, event.reason, event.message};
  const std::scoped_lock lock(mutex_);
  const auto found = index_.find(identity);
  if (found != index_.end() && now - found->second->last <= kEventRepetition) {
    auto& known = *found->second;
    known.last = std::max(known.last, now);
    known_.splice(known_.begin(), known_, found->second);
    return {.create = false,
            .name_space = known.name_space,
            .name = known.name,
            .body = {{"count", ++known.count}, {"lastTimestamp", base::format_seconds(known.last)}}};
  }
  if (found != index_.end()) {
    known_.erase(found->second);
    index_.erase(found);
  }
  auto body = make_event(canary, event, now);
  auto name = body["metadata"]["name"].get<std::string>();
  known_.push_front({identity, canary.name_space, name, 1, now});
  index_[identity] = known_.begin();
  if (known_.size() > kMaxKnownEvents) {
    index_.erase(known_.back().identity);
    known_.pop_back();
  }
  return {.name_space = canary.name_space, .name = std::move(name), .body = std::move(body)};
}

void EventLog::forget(const std::string& name_space, const std::string& name) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(
      known_, [&](const Known& known) { return known.name_space == name_space && known.name == name; });
  if (found == known_.end()) return;
  index_.erase(found->identity);
  known_.erase(found);
}

}  // namespace weir::report
