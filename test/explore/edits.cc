#include "test/explore/edits.h"

#include <array>

namespace weir::explore {
namespace {

constexpr Byte kMostTemplates = 2;

bool runs(const World& world) { return !world.objects.canary.deleting; }

template <Selects kTo>
constexpr auto kCanSelect = +[](const World& world) {
  const auto& service = world.objects.service;
  return service.exists && service.selects != static_cast<Byte>(kTo);
};
template <Selects kTo>
constexpr auto kSelect = +[](Objects& objects) { objects.service.selects = static_cast<Byte>(kTo); };

template <Workload Objects::* kWhich>
constexpr auto kIsThere = +[](const World& world) { return (world.objects.*kWhich).exists; };
template <Workload Objects::* kWhich>
constexpr auto kIsGone = +[](const World& world) { return !(world.objects.*kWhich).exists; };
template <Workload Objects::* kWhich>
constexpr auto kHasPods = +[](const World& world) { return (world.objects.*kWhich).ready > 0; };
template <Workload Objects::* kWhich>
constexpr auto kIsScaledUp = +[](const World& world) { return (world.objects.*kWhich).replicas > 0; };
template <Workload Objects::* kWhich>
constexpr auto kDelete = +[](Objects& objects) { objects.*kWhich = {.exists = false}; };
template <Workload Objects::* kWhich>
constexpr auto kLosePods = +[](Objects& objects) { (objects.*kWhich).ready = 0; };
// Of one that went nobody knows any more, the numbers are used again.
template <Workload Objects::* kWhich>
constexpr auto kHasOldest =
    +[](const World& world) { return kHasPods<kWhich>(world) && (world.objects.*kWhich).oldest == 0; };
template <Workload Objects::* kWhich>
constexpr auto kReplaceOldest = +[](Objects& objects) { ++(objects.*kWhich).oldest; };
template <Workload Objects::* kWhich>
constexpr auto kScaleAway = +[](Objects& objects) {
  (objects.*kWhich).replicas = 0;
  (objects.*kWhich).ready = 0;
};
// Before it begins a release has no other version that it could be known by.
template <Workload Objects::* kWhich>
constexpr auto kCanRelabel =
    +[](const World& world) { return world.record.identity && (world.objects.*kWhich).exists; };
template <Workload Objects::* kWhich>
constexpr auto kRelabel = +[](Objects& objects) {
  auto& workload = objects.*kWhich;
  workload.relabelled = !workload.relabelled;
};

constexpr auto kStable = &Objects::stable;
constexpr auto kCandidate = &Objects::candidate;

constexpr std::array kEdits{
    Edit{"somebody changes the version label of the candidate's template, or sets it back",
         kCanRelabel<kCandidate>, kRelabel<kCandidate>},
    Edit{"somebody changes the version label of stable's template, or sets it back", kCanRelabel<kStable>,
         kRelabel<kStable>},
    Edit{"somebody changes the candidate's pod template",
         [](const World& world) {
           const auto& candidate = world.objects.candidate;
           return world.phase() <= Phase::Promoting && candidate.exists &&
                  candidate.pod_template < kMostTemplates;
         },
         [](Objects& objects) {
           ++objects.candidate.pod_template;
           objects.candidate.rolled_out = false;
         }},
    Edit{"the candidate's pods are lost", kHasPods<kCandidate>, kLosePods<kCandidate>},
    Edit{"stable's pods are lost", kHasPods<kStable>, kLosePods<kStable>},
    Edit{"the candidate's oldest pod is replaced", kHasOldest<kCandidate>, kReplaceOldest<kCandidate>},
    Edit{"stable's oldest pod is replaced", kHasOldest<kStable>, kReplaceOldest<kStable>},
    Edit{"somebody scales the candidate to 0", kIsScaledUp<kCandidate>, kScaleAway<kCandidate>},
    Edit{"somebody scales stable to 0", kIsScaledUp<kStable>, kScaleAway<kStable>},
    Edit{"an autoscaler leaves stable one pod",
         [](const World& world) { return world.objects.stable.replicas > 1; },
         [](Objects& objects) {
           objects.stable.replicas = 1;
           objects.stable.ready = objects.stable.ready > 0 ? 1 : 0;
         }},
    Edit{"somebody deletes the candidate", kIsThere<kCandidate>, kDelete<kCandidate>},
    Edit{"somebody creates the candidate again", kIsGone<kCandidate>,
         [](Objects& objects) { objects.candidate = {.replicas = kCandidatePods}; }},
    Edit{"somebody deletes stable", kIsThere<kStable>, kDelete<kStable>},
    Edit{"somebody creates stable again", kIsGone<kStable>,
         [](Objects& objects) { objects.stable = {.replicas = kStablePods}; }},
    Edit{"somebody sets the Service's selector to stable", kCanSelect<Selects::Stable>,
         kSelect<Selects::Stable>},
    Edit{"somebody sets the Service's selector to the candidate", kCanSelect<Selects::Candidate>,
         kSelect<Selects::Candidate>},
    Edit{"somebody takes the version off the Service's selector", kCanSelect<Selects::Both>,
         kSelect<Selects::Both>},
    Edit{"somebody sets the Service's selector to a version that nobody has", kCanSelect<Selects::Other>,
         kSelect<Selects::Other>},
    Edit{"somebody deletes the Service", [](const World& world) { return world.objects.service.exists; },
         [](Objects& objects) { objects.service = {.exists = false}; }},
    Edit{"somebody creates the Service again",
         [](const World& world) { return !world.objects.service.exists; },
         [](Objects& objects) { objects.service = {}; }},
    Edit{"somebody deletes stable's own Service", [](const World& world) { return world.objects.own.stable; },
         [](Objects& objects) { objects.own.stable = false; }},
    Edit{"somebody deletes the candidate's own Service",
         [](const World& world) { return world.objects.own.candidate; },
         [](Objects& objects) { objects.own.candidate = false; }},
    Edit{"somebody routes all traffic to the candidate",
         [](const World& world) {
           const auto& routes = world.objects.routes;
           return routes.form == Form::Pair && routes.weight != 100;
         },
         [](Objects& objects) { objects.routes = {.form = Form::Pair, .weight = 100}; }},
    Edit{"somebody routes all traffic to stable",
         [](const World& world) {
           const auto& routes = world.objects.routes;
           return routes.form == Form::Pair && routes.weight != 0;
         },
         [](Objects& objects) { objects.routes = {.form = Form::Pair}; }},
    Edit{"somebody takes the candidate's destination out of the routes",
         [](const World& world) { return world.objects.routes.form == Form::Pair; },
         [](Objects& objects) { objects.routes = {.form = Form::Torn}; }},
    Edit{"somebody applies the routes again as their owner wrote them",
         [](const World& world) { return world.objects.routes.form != Form::Owners; },
         [](Objects& objects) { objects.routes = {}; }},
    Edit{"somebody deletes the routes", [](const World& world) { return world.objects.routes.exists; },
         [](Objects& objects) { objects.routes = {.exists = false}; }},
    Edit{"somebody creates the routes again", [](const World& world) { return !world.objects.routes.exists; },
         [](Objects& objects) { objects.routes = {}; }},
    Edit{"somebody applies the rule again as its owner wrote it",
         [](const World& world) {
           const auto& rule = world.objects.rule;
           return rule.kind == RuleKind::Owners && (rule.stable || rule.candidate);
         },
         [](Objects& objects) { objects.rule = {}; }},
    Edit{"somebody takes the candidate's version out of the rule",
         [](const World& world) { return world.objects.rule.candidate; },
         [](Objects& objects) { objects.rule.candidate = false; }},
    Edit{"somebody deletes the rule",
         [](const World& world) { return world.objects.rule.kind != RuleKind::None; },
         [](Objects& objects) { objects.rule = {.kind = RuleKind::None}; }},
    Edit{"somebody sets or clears spec.suspend", runs,
         [](Objects& objects) { objects.canary.suspend = !objects.canary.suspend; }},
    Edit{"somebody asks for a rollback",
         [](const World& world) { return runs(world) && !world.objects.canary.rollback_asked; },
         [](Objects& objects) { objects.canary.rollback_asked = true; }},
    Edit{"somebody points spec.targetRef to a workload that is not there, or back", runs,
         [](Objects& objects) { objects.canary.other_target = !objects.canary.other_target; }},
    Edit{"somebody deletes the Canary", runs,
         [](Objects& objects) {
           objects.canary.deleting = true;
           objects.canary.gone = !objects.canary.finalizer;
         }},
};

}  // namespace

std::span<const Edit> edits() { return kEdits; }

}  // namespace weir::explore
