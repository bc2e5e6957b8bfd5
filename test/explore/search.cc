#include "test/explore/search.h"

#include <algorithm>
#include <utility>

namespace weir::explore {
namespace {

using Index = std::uint32_t;

// How a state was first reached.
struct Origin {
  Index parent = 0;
  Event event;
};

class Search {
 public:
  Search(const Limits& limits, const Decide& decide)
      : limits_(limits), decide_(decide), end_(std::chrono::steady_clock::now() + limits.time) {
    result_.by_phase.resize(static_cast<std::size_t>(Phase::Failed) + 1);
  }

  Result run() {
    reach(first_world(limits_.edits, limits_.crashes), 0, {});
    while (!frontier_.empty() && result_.depth < limits_.depth) {
      const auto level = std::exchange(frontier_, {});
      const Index first = std::exchange(next_index_, static_cast<Index>(origins_.size()));
      for (std::size_t i = 0; i < level.size(); ++i) {
        leave(level[i], first + static_cast<Index>(i));
        if (over()) return finished(level.size() - i - 1);
      }
      ++result_.depth;
    }
    result_.complete = frontier_.empty();
    return finished(0);
  }

 private:
  [[nodiscard]] bool over() {
    constexpr std::uint64_t kLookAtClock = 1'024;
    if (origins_.size() >= limits_.states || std::ssize(result_.findings) >= limits_.breaches) return true;
    return ++looked_ % kLookAtClock == 0 && std::chrono::steady_clock::now() >= end_;
  }

  Result finished(std::size_t left) {
    result_.states = origins_.size();
    result_.waiting = frontier_.size() + left;
    return std::move(result_);
  }

  void reach(const World& world, Index parent, Event event) {
    if (!known_.add(fingerprint(world))) return;
    origins_.push_back({parent, event});
    frontier_.push_back(world);
    ++result_.by_phase[world.record.phase];
  }

  void leave(const World& world, Index index) {
    bool rests = true;
    each_step(world, decide_, [&](const Step& step) {
      ++result_.steps;
      if (auto breach = breach_of(step)) {
        rests = false;
        return note(*std::move(breach), world, index, step.event);
      }
      if (same(step.next, world)) return;
      rests = rests && (step.event.kind == Kind::Edit || step.event.kind == Kind::Restart ||
                        step.event.kind == Kind::CutRound);
      reach(step.next, index, step.event);
    });
    if (!rests) return;
    if (auto breach = breach_at_rest(world)) note(*std::move(breach), world, index, std::nullopt);
  }

  // `last`: what broke it; empty: that nothing happens any more.
  void note(Breach breach, const World& world, Index index, std::optional<Event> last) {
    const auto phase = world.phase();
    const bool known = std::ranges::any_of(result_.findings, [&](const Finding& finding) {
      return finding.phase == phase && finding.breach == breach;
    });
    if (known || std::ssize(result_.findings) >= limits_.breaches) return;
    Finding finding{.breach = std::move(breach), .phase = phase, .way = {}};
    if (last) finding.way.push_back(*last);
    for (; index != 0; index = origins_[index].parent) finding.way.push_back(origins_[index].event);
    std::ranges::reverse(finding.way);
    result_.findings.push_back(std::move(finding));
  }

  const Limits limits_;
  const Decide& decide_;
  const std::chrono::steady_clock::time_point end_;
  Fingerprints known_;
  std::vector<Origin> origins_;  // by index, in the order in which states were reached
  std::vector<World> frontier_;  // reached and not left: the last ones of `origins_`
  Index next_index_ = 0;         // of the first of the frontier
  std::uint64_t looked_ = 0;
  Result result_;
};

}  // namespace

bool Fingerprints::add(std::uint64_t fingerprint) {
  if (size_ * 4 >= slots_.size() * 3) grow();
  const bool is_new = put(fingerprint == 0 ? 1 : fingerprint);
  if (is_new) ++size_;
  return is_new;
}

bool Fingerprints::put(std::uint64_t fingerprint) {
  const auto mask = slots_.size() - 1;
  auto at = fingerprint & mask;
  for (; slots_[at] != 0; at = (at + 1) & mask) {
    if (slots_[at] == fingerprint) return false;
  }
  slots_[at] = fingerprint;
  return true;
}

void Fingerprints::grow() {
  const auto old = std::exchange(slots_, std::vector<std::uint64_t>(slots_.size() * 2));
  for (const auto fingerprint : old) {
    if (fingerprint != 0) put(fingerprint);
  }
}

Result explore(const Limits& limits, const Decide& decide) { return Search(limits, decide).run(); }

}  // namespace weir::explore
