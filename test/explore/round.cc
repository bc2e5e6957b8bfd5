#include "test/explore/round.h"

#include <algorithm>
#include <variant>

#include "strategies/machine.h"
#include "test/explore/reading.h"

namespace weir::explore {
namespace {

namespace plan = strategies;

// Carries out what was decided, each write with the precondition and the live look that it has in
// operator/reconcile/writes.h and live.h. Every `act` says whether the round goes on.
class Actor {
 public:
  Actor(World& world, std::vector<Written>& writes)
      : world_(world), writes_(writes), blind_(!world.operator_knows()) {}

  bool write_status(const Record& record) {
    if (!is_fresh(&Objects::canary)) return false;
    return write(Deed::Status, [&] { world_.record = record; });
  }

  bool act(const plan::EnsureFinalizer&) {
    if (!is_fresh(&Objects::canary)) return false;
    return write(Deed::Finalizer, [&] { keep(&Objects::canary, &Canary::finalizer, true); });
  }

  bool act(const plan::LetGo&) {
    if (!is_fresh(&Objects::canary)) return false;
    return write(Deed::LetGo, [&] {
      keep(&Objects::canary, &Canary::finalizer, false);
      keep(&Objects::canary, &Canary::rollback_asked, false);
      if (world_.objects.canary.deleting) keep(&Objects::canary, &Canary::gone, true);
    });
  }

  bool act(const plan::EnsureVersionServices&) {
    for (auto which : {&OwnServices::stable, &OwnServices::candidate}) {
      if (known().own.*which) continue;
      if (world_.objects.own.*which) return false;  // it exists already
      write(Deed::MakeOwnService, [&] { keep(&Objects::own, which, true); });
    }
    return true;
  }

  bool act(const plan::DeleteVersionServices&) { return delete_own(Deed::DeleteOwnService); }

  bool act(const plan::Prepare&) {
    if (!is_fresh(&Objects::rule)) return false;
    return write(Deed::Prepare, [&] {
      auto& rule = world_.objects.rule;
      if (rule.kind == RuleKind::None) rule.kind = RuleKind::Made;
      rule.stable = rule.candidate = true;
      keep_rule();
    });
  }

  bool act(const plan::MovePinned&) { return true; }

  bool act(const plan::CleanUp&) {
    if (!is_fresh(&Objects::rule)) return false;
    return write(Deed::CleanUp, [&] {
      auto& rule = world_.objects.rule;
      if (rule.kind == RuleKind::Made) rule.kind = RuleKind::None;
      rule.stable = rule.candidate = false;
      keep_rule();
    });
  }

  bool act(const plan::Route& route) {
    const int weight = route.traffic.candidate.percent();
    if (!has_endpoints(weight) || !is_fresh(&Objects::routes) || !known().routes.exists) return false;
    return write(Deed::Route, [&] { keep_routes(Form::Pair, weight); });
  }

  bool act(const plan::RestoreRoutes&) {
    if (!is_fresh(&Objects::routes) || !known().routes.exists) return false;
    return write(Deed::Restore, [&] { keep_routes(Form::Owners, 0); });
  }

  bool act(const plan::SetSelector& selector) {
    if (!can_select(selector.selects) || !is_fresh(&Objects::service) || !known().service.exists)
      return false;
    return write(Deed::Select, [&] {
      keep(&Objects::service, &Service::selects, static_cast<Byte>(selector.selects));
      world_.caches.service_age = 0;
    });
  }

  bool act(const plan::Scale& scale) {
    const bool is_candidate = scale.workload == kCandidate;
    const auto which = is_candidate ? &Objects::candidate : &Objects::stable;
    if (scale.hands_over && !serves_alone(is_candidate ? &Objects::stable : &Objects::candidate))
      return false;
    if (!is_fresh(which) || !(known().*which).exists) return false;
    const auto replicas = static_cast<Byte>(scale.replicas);
    const auto deed = replicas < (known().*which).replicas ? Deed::ScaleDown : Deed::ScaleUp;
    return write(deed, [&] {
      keep(which, &Workload::replicas, replicas);
      // Its pods follow, and the watch tells of that later.
      auto& workload = world_.objects.*which;
      workload.ready = std::min(workload.ready, replicas);
    });
  }

