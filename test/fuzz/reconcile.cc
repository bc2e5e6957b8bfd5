// A release among objects of any shape: nothing that others can write may end the process, which releases for
// everybody.
#include <algorithm>
#include <array>

#include "operator/canary/canary.h"
#include "operator/kube/object.h"
#include "operator/offline/world.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/reconciler.h"
#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

constexpr int kRounds = 24;
// Of a pause between two rounds: a wait of hours is cut short to see what comes after it.
constexpr std::chrono::milliseconds kLongestPause{120'000};

constexpr std::array kKinds{
    kube::kCanaries,       kube::kMetricTemplates, kube::kDeployments,      kube::kServices,
    kube::kEndpointSlices, kube::kVirtualServices, kube::kDestinationRules, kube::kPods,
    kube::kSecrets};

// Answers at once, always the same.
class SteadyAnalyst final : public reconcile::Analyst {
 public:
  explicit SteadyAnalyst(analysis::Outcome outcome) : outcome_(outcome) {}
  [[nodiscard]] bool knows(const kube::Key&, const reconcile::Question& question) const override {
    return question_ && question_->same_as(question);
  }
  void ask(const kube::Key&, reconcile::Question question) override { question_ = std::move(question); }
  [[nodiscard]] std::optional<strategies::Verdict> answer(const kube::Key&) const override {
    if (!question_) return std::nullopt;
    return reconcile::to_verdict(*question_, {.outcome = outcome_, .message = "as it is"});
  }
  void forget(const kube::Key&) override { question_.reset(); }

 private:
  analysis::Outcome outcome_;
  std::optional<reconcile::Question> question_;
};

void fill(offline::MemoryApi& api, const Json& objects) {
  for (const auto& raw : objects) {
    auto object = as_served(raw);
    const auto kind = text(object, "kind", "");
    const auto* resource = std::ranges::find(kKinds, kind, &kube::Resource::kind);
    if (resource == kKinds.end() || kube::key_of(object).name.empty()) continue;
    api.put(*resource, std::move(object));
  }
}

void check(const strategies::Status& status, const strategies::Spec& spec) {
  const auto written = canary::to_json(status, spec);
  require(canary::status_from(written) == status, "a status survives being written: " + written.dump());
}

void run(const Json& input) {
  offline::World world;
  // Without controllers Deployments and endpoints stay as the input has them.
  if (!flag(input, "controllers")) world.api.on_write({});
  world.stores.on_change([&](const kube::Resource& resource, const kube::Change& change) {
    (void)reconcile::concerned(world.stores, resource, change);
  });
  fill(world.api, member(input, "objects"));
  SteadyAnalyst analyst(flag(input, "bad") ? analysis::Outcome::Fail : analysis::Outcome::Pass);
  reconcile::Reconciler reconciler(
      world.api, world.api, world.stores, analyst, world.clock,
      {.on_status = [](const canary::Canary& release, const strategies::Status& after) {
        // What stays as it was is not written: of a release that is over it may be a part only.
        if (!(after == release.status)) check(after, release.spec);
      }});
  for (int i = 0; i < kRounds; ++i) {
    std::chrono::milliseconds pause = kLongestPause;
    for (const auto& key : world.stores.canaries.keys("")) {
      const auto round = reconciler.reconcile(key);
      require(!round.error || !round.error->message.empty(), "an error is a sentence");
      pause = std::min(pause, round.requeue_after.value_or(pause));
    }
    world.clock.advance(pause);
  }
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = weir::fuzz::parse_json(weir::fuzz::text_of(data, size));
  if (!input.is_discarded()) weir::fuzz::run(input);
  return 0;
}
