// S10: marks on objects never fall, and a deposed leader's writes are refused, or not sent.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"

namespace weir::simulation::checks {
namespace {

std::optional<std::int64_t> mark_of(const Json& object) {
  const auto mark = text(object, "/metadata/annotations/weir.dev~1epoch");
  std::int64_t value = 0;
  const auto [rest, error] = std::from_chars(mark.data(), mark.data() + mark.size(), value);
  if (mark.empty() || error != std::errc() || rest != mark.data() + mark.size()) return std::nullopt;
  return value;
}

std::string name_of(const Change& change) {
  const Json& object = change.after.is_null() ? change.before : change.after;
  return std::string(change.resource.kind) + " " + kube::metadata_text(object, "name");
}

}  // namespace

void LeadershipChecks::saw(const Change& change) {
  const auto term = change.sent.term;
  const auto& kind = change.resource.kind;
  if (kind == kube::kLeases.kind || kind == kube::kEvents.kind) return;
  check_mark(change);
  const Json& object = change.after.is_null() ? change.before : change.after;
  const auto uid = kube::metadata_text(object, "uid");
  const bool is_canary = kind == kube::kCanaries.kind;
  const auto* release = context_.known.release();
  const auto of_release = is_canary ? uid : release != nullptr && release->active() ? release->uid : "";

  auto highest = terms_[uid];
  const auto known = releases_.find(of_release);
  if (known != releases_.end()) highest = std::max(highest, known->second.term);
  // A creation carries no version that could be refused: one that was on its way when another took over may
  // arrive. What it makes has to be gone in the end, as everything that a release made.
  const bool on_its_way = change.before.is_null() && term >= 0 && known != releases_.end() &&
                          change.sent.at < known->second.since;
  if (term < highest && !on_its_way) {
    context_.findings.add(change.at, "S10",
                          fmt::format("{} was written in term {} after a leader of term {} had taken over",
                                      name_of(change), term, highest));
  }
  terms_[uid] = std::max(terms_[uid], term);
  if (!is_canary || !change.status || change.after.is_null()) return;
  const auto phase = text(change.after, "/status/phase");
  if (!phase.empty() && phase != "Pending" && (!releases_.contains(uid) || term > releases_[uid].term))
    releases_[uid] = {term, change.at};
}

void LeadershipChecks::check_mark(const Change& change) {
  if (change.before.is_null() || change.after.is_null()) return;
  const auto before = mark_of(change.before);
  const auto after = mark_of(change.after);
  if (!before || after >= before) return;
  const auto* release = context_.known.release();
  // Whoever brings a release to its end takes the marks away.
  const bool ends = release == nullptr || !release->active() || release->phase == "Finalizing" ||
                    release->phase == "RollingBack";
  if (!after && (ends || change.resource.kind == kube::kCanaries.kind)) return;
  context_.findings.add(change.at, "S10",
                        fmt::format("annotation weir.dev/epoch of {} falls from {} to {}", name_of(change),
                                    *before, after ? std::to_string(*after) : "none"));
}

}  // namespace weir::simulation::checks
