#include "operator/canary/spec.h"

#include <algorithm>

#include "operator/canary/ladder.h"

namespace weir::canary {
namespace {

using strategies::Spec;
using strategies::Weight;

constexpr Bounds kWeight{1, 100};
constexpr Bounds kSeconds{1};
constexpr std::size_t kMaxSteps = 100;
constexpr std::size_t kMaxVirtualServices = 32;
constexpr std::size_t kMaxRoutes = 64;

strategies::WorkloadRef parse_workload(Fields& spec, std::string_view name) {
  auto fields = spec.object(name);
  strategies::WorkloadRef ref;
  ref.api_version = fields.choice<std::string>("apiVersion", {{"apps/v1", "apps/v1"}});
  ref.kind = fields.choice<std::string>("kind", {{"Deployment", "Deployment"}});
  ref.name = fields.name("name", NameForm::Object, spec.has(name));
  fields.note_unknown();
  return ref;
}

void parse_workloads(Fields& spec, Spec& out) {
  spec.require("targetRef");
  out.target = parse_workload(spec, "targetRef");
  const auto stable = parse_workload(spec, "stableRef");
  if (!spec.has("stableRef")) return;
  out.stable_ref = stable;
  if (stable == out.target) {
    spec.refuse("stableRef",
                "spec.stableRef.name is \"" + stable.name +
                    "\", the same Deployment as spec.targetRef; name the one that serves now, or "
                    "leave stableRef out");
  }
}

strategies::ServiceSpec parse_service(Fields& spec) {
  using strategies::ServiceMode;
  spec.require("service");
  auto fields = spec.object("service");
  strategies::ServiceSpec service;
  service.name = fields.name("name", NameForm::Label, spec.has("service"));
  const auto label = fields.name("versionLabel", NameForm::LabelKey);
  if (!label.empty()) service.version_label = label;
  service.mode = fields.choice<ServiceMode>(
      "mode", {{"Placeholder", ServiceMode::Placeholder}, {"Dedicated", ServiceMode::Dedicated}});
  fields.note_unknown();
  return service;
}

void parse_virtual_services(Fields& istio, std::vector<strategies::VirtualServiceRef>& out) {
  for (auto& fields : istio.objects("virtualServices", kMaxVirtualServices)) {
    strategies::VirtualServiceRef ref{fields.name("name", NameForm::Object, true),
                                      fields.texts("routes", kMaxRoutes)};
    const bool again = std::ranges::any_of(out, [&](const auto& other) { return other.name == ref.name; });
    if (again)
      fields.refuse("name",
                    fields.path_of("name") + " is \"" + ref.name + "\", as another one's; names must differ");
    fields.note_unknown();
    out.push_back(std::move(ref));
  }
}

void parse_istio(Fields& routing, strategies::RoutingSpec& out) {
  auto istio = routing.object("istio");
  parse_virtual_services(istio, out.virtual_services);
  out.destination_rule = istio.name("destinationRule", NameForm::Object);
  auto subsets = istio.object("subsets");
  out.stable_subset = subsets.name("stable", NameForm::Label);
  out.candidate_subset = subsets.name("candidate", NameForm::Label);
  if (!out.stable_subset.empty() && out.stable_subset == out.candidate_subset) {
    istio.refuse("subsets", istio.path_of("subsets") + " names \"" + out.stable_subset +
                                "\" for both versions; give each a name of its own");
  }
  subsets.note_unknown();
  istio.note_unknown();
}

strategies::RoutingSpec parse_routing(Fields& spec) {
  auto fields = spec.object("routing");
  strategies::RoutingSpec routing;
  fields.choice<bool>("provider", {{"istio", true}});
  parse_istio(fields, routing);
  routing.propagation_delay =
      fields.duration("propagationDelay", std::chrono::milliseconds{0}).value_or(routing.propagation_delay);
  fields.note_unknown();
  return routing;
}

std::string listed(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const auto number : numbers) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return '[' + text + ']';
}

std::vector<Weight> parse_step_weights(Fields& analysis) {
  const auto given = analysis.integers("stepWeights", kWeight, kMaxSteps);
  if (analysis.has("stepWeight")) {
    analysis.refuse("stepWeights", "spec.analysis has both stepWeight and stepWeights; keep one of them");
  }
  if (given.empty())
    analysis.refuse("stepWeights", "spec.analysis.stepWeights is empty; give at least one weight");
  if (std::ranges::adjacent_find(given, std::ranges::greater_equal{}) != given.end()) {
    analysis.refuse("stepWeights", "spec.analysis.stepWeights is " + listed(given) +
                                       "; each weight must be more than the one before it");
  }
  const auto max = analysis.integer("maxWeight", kWeight);
  if (max && !given.empty() && *max != given.back()) {
    analysis.refuse("maxWeight", "spec.analysis.maxWeight is " + std::to_string(*max) +
                                     ", but stepWeights end at " + std::to_string(given.back()) +
                                     "; leave maxWeight out");
  }
  std::vector<Weight> steps;
  steps.reserve(given.size());
  for (const auto percent : given) steps.push_back(Weight::of(percent).value_or(Weight::none()));
  return steps;
}

std::vector<Weight> parse_even_steps(Fields& analysis) {
  const auto step = analysis.integer("stepWeight", kWeight);
  const auto max = analysis.integer("maxWeight", kWeight).value_or(kDefaultMaxWeight);
  if (step && *step > max) {
    analysis.refuse("stepWeight", "spec.analysis.stepWeight is " + std::to_string(*step) +
                                      ", more than maxWeight, " + std::to_string(max) +
                                      "; it must be 1 to maxWeight");
  }
  return even_steps(step.value_or(kDefaultStepWeight), max);
}

strategies::Progressive parse_strategy(Fields& analysis) {
  strategies::Progressive strategy;
  const bool explicit_steps = analysis.has("stepWeights");
  strategy.steps = explicit_steps ? parse_step_weights(analysis) : parse_even_steps(analysis);
  const auto last = strategy.steps.empty() ? Weight::none() : strategy.steps.back();
  strategy.promotion_steps =
      promotion_steps(last, analysis.integer("stepWeightPromotion", kWeight).value_or(0));
  return strategy;
}

void parse_analysis(Fields& spec, Spec& out, Judging& judging) {
  auto fields = spec.object("analysis");
  out.interval = fields.seconds("interval", std::chrono::seconds{1}).value_or(out.interval);
  out.threshold = static_cast<int>(fields.integer("threshold", {1}).value_or(out.threshold));
  out.breaker =
      std::chrono::seconds(fields.integer("breakerSeconds", kSeconds).value_or(out.breaker.count()));
  out.strategy = parse_strategy(fields);
  judging = parse_judging(fields);
  if (judging.metrics.empty() && !out.skip_analysis) {
    fields.refuse("metrics",
                  "spec.analysis.metrics is empty: nothing would judge the candidate; give a metric such as "
                  "request-success-rate, or set spec.skipAnalysis");
  }
  fields.note_unknown();
}

// A step is judged once its weight has reached the proxies and one interval is over: a deadline that ends
// before that would take every release back.
void check_deadline(Fields& spec, const Spec& out) {
  const auto first_check = out.interval + out.routing.propagation_delay;
  if (out.skip_analysis || out.progress_deadline > first_check) return;
  spec.refuse(
      "progressDeadlineSeconds",
      "spec.progressDeadlineSeconds is " + std::to_string(out.progress_deadline.count()) +
          "; it must be more than spec.analysis.interval and spec.routing.propagationDelay together, or no "
          "step could be judged in time");
}

strategies::StableSpec parse_stable(Fields& spec) {
  using strategies::AfterPromotion;
  auto fields = spec.object("stable");
  strategies::StableSpec stable;
  stable.after_promotion = fields.choice<AfterPromotion>(
      "afterPromotion",
      {{"Scale", AfterPromotion::Scale}, {"Keep", AfterPromotion::Keep}, {"Delete", AfterPromotion::Delete}});
  stable.scale_down_delay =
      fields.seconds("scaleDownDelay", std::chrono::seconds{0}).value_or(stable.scale_down_delay);
  fields.note_unknown();
  return stable;
}

}  // namespace

Spec parse_spec(Fields& spec, Judging& judging) {
  Spec out;
  out.skip_analysis = spec.flag("skipAnalysis", out.skip_analysis);
  out.suspend = spec.flag("suspend", out.suspend);
  out.supersede = spec.flag("supersede", out.supersede);
  out.revert_on_deletion = spec.flag("revertOnDeletion", out.revert_on_deletion);
  const auto deadline = spec.integer("progressDeadlineSeconds", kSeconds);
  out.progress_deadline = std::chrono::seconds(deadline.value_or(out.progress_deadline.count()));
  const auto ttl = spec.integer("ttlSecondsAfterFinished", {0});
  if (ttl) out.ttl_after_finished = std::chrono::seconds(*ttl);
  parse_workloads(spec, out);
  out.service = parse_service(spec);
  out.routing = parse_routing(spec);
  parse_analysis(spec, out, judging);
  out.stable = parse_stable(spec);
  check_deadline(spec, out);
  spec.note_unknown();
  return out;
}

}  // namespace weir::canary
