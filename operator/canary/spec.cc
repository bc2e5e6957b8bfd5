#include "operator/canary/spec.h"

#include <algorithm>

#include "operator/base/json.h"
#include "operator/canary/strategy.h"

namespace weir::canary {
namespace {

using strategies::Spec;

constexpr Bounds kSeconds{1};
constexpr std::size_t kMaxVirtualServices = 32;
constexpr std::size_t kMaxRoutes = 64;
constexpr std::size_t kLongestRouteName = 253;

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

Json read_virtual_services(Fields& istio) {
  Json all = Json::array();
  for (auto& fields : istio.objects("virtualServices", kMaxVirtualServices)) {
    const auto name = fields.name("name", NameForm::Object, true);
    const auto routes = fields.texts("routes", kMaxRoutes, kLongestRouteName);
    if (std::ranges::any_of(all, [&](const Json& other) { return other.at("name") == name; })) {
      fields.refuse("name",
                    fields.path_of("name") + " is \"" + name + "\", as another one's; names must differ");
    }
    fields.note_unknown();
    all.push_back({{"name", name}, {"routes", routes}});
  }
  return all;
}

// What the router reads: empty texts stand for what is left out.
Json read_istio(Fields istio) {
  Json settings;
  settings["virtualServices"] = read_virtual_services(istio);
  settings["destinationRule"] = istio.name("destinationRule", NameForm::Object);
  auto subsets = istio.object("subsets");
  const auto stable = subsets.name("stable", NameForm::Label);
  const auto candidate = subsets.name("candidate", NameForm::Label);
  if (!stable.empty() && stable == candidate) {
    istio.refuse("subsets", istio.path_of("subsets") + " names \"" + stable +
                                "\" for both versions; give each a name of its own");
  }
  settings["subsets"] = {{"stable", stable}, {"candidate", candidate}};
  subsets.note_unknown();
  istio.note_unknown();
  return settings;
}

bool says_nothing(const Json& istio) {
  return istio.at("virtualServices").empty() && base::text(istio, {"destinationRule"}).empty() &&
         base::text(istio, {"subsets", "stable"}).empty() &&
         base::text(istio, {"subsets", "candidate"}).empty();
}

strategies::RoutingSpec parse_routing(Fields& spec) {
  auto fields = spec.object("routing");
  strategies::RoutingSpec routing;
  routing.provider = fields.choice<std::string>("provider", {{"istio", "istio"}, {"noop", "noop"}});
  const auto istio = read_istio(fields.object("istio"));
  if (routing.provider == "istio") {
    routing.settings = istio.dump();
  } else if (!says_nothing(istio)) {
    fields.refuse("istio", "spec.routing.istio is given, and spec.routing.provider is \"" + routing.provider +
                               "\", which reads nothing of it; leave it out, or set the provider to istio");
  }
  routing.propagation_delay =
      fields.duration("propagationDelay", std::chrono::milliseconds{0}).value_or(routing.propagation_delay);
  fields.note_unknown();
  return routing;
}

void parse_analysis(Fields& spec, Spec& out, Judging& judging) {
  auto fields = spec.object("analysis");
  out.interval = fields.seconds("interval", std::chrono::seconds{1}).value_or(out.interval);
  out.threshold = static_cast<int>(fields.integer("threshold", {1}).value_or(out.threshold));
  out.breaker =
      std::chrono::seconds(fields.integer("breakerSeconds", kSeconds).value_or(out.breaker.count()));
  out.program = read_program(fields);
  judging = parse_judging(fields);
  if (judging.metrics.empty() && !out.skip_analysis) {
    fields.refuse("metrics",
                  "spec.analysis.metrics is empty: nothing would judge the candidate; give a metric such as "
                  "request-success-rate, or set spec.skipAnalysis");
  }
  fields.note_unknown();
}

// The deadline comes on top of the first check of a step. The next one comes an interval later, and after a
// repair of the weight as late as the first one: a shorter deadline would end the step before that.
void check_deadline(Fields& spec, const Spec& out) {
  const auto check_again = out.interval + out.routing.propagation_delay;
  if (out.skip_analysis || out.progress_deadline > check_again) return;
  spec.refuse(
      "progressDeadlineSeconds",
      "spec.progressDeadlineSeconds is " + std::to_string(out.progress_deadline.count()) +
          "; it must be more than spec.analysis.interval and spec.routing.propagationDelay together, or a "
          "step that needs a second check would be taken back before it");
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
  out.guard_after_promotion = spec.flag("guardAfterPromotion", out.guard_after_promotion);
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
