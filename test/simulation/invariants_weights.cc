// S2 when weight moves, S5 and S7: what a write does to the traffic that can reach each version.
#include <spdlog/fmt/fmt.h>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"

namespace weir::simulation::checks {
namespace {

class WeightCheck {
 public:
  WeightCheck(const Context& context, const Change& change, const Release& release)
      : context_(context),
        change_(change),
        release_(release),
        reader_(context.known, release),
        traffic_(release.traffic_service()) {}

  void run() {
    const auto& kind = change_.resource.kind;
    if (kind == kube::kVirtualServices.kind) {
      const auto selects = reader_.selects();
      compare(reader_.shares(change_.before, selects), reader_.shares(change_.after, selects), true);
    } else if (kind == kube::kDestinationRules.kind) {
      check_subsets();
    } else if (kind == kube::kServices.kind &&
               kube::metadata_text(change_.before, "name") == release_.service) {
      for (const auto& [name, edited] : context_.known.virtual_services()) {
        if (may_be_unseen(context_, edited, change_.at)) continue;
        compare(reader_.shares(edited.object, reader_.selects(change_.before)),
                reader_.shares(edited.object, reader_.selects(change_.after)), false);
      }
    }
  }

 private:
  void report(const char* name, const std::string& message) {
    context_.findings.add(change_.at, name, message);
  }

  void compare(const std::vector<Share>& before, const std::vector<Share>& after, bool routed) {
    if (before.size() != after.size()) return;  // S1 says so
    for (std::size_t i = 0; i < after.size(); ++i) {
      candidate_rises(before[i], after[i]);
      if (routed) needs_endpoints(before[i], after[i]);
    }
  }

  void candidate_rises(const Share& before, const Share& after) {
    if (after.candidate <= before.candidate) return;
    const auto rise =
        fmt::format("{} {} of {}: {} raises the candidate's part from {} to {} of {}", change_.resource.kind,
                    kube::metadata_text(change_.after, "name"), release_.phase, after.route,
                    per_cent(before.candidate), per_cent(after.candidate), per_cent(after.whole));
    if (is_put_back_to_promoted()) return;
    const int allowed = (after.whole * release_.weight + 99) / 100;
    if (after.candidate > allowed)
      report("S5", fmt::format("{}; status authorises {} %", rise, release_.weight));
    if (release_.phase == "RollingBack" || release_.phase == "Failed")
      report("S7", rise + "; the release is being taken back");
  }

  // The way back from a promotion begins with all traffic on the candidate, which the Service still selects:
  // what a person has moved meanwhile returns there first.
  [[nodiscard]] bool is_put_back_to_promoted() const {
    if (change_.resource.kind != kube::kVirtualServices.kind || release_.phase != "RollingBack") return false;
    const auto& known = context_.known.virtual_services();
    const auto edited = known.find(kube::metadata_text(change_.before, "name"));
    return edited != known.end() && edited->second.changed_by == 0 && reader_.selects() == Selects::Candidate;
  }

  [[nodiscard]] bool had_endpoints(const std::string& version) const {
    return context_.known.endpoints(traffic_, version)
               .highest(change_.at - context_.expectations.reading_age) > 0;
  }

  void needs_endpoints(const Share& before, const Share& after) {
    const bool candidate = after.candidate > before.candidate && after.candidate_pinned > 0;
    if (candidate && !had_endpoints(release_.candidate_version)) {
      report("S2", fmt::format("{} gives {} to version {}, which has no ready endpoint behind Service {}",
                               after.route, per_cent(after.candidate_pinned), release_.candidate_version,
                               traffic_));
    }
    // A Service that takes the traffic over needs stable's endpoints too, if there are any pods.
    const bool taken_over = release_.dedicated && before.stable_pinned == 0 && after.stable_pinned > 0 &&
                            context_.known.most_ready(release_.stable_version, change_.at) > 0;
    const bool stable = taken_over || (after.stable > before.stable && after.stable_pinned > 0);
    // Pods that are not ready any more answer nothing, though endpoints may follow a moment later.
    const Millis since = change_.at - context_.expectations.reading_age;
    const bool other = context_.known.endpoints(traffic_, release_.candidate_version).lowest(since) > 0 &&
                       context_.known.least_ready(release_.candidate_version, since) > 0;
    if (stable && (other || taken_over) && !had_endpoints(release_.stable_version)) {
      report("S2", fmt::format("{} gives {} to version {}, which has no ready endpoint behind Service {}, "
                               "while version {} has some",
                               after.route, per_cent(after.stable_pinned), release_.stable_version, traffic_,
                               release_.candidate_version));
    }
  }

  // A destination with weight whose subset a write takes away answers nothing from then on.
  void check_subsets() {
    const auto name = kube::metadata_text(change_.before, "name");
    for (const auto& subset : member(change_.before, "/spec/subsets")) {
      const auto lost = text(subset, "/name");
      bool is_left = false;
      for (const auto& left : member(change_.after, "/spec/subsets"))
        is_left = is_left || text(left, "/name") == lost;
      if (!is_left) check_unused(name, lost);
    }
  }

  void check_unused(const std::string& rule, const std::string& subset) {
    for (const auto& [name, edited] : context_.known.virtual_services()) {
      if (edited.object.is_null() || may_be_unseen(context_, edited, change_.at)) continue;
      for (const auto& route : member(edited.object, "/spec/http")) {
        const auto& destinations = member(route, "/route");
        const auto weights = Reader::weights(destinations);
        for (std::size_t i = 0; i < destinations.size(); ++i) {
          if (weights[i] <= 0 || text(destinations[i], "/destination/subset") != subset) continue;
          if (reader_.goes(destinations[i]) == Reader::Goes::Elsewhere) continue;
          report("S2", fmt::format("subset {} leaves DestinationRule {}, and VirtualService {} gives it {}",
                                   subset, rule, name, weights[i]));
        }
      }
    }
  }

  const Context& context_;
  const Change& change_;
  const Release& release_;
  const Reader reader_;
  const std::string traffic_;
};

}  // namespace

void check_weights(const Context& context, const Change& change) {
  const auto* release = context.known.release();
  if (release != nullptr) WeightCheck(context, change, *release).run();
}

}  // namespace weir::simulation::checks