  bool act(const plan::DeleteWorkload&) { return false; }
  bool act(const plan::DeleteCanary&) { return false; }
  bool act(const plan::ClearMarks&) { return true; }

  bool act(const plan::RemoveLeftovers&) {
    if (!delete_own(Deed::RemoveLeftovers)) return false;
    const auto& routes = world_.objects.routes;
    const bool led_to = routes.exists && routes.form != Form::Owners;
    if (known().rule.kind != RuleKind::Made || led_to || !is_fresh(&Objects::rule)) return true;
    return write(Deed::RemoveLeftovers, [&] {
      world_.objects.rule = {.kind = RuleKind::None};
      keep_rule();
    });
  }

 private:
  // What the caches hold.
  Objects& known() { return world_.caches.objects; }

  // The API server has the version of the object that the operator has seen.
  template <typename Object>
  bool is_fresh(Object Objects::* object) {
    return world_.objects.*object == known().*object;
  }
  bool is_fresh(Service Objects::* object) {
    return world_.objects.*object == known().*object && !world_.has_news(Aged::Service);
  }
  bool is_fresh(Routes Objects::* object) {
    return world_.objects.*object == known().*object && !world_.has_news(Aged::Routes);
  }
  bool is_fresh(Rule Objects::* object) {
    return world_.objects.*object == known().*object && !world_.has_news(Aged::Rule);
  }

  // What is written stands in the caches at once.
  template <typename Object, typename Field>
  void keep(Object Objects::* object, Field Object::* field, Field value) {
    world_.objects.*object.*field = value;
    known().*object.*field = value;
  }
  void keep_rule() {
    known().rule = world_.objects.rule;
    world_.caches.rule_age = 0;
  }
  void keep_routes(Form form, int weight) {
    world_.objects.routes =
        known().routes = {.exists = true, .form = form, .weight = static_cast<Byte>(weight), .ours = true};
    world_.caches.routes_age = 0;
  }

  template <typename Change>
  bool write(Deed deed, const Change& change) {
    const Objects before = world_.objects;
    change();
    const auto news = world_.caches.news;
    note_change(before, world_, blind_);
    // The answer brings the object; only what follows from it comes by a watch.
    world_.caches.news = static_cast<Byte>(news | (world_.caches.news & static_cast<Byte>(Aged::Endpoints)));
    writes_.push_back({deed, world_});
    return true;
  }

  bool delete_own(Deed deed) {
    for (auto which : {&OwnServices::stable, &OwnServices::candidate}) {
      if (known().own.*which) write(deed, [&] { keep(&Objects::own, which, false); });
    }
    return true;
  }

  bool has_endpoints(int weight) {
    const auto& routes = known().routes;
    const int highest = routes.exists && routes.form != Form::Owners ? routes.weight : 0;
    if (weight <= highest) return true;
    return all(known().own) && world_.objects.own.candidate && endpoints_of(world_.objects).candidate > 0;
  }

  // As a live look has it.
  [[nodiscard]] int ready(Workload Objects::* which) const {
    const auto& workload = world_.objects.*which;
    return workload.relabelled && world_.record.identity ? 0 : workload.ready;
  }

  bool can_select(Selects selects) {
    if (selects != Selects::Candidate && selects != Selects::Stable) return true;
    const bool forward = selects == Selects::Candidate;
    if (!forward && !known().stable.exists && !known().candidate.exists) return true;
    const auto which = forward ? &Objects::candidate : &Objects::stable;
    if (!(known().*which).exists || !(world_.objects.*which).exists) return false;
    const auto& record = world_.record;
    const bool promotes = forward && world_.phase() == Phase::Promoting;
    if (promotes && world_.objects.candidate.pod_template != record.pod_template) return false;
    int needed = seen_ready(&Objects::candidate) > 0 ? 1 : 0;
    if (forward) needed = known().stable.exists ? std::max(1, seen_ready(&Objects::stable)) : 1;
    return ready(which) >= needed;
  }
  int seen_ready(Workload Objects::* which) {
    const auto& workload = known().*which;
    return !workload.exists || (workload.relabelled && world_.record.identity) ? 0 : workload.ready;
  }

