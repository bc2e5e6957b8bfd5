// What a process works on: shards of the releases, each held for a term. How they come to it: shards.h.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

#include "operator/base/clock.h"
#include "operator/lead/rendezvous.h"

namespace weir::lead {

// In which term a process works on a release.
struct Leadership {
  std::int64_t term = 0;
  // When that was last confirmed; empty: no other process is looked for.
  std::optional<base::Clock::Steady> renewed_at;
};

// Told and asked of any thread; changed by one (shards.h).
class Holdings {
 public:
  // A shard came to this process or left it. For one that left, nothing is written any more.
  struct Change {
    int shard = 0;
    bool held = false;
    std::int64_t term = 0;
    const char* why = "";
  };
  // Told of all changes of one step, in order, at its end: each is true before it is told.
  using OnChanges = std::function<void(const std::vector<Change>&)>;

  Holdings(const Holdings&) = delete;
  Holdings& operator=(const Holdings&) = delete;

  // The leadership of this process over the releases of a Service; empty: it has none. Asked before each
  // write. The term rises each time the shard changes hands, and when it is taken again after a lapse.
  [[nodiscard]] std::optional<Leadership> leads(const Key& service) const;
  // To be kept for as long as a round of a release of this Service lasts: the shard is not given up
  // meanwhile. Null: there is to be no round.
  [[nodiscard]] std::shared_ptr<void> begin_round(const Key& service);
  // The shard that the releases of a Service are in.
  [[nodiscard]] int shard_of(const Key& service) const;

  struct Count {
    int held = 0;     // worked on
    int leaving = 0;  // another's, as soon as the rounds under way have ended
  };
  [[nodiscard]] Count count() const;

  // Waits until there is reason for a step; false once `stop` is requested.
  [[nodiscard]] bool wait(std::chrono::milliseconds longest, const std::stop_token& stop);
  // For a caller without a thread: takes the reason for a step away, and says whether there was one.
  [[nodiscard]] bool take_poke();

 protected:
  // `clock` is the caller's. What is held counts for `renew_deadline` after the last renewal; without one for
  // ever.
  Holdings(const base::Clock& clock, int shards, std::optional<std::chrono::seconds> renew_deadline,
           OnChanges on_changes);
  ~Holdings() = default;

  // Whether the last renewal counts.
  [[nodiscard]] bool valid() const;
  // It counts from when it was asked for: others count from when they see it, which is later. If it came too
  // late, rounds may have been refused meanwhile, and the shards are to be taken anew.
  void renewed(base::Clock::Steady asked_at);
  void lose_if_lapsed();
  // From here on no renewal counts and no shard is held.
  void resign(const char* why);

  // Empty: not held.
  [[nodiscard]] std::optional<std::int64_t> term_of(int shard) const;
  [[nodiscard]] bool is_leaving(int shard) const;
  void take(int shard, std::int64_t term, const char* why);
  // From here on no round of the shard begins; says whether all have ended. Else the end of the last is a
  // reason for a step.
  [[nodiscard]] bool end_rounds(int shard);
  void lose(int shard, const char* why);
  void lose_all(const char* why);

  void tell();
  // There is reason for a step.
  void poke();

 private:
  struct Slot {
    std::optional<std::int64_t> term;
    bool leaving = false;
    int rounds = 0;
  };

  [[nodiscard]] Slot& slot(int shard) { return slots_.at(static_cast<std::size_t>(shard)); }
  [[nodiscard]] const Slot& slot(int shard) const { return slots_.at(static_cast<std::size_t>(shard)); }
  [[nodiscard]] bool is_valid() const;  // with the lock held
  void end_round(int shard);

  const base::Clock& clock_;
  const std::optional<std::chrono::seconds> renew_deadline_;
  const OnChanges on_changes_;
  std::vector<Change> untold_;
  mutable std::mutex mutex_;
  std::vector<Slot> slots_;
  std::optional<base::Clock::Steady> renewed_at_;  // when the last renewal was asked for
  std::condition_variable_any poked_;
  bool poke_ = false;
};

}  // namespace weir::lead
