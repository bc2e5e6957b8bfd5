#include "operator/kube/watcher.h"

#include <malloc.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "operator/kube/object.h"

namespace weir::kube {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The server sends a bookmark every minute: a watch that is silent for longer has lost its peer.
constexpr seconds kSilence{90};
// The server ends a watch after this long, and up to as much again, so that load spreads over its replicas.
constexpr seconds kLasting{300};
// A watch that ended sooner than this without an event counts as a failure, or an eager server would be
// polled.
constexpr seconds kSoon{2};
constexpr milliseconds kFirstDelay{500};
constexpr milliseconds kLongestDelay{30'000};
// Nothing can be released before the first list has come.
constexpr milliseconds kLongestDelayUnsynced{5'000};

std::function<double()> real_random() {
  auto engine = std::make_shared<std::mt19937>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<>(0, 1)(*engine); };
}

}  // namespace

Watcher::Watcher(Client& client, const base::Clock& clock, const Kind& kind, Store& store,
                 WatcherOptions options)
    : client_(client), clock_(clock), kind_(kind), store_(store), options_(std::move(options)) {
  if (!options_.random) options_.random = real_random();
}

void Watcher::start() {
  thread_ = std::jthread([this](const std::stop_token& stop) {
    while (base::pause(step(stop), stop)) {
    }
  });
}

void Watcher::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

Watcher::State Watcher::state() const {
  const std::lock_guard lock(mutex_);
  return {store_.synced(), last_error_};
}

milliseconds Watcher::step(const std::stop_token& stop) {
  if (absent_) return discover(stop);
  return version_.empty() ? list(stop) : watch(stop);
}

milliseconds Watcher::list(const std::stop_token& stop) {
  auto listed = store_.listed();
  const auto version = client_.list_each(
      kind_.resource, options_.name_space, "", [&](Json object) { listed.add(std::move(object)); }, stop);
  if (!version) {
    if (kind_.optional && version.error().code == Code::NotFound) return discover(stop);
    if (!stop.stop_requested()) note(version.error().message);
    return failed(version.error().retry_after);
  }
  note("");
  version_ = *version;
  store_.replace(std::move(listed), clock_.steady());
  malloc_trim(0);  // a list is parsed into many times what is kept of it
  return milliseconds(0);
}

milliseconds Watcher::discover(const std::stop_token& stop) {
  const auto has = client_.discover(kind_, stop);
  if (!has) {
    if (!stop.stop_requested()) note(has.error().message);
    return failed(has.error().retry_after);
  }
  if (*has || absent_) note("");
  if (*has && absent_) {
    spdlog::info("{} of {} are there now: watched from here on", kind_.resource.plural, kind_.resource.group);
    failures_ = 0;
  }
  // A server that starts may not know its kinds yet: what was there goes only once it is said twice.
  if (!*has && !absent_ && store_.size() > 0 && !said_absent_) {
    said_absent_ = true;
    return failed();
  }
  said_absent_ = false;
  if (!*has && !absent_) {
    spdlog::info("the API server has no {} of {}: none are watched until their definition is installed",
                 kind_.resource.plural, kind_.resource.group);
    store_.replace({}, clock_.steady());
    const std::lock_guard lock(mutex_);
    last_error_.clear();  // that of the watch which ended with the kind
  }
  absent_ = !*has;
  return failed();
}

milliseconds Watcher::watch(const std::stop_token& stop) {
  const auto since = clock_.steady();
  const std::string from = version_;
  const auto lasting = kLasting + std::chrono::duration_cast<seconds>(kLasting * options_.random());
  const auto watched = client_.watch(
      kind_.resource, options_.name_space, version_, lasting, kSilence,
      [this](WatchEvent event) { take(std::move(event)); }, stop);
  const bool lasted = clock_.steady() - since >= kSoon;
  if (version_ != from || lasted) failures_ = 0;
  if (stop.stop_requested()) return milliseconds(0);
  if (watched) {
    note("");
    return version_ != from || lasted ? milliseconds(0) : failed();
  }
  note(watched.error().message);
  const Code code = watched.error().code;
  if (code != Code::Gone && code != Code::NotFound && code != Code::BadAnswer)
    return failed(watched.error().retry_after);
  version_.clear();
  // The version is merely too old, as happens after a while: only a second time in a row is worth waiting
  // for.
  const auto delay = failed();
  return failures_ == 1 ? milliseconds(0) : delay;
}

void Watcher::take(WatchEvent event) {
  version_ = metadata_text(event.object, "resourceVersion");
  if (event.type == WatchEvent::Type::Bookmark) return;
  const Key key = key_of(event.object);
  if (event.type == WatchEvent::Type::Put) {
    store_.put(std::move(event.object), clock_.steady());
    return;
  }
  // An object of the same name may have been made since, and be known from the answer to that write.
  const auto known = store_.get(key);
  if (!known || metadata_text(*known->object, "uid") != metadata_text(event.object, "uid")) return;
  store_.erase(key, clock_.steady());
}

void Watcher::note(const std::string& error) {
  const std::lock_guard lock(mutex_);
  if (!error.empty() && error != last_error_)
    spdlog::warn("watch of {} failed: {}", kind_.resource.plural, error);
  if (error.empty() && !last_error_.empty()) spdlog::info("watch of {} goes on", kind_.resource.plural);
  last_error_ = error;
}

milliseconds Watcher::failed(std::optional<seconds> asked) {
  ++failures_;
  const double doubled = static_cast<double>(kFirstDelay.count()) * std::pow(2, std::min(failures_ - 1, 20));
  const auto most = store_.synced() ? kLongestDelay : kLongestDelayUnsynced;
  const double longest = std::min(doubled, static_cast<double>(most.count()));
  const milliseconds delay(std::lround(longest * (0.5 + options_.random() / 2)));
  return std::max<milliseconds>(delay, asked.value_or(seconds(0)));
}

}  // namespace weir::kube