  bool serves_alone(Workload Objects::* other) {
    return (known().*other).exists && (world_.objects.*other).exists && ready(other) > 0;
  }

  World& world_;
  std::vector<Written>& writes_;
  const bool blind_;  // others have done what no watch has brought yet
};

// Objects that status records as managed are there, and no watch has brought them yet.
bool comes_late(const World& world) {
  if (strategies::is_final(world.phase())) return false;
  const auto& known = world.caches.objects;
  const bool routes = world.record.routes_kept && !known.routes.exists && world.objects.routes.exists;
  const bool rule = world.record.rule_kept && known.rule.kind == RuleKind::None &&
                    world.objects.rule.kind != RuleKind::None;
  return routes || rule;
}

// A step that was written anew is not the one that the analysis was asked about.
bool begins_step_anew(const plan::Status& before, const plan::Status& after) {
  return after.step_started_at != before.step_started_at;
}

void ask(const plan::CheckRequest& request, const Record& record, Question& question) {
  const bool known = question.answer != Answer::None && speaks_of_now(question, record);
  if (known) return;
  question = {.answer = Answer::Asked,
              .step = static_cast<Byte>(request.step),
              .index = static_cast<Byte>(request.index),
              .pod_template = record.pod_template};
}

// The judge passed this step of what is deployed: what S6 asks for.
void note_passed(const Question& question, World& world) {
  const auto& record = world.record;
  if (record.pod_template != world.judged) {
    world.passed = 0;
    world.judged = record.pod_template;
  }
  if (question.answer != Answer::Pass || question.pod_template != world.judged || question.step < 1) return;
  world.passed = static_cast<Byte>(world.passed | (1 << (question.step - 1)));
}

}  // namespace

std::string_view to_string(Deed deed) {
  switch (deed) {
    case Deed::Status:
      return "the status is written";
    case Deed::Finalizer:
      return "the finalizer is written";
    case Deed::LetGo:
      return "the Canary is let go";
    case Deed::MakeOwnService:
      return "a version gets a Service of its own";
    case Deed::DeleteOwnService:
      return "a version's own Service is deleted";
    case Deed::Prepare:
      return "the rule gets what both versions need";
    case Deed::CleanUp:
      return "the rule loses what was added";
    case Deed::Route:
      return "the routes are divided";
    case Deed::Restore:
      return "the routes are put back as their owner wrote them";
    case Deed::Select:
      return "the Service's selector is written";
    case Deed::ScaleUp:
      return "a workload is scaled up";
    case Deed::ScaleDown:
      return "a workload is scaled down";
    case Deed::RemoveLeftovers:
      return "what the release left is deleted";
  }
  return "";
}

Round run_round(const World& world, const Decide& decide) {
  Round round{.seen = world, .writes = {}, .after = world};
  if (comes_late(world)) return round;
  auto& after = round.after;
  const auto release = release_of(world);
  const auto decision = decide(release, observe(world), now());
  const bool spoke = speaks_of_now(world.question, world.record);
  const auto kept = record_of(decision.status);
  Actor actor(after, round.writes);
  bool goes_on = true;
  if (kept != record_of(release.status)) {
    goes_on = actor.write_status(kept);
    if (goes_on) {
      note_passed(spoke ? world.question : Question{}, after);
      if (begins_step_anew(release.status, decision.status)) after.question.outdated = true;
      round.writes.back().after = after;
    }
  }
  for (const auto& action : decision.actions) {
    if (!goes_on) break;
    goes_on = std::visit([&](const auto& one) { return actor.act(one); }, action);
  }
  if (decision.check) ask(*decision.check, after.record, after.question);
  // An answer that was given and does not count is of no use any more.
  const auto answer = after.question.answer;
  const bool answered = answer != Answer::None && answer != Answer::Asked;
  if (answered && !speaks_of_now(after.question, after.record)) after.question = {};
  make_canonical(after);
  return round;
}

void restart(World& world) {
  auto& caches = world.caches;
  caches = {.objects = world.objects,
            .endpoints = endpoints_of(world.objects),
            .service_age = 0,
            .routes_age = 0,
            .rule_age = 0,
            .watched_age = 0};
  world.question = {};
}

}  // namespace weir::explore
