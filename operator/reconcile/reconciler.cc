#include "operator/reconcile/reconciler.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/lead/epoch.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/metrics_request.h"
#include "operator/reconcile/selector.h"
#include "operator/reconcile/services.h"
#include "operator/routing/ownership.h"
#include "strategies/context.h"
#include "strategies/machine.h"

namespace weir::reconcile {
namespace {

using strategies::Phase;
using strategies::Selects;

// A wait that is over by itself within this is not worth a write of status.
constexpr std::chrono::milliseconds kPassingWait{60'000};

// When a round comes again whose actions found nothing to send.
constexpr std::chrono::milliseconds kNothingSent{5'000};

// Within this of a write nobody has looked at its object, and relied on that.
constexpr std::chrono::milliseconds kAtOnce{1'000};

// How often it is looked whether a route still leads to what is left of a release whose Canary is gone.
constexpr std::chrono::milliseconds kLookAtOrphans{15'000};

strategies::Condition progressing(const strategies::Status& status) {
  const auto& all = status.conditions;
  const auto found = std::ranges::find(all, strategies::kProgressing, &strategies::Condition::type);
  return found == all.end() ? strategies::Condition{} : *found;
}

// The status says nothing new but which wait the release has come to.
bool only_waits(const strategies::Status& before, const strategies::Decision& decision) {
  const bool passes =
      !decision.actions.empty() || decision.requeue_after.value_or(kPassingWait) < kPassingWait;
  if (!passes || !decision.events.empty()) return false;
  const auto said = progressing(before);
  if (progressing(decision.status).reason == said.reason) return false;
  auto silent = decision.status;
  silent.message = before.message;
  std::ranges::replace_if(silent.conditions, [&](const auto& one) { return one.type == said.type; }, said);
  return silent == before;
}

// A new release is not begun before it has its finalizer: the status of that is written once it has.
bool only_prepares(const strategies::Status& before, const strategies::Decision& decision) {
  return !before.started_at && decision.actions.size() == 1 &&
         std::holds_alternative<strategies::EnsureFinalizer>(decision.actions.front());
}

bool is_worth_a_write(const strategies::Status& before, const strategies::Decision& decision) {
  return !(decision.status == before) && !only_waits(before, decision) && !only_prepares(before, decision);
}

// What a round has to tell in a row is one Event, with the reason of the first.
std::vector<strategies::Event> joined(const std::vector<strategies::Event>& events) {
  std::vector<strategies::Event> told;
  for (const auto& event : events) {
    const bool goes_on = !told.empty() && event.severity == strategies::Severity::Normal &&
                         told.back().severity == strategies::Severity::Normal;
    if (!goes_on) {
      told.push_back(event);
      continue;
    }
    told.back().message += "; " + event.message;
  }
  return told;
}

// What the fence looks at of a reading.
lead::Reading fenced(const Snapshot& snapshot) {
  const auto written_to = [phase = snapshot.canary.status.phase] {
    switch (phase) {
      case Phase::Pending:
        return lead::WrittenTo::Nothing;
      case Phase::Initializing:
      case Phase::Progressing:
        return lead::WrittenTo::EarlyObjects;
      case Phase::Promoting:
      case Phase::Finalizing:
      case Phase::RollingBack:
        return lead::WrittenTo::AllObjects;
      case Phase::Succeeded:
      case Phase::Failed:
        return lead::WrittenTo::NothingAnyMore;
    }
    return lead::WrittenTo::AllObjects;
  };
  return {.canary = snapshot.object, .objects = snapshot.managed, .written_to = written_to()};
}

// The kind in each version that will do: one that this process believes to be missing has none that was
// found.
std::vector<kube::Resource> forms_of(const kube::Resource& kind, kube::Stores& stores) {
  std::vector<kube::Resource> forms{kind};
  for (const auto& kept : stores.all()) {
    if (kept.kind.resource.group != kind.group || kept.kind.resource.plural != kind.plural) continue;
    for (const auto version : kept.kind.other_versions) {
      forms.push_back(kind);
      forms.back().version = version;
    }
  }
  return forms;
}

Round no_round(const kube::Key& key, const std::string& why) {
  return {.error = kube::Error{.code = kube::Code::Cancelled,
                               .message = "no round for Canary " + kube::to_string(key) + ": " + why}};
}

}  // namespace

Reconciler::Reconciler(kube::Api& api, kube::Api& urgent, kube::Stores& stores, Analyst& analyst,
                       const base::Clock& clock, Listener listener, lead::LeadershipOf leadership)
    : api_(api),
      urgent_(urgent),
      stores_(stores),
      analyst_(analyst),
      clock_(clock),
      listener_(std::move(listener)),
      fence_(std::move(leadership)) {}

Round Reconciler::reconcile(const kube::Key& key) {
  if (const auto service = service_of_orphans(key)) return look_after_orphans(key, *service);
  const auto stored = stores_.canaries.get(key);
  if (auto round = undo_late(key, stored ? kube::metadata_text(*stored->object, "uid") : ""))
    return *std::move(round);
  if (!stored) {
    forget(key);
    return {};
  }
  const auto lead = fence_.lead(service_of(*stored->object));
  if (!lead) return no_round(key, "this process does not lead");
  if (is_over(*stored->object)) return look_after_finished(key, *stored->object, *lead);
  const auto canary = canary::parse(*stored->object);
  if (canary) return decide(*canary, *stored->object, *lead);
  if (const auto recorded = canary::from_record(*stored->object, canary.error()))
    return decide(*recorded, *stored->object, *lead);
  return refuse(*stored->object, canary.error(), *lead);
}

void Reconciler::forget(const kube::Key& key) {
  analyst_.forget(key);
  fence_.forget(key);
  divided_since_.forget(key);
  {
    const std::lock_guard lock(mutex_);
    watched_.erase(key);
    ending_.erase(key);
    late_.erase(key);
  }
  if (listener_.on_gone) listener_.on_gone(key);
}

Round Reconciler::look_after_orphans(const kube::Key& key, const kube::Key& service) {
  const auto orphans = find_orphans(service, stores_);
  if (orphans.empty()) return {};
  const auto lead = fence_.lead(service);
  if (!lead) return no_round(key, "this process does not lead");
  lead::FencedApi api(api_, fence_, key, service, lead->term);
  Round round;
  for (const auto& orphan : orphans) {
    const auto now = clock_.steady();
    const bool unused = unused_.note(orphan, is_led_to(orphan, trusted_, stores_), now);
    const auto removed = unused ? remove_orphan(orphan, trusted_, api, stores_, now) : Removal::InUse;
    if (!removed) {
      round.error = removed.error();
      break;
    }
    if (*removed == Removal::InUse) round.requeue_after = kLookAtOrphans;
    if (unused) unused_.forget(orphan);
  }
  // A removal that was not answered needs no claim: nothing is decided from what it removes.
  fence_.forget(key);
  return round;
}

Round Reconciler::look_after_finished(const kube::Key& key, const Json& record, const Leadership& lead) {
  const auto release = read_finished(record);
  return begins_anew(release) ? decide_whole(key, lead) : decide(release, record, lead, Read::Record);
}

Round Reconciler::decide_whole(const kube::Key& key, const Leadership& lead) {
  const auto whole = api_.get(kube::kCanaries, key);
  if (!whole) return {.error = whole.error()};
  const auto canary = canary::parse(*whole);
  if (canary) return decide(*canary, *whole, lead);
  // What is said of a release that is over needs its record only.
  if (is_over(*whole) && !begins_anew(read_finished(*whole))) {
    if (const auto recorded = canary::from_record(*whole, canary.error()))
      return decide(*recorded, *whole, lead);
  }
  return refuse(*whole, canary.error(), lead);
}

Round Reconciler::decide(const canary::Canary& canary, const Json& object, const Leadership& lead,
                         Read read) {
  const kube::Key key{canary.name_space, canary.name};
  const std::int64_t term = lead.term;
  lead::FencedApi before(api_for(canary.status.phase), fence_, key, service_of(object), term);
  const Means means{.list_pods =
                        [&before](const std::string& name_space, const std::string& labels) {
                          return before.list(kube::kPods, name_space, labels).value_or(std::vector<Json>{});
                        },
                    .cross_namespace_templates = cross_namespace_templates_,
                    .cluster_domain = cluster_domain_,
                    .trusted = trusted_,
                    .unused = &unused_};
  auto snapshot = observe(canary, object, stores_, clock_.steady(), means);
  if (fence_.overtaken(key, fenced(snapshot), lead))
    return no_round(key, "another operator has taken it over");
  if (auto round = adopt(before, snapshot)) return *std::move(round);
  if (auto late = comes_late(before, snapshot)) return *std::move(late);
  if (auto round = claim(before, snapshot, term)) return *std::move(round);
  remember(snapshot, key, lead);
  const auto decision = strategies::decide({key.name_space, key.name, canary.spec, canary.status},
                                           snapshot.observed, clock_.wall());
  if (read == Read::Record && !(decision.status == canary.status)) return decide_whole(key, lead);
  Round round{.requeue_after = decision.requeue_after};
  lead::FencedApi api(api_for(decision.status.phase), fence_, key, service_of(object), term);
  // Status leads and traffic follows: nothing is done that status does not say.
  if (auto done = write_status(api, snapshot, decision, lead); !done) {
    round.error = done.error();
    return round;
  }
  if (canary.status.phase == Phase::Pending && decision.status.phase != Phase::Pending) {
    fence_.began(key, term);
  }
  if (listener_.on_status) listener_.on_status(canary, decision.status);
  Actor actor(api, stores_, clock_, lead.renewed_at ? std::optional(term) : std::nullopt);
  perform(decision, actor, snapshot, round);
  for (const auto& left : snapshot.leftovers) unused_.forget(left);
  round.wrote = api.sent();
  // What was to be done was done already, as far as the objects tell: what will have changed by then?
  if (!round.wrote && !decision.actions.empty())
    round.requeue_after = std::min(round.requeue_after.value_or(kNothingSent), kNothingSent);
  if (listener_.on_event) {
    for (const auto& event : joined(decision.events)) listener_.on_event(canary, event);
  }
  if (decision.check) ask(snapshot, *decision.check);
  if (strategies::is_final(decision.status.phase)) analyst_.forget(key);
  return round;
}

void Reconciler::remember(Snapshot& snapshot, const kube::Key& key, const Leadership& lead) {
  auto& seen = snapshot.observed;
  seen.watched_since = watched_since(key, lead);
  seen.namespace_ending = is_ending(snapshot);
  seen.verdict = analyst_.answer(key);
  if (seen.routes) {
    seen.routes->divided_age = divided_since_.note(key, lead.term, *seen.routes, clock_.steady());
  } else {
    divided_since_.forget(key);
  }
}

void Reconciler::perform(const strategies::Decision& decision, Actor& actor, Snapshot& snapshot,
                         Round& round) {
  for (const auto& action : decision.actions) {
    const auto begun = clock_.steady();
    auto done = actor.perform(action, snapshot);
    if (listener_.on_action) listener_.on_action(snapshot.canary, action, done);
    if (done) {
      if (clock_.steady() - begun > kAtOnce) note_late(action, snapshot);
      continue;
    }
    round.error = done.error();
    if (done.error().code != kube::Code::Terminating) return;
    const std::lock_guard lock(mutex_);
    ending_[kube::key_of(snapshot.object)] = snapshot.canary.uid;
    return;
  }
}

void Reconciler::note_late(const strategies::Action& action, const Snapshot& snapshot) {
  const auto* set = std::get_if<strategies::SetSelector>(&action);
  const bool widens = set != nullptr && set->selects == Selects::Both;
  // Later routes may lead to the candidate, which needs the selector then.
  if (!widens || snapshot.canary.status.phase != Phase::Initializing) return;
  const auto key = kube::key_of(snapshot.object);
  const auto canary = api_.get(kube::kCanaries, key);
  // One that can't be read may be gone: undo_late looks again.
  if (canary && kube::metadata_text(*canary, "uid") == snapshot.canary.uid) return;
  const std::lock_guard lock(mutex_);
  late_.insert_or_assign(key, snapshot);
}

std::optional<Round> Reconciler::undo_late(const kube::Key& key, std::string_view uid) {
  std::optional<Snapshot> snapshot;
  std::optional<lead::Leadership> lead;
  {
    const std::lock_guard lock(mutex_);
    const auto found = late_.find(key);
    if (found == late_.end() || found->second.canary.uid == uid) return std::nullopt;
    lead = fence_.lead(kube::key_of(found->second.service));
    if (!lead) return std::nullopt;  // it may lead again
    snapshot = std::move(late_.extract(found).mapped());
  }
  const auto service = kube::key_of(snapshot->service);
  const auto now = stores_.services.get(service);
  const auto& target = snapshot->target;
  const bool is_late = now &&
                       selects(*now->object, snapshot->canary.spec.service.version_label,
                               target.stable_version, target.candidate_version) == Selects::Both &&
                       stores_.canaries.keys_with(begun_on(service.name, service.name_space)).empty();
  if (!is_late) return std::nullopt;
  snapshot->service = *now->object;
  lead::FencedApi api(api_, fence_, key, service, lead->term);
  const strategies::SetSelector back{Selects::Stable};
  const auto done = Actor(api, stores_, clock_, std::nullopt).perform(back, *snapshot);
  if (listener_.on_action) listener_.on_action(snapshot->canary, back, done);
  if (done) return Round{.wrote = true};
  // Stable has no pod, or is gone: better both versions than none.
  const auto code = done.error().code;
  if (code == kube::Code::Invalid || code == kube::Code::NotFound) return std::nullopt;
  const std::lock_guard lock(mutex_);
  late_.emplace(key, *std::move(snapshot));
  return Round{.error = done.error()};
}

bool Reconciler::is_ending(const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  const auto found = ending_.find(kube::key_of(snapshot.object));
  return found != ending_.end() && found->second == snapshot.canary.uid;
}

strategies::TimePoint Reconciler::watched_since(const kube::Key& key, const Leadership& lead) {
  const Watched anew{lead.term, clock_.wall()};
  const std::lock_guard lock(mutex_);
  auto& known = watched_.try_emplace(key, anew).first->second;
  // The clock may have been set back meanwhile.
  if (known.term != anew.term || known.since > anew.since) known = anew;
  return known.since;
}

std::optional<Round> Reconciler::comes_late(kube::Api& api, const Snapshot& snapshot) {
  const auto& status = snapshot.canary.status;
  if (strategies::is_final(status.phase)) return std::nullopt;
  const auto key = kube::key_of(snapshot.object);
  for (const auto& [kind, name] : snapshot.router->recorded(status.routes)) {
    const kube::Key object{key.name_space, name};
    if (const auto* store = stores_.of(kind); store == nullptr || store->contains(object)) continue;
    for (const auto& form : forms_of(kind, stores_)) {
      const auto there = api.get(form, object);
      if (!there && there.error().code == kube::Code::NotFound) continue;
      if (!there) return Round{.error = there.error()};
      return no_round(key, std::string(kind.kind) + " " + kube::to_string(object) +
                               ", which its status records, is there and no watch has brought it yet");
    }
  }
  return std::nullopt;
}

std::optional<Round> Reconciler::adopt(kube::Api& api, const Snapshot& snapshot) {
  const auto& canary = snapshot.canary;
  if (strategies::is_final(canary.status.phase)) return std::nullopt;
  std::optional<Round> round;
  for (const auto& made : made_by(canary.uid, canary.name_space, stores_)) {
    if (!routing::has_owner(*made.object, canary.uid)) continue;
    auto answer = api.update(made.resource, *made.object, routing::adopted(*made.object, maker(canary)));
    if (!answer) return Round{.error = answer.error()};
    if (auto* store = stores_.of(made.resource)) store->put(*std::move(answer), clock_.steady());
    round = Round{.wrote = true};
  }
  return round;
}

kube::Api& Reconciler::api_for(Phase phase) { return phase == Phase::RollingBack ? urgent_ : api_; }

std::optional<Round> Reconciler::claim(kube::Api& api, const Snapshot& snapshot, std::int64_t term) {
  const auto due = fence_.due(kube::key_of(snapshot.object), fenced(snapshot), term);
  if (due.empty()) return std::nullopt;
  for (const auto& part : due) {
    auto answer = api.update(part.resource, *part.object, lead::claimed(*part.object, term));
    if (listener_.on_claim) {
      listener_.on_claim(snapshot.canary, part,
                         answer ? kube::Result<void>{} : std::unexpected(answer.error()));
    }
    if (!answer) return Round{.error = answer.error()};
    if (auto* store = stores_.of(part.resource)) store->put(*std::move(answer), clock_.steady());
  }
  return Round{.wrote = true};
}

kube::Result<void> Reconciler::write_status(kube::Api& api, Snapshot& snapshot,
                                            const strategies::Decision& decision, const Leadership& lead) {
  if (!is_worth_a_write(snapshot.canary.status, decision)) return {};
  Json after = snapshot.object;
  after["status"] = canary::to_json(decision.status, snapshot.canary.spec);
  if (lead.renewed_at) lead::sign_status(after, lead.term);
  auto answer = api.update_status(kube::kCanaries, snapshot.object, after);
  if (!answer) return std::unexpected(answer.error());
  snapshot.object = *answer;
  stores_.canaries.put(std::move(*answer), clock_.steady());
  return {};
}

// What the CRD let through and still can't be used is said on the resource, once.
Round Reconciler::refuse(const Json& object, const canary::FieldError& error, const Leadership& lead) {
  Json after = object;
  auto& status = after["status"];
  if (!status.is_object()) status = Json::object();
  const std::string message = error.field + ": " + error.message;
  if (base::text(after, {"status", "message"}) == message) return {};
  status["message"] = message;
  if (lead.renewed_at) lead::sign_status(after, lead.term);
  const auto key = kube::key_of(object);
  lead::FencedApi api(api_, fence_, key, service_of(object), lead.term);
  auto answer = api.update_status(kube::kCanaries, object, after);
  if (!answer) return {.error = answer.error()};
  stores_.canaries.put(std::move(*answer), clock_.steady());
  if (listener_.on_event) {
    listener_.on_event(
        {.name_space = key.name_space, .name = key.name, .uid = kube::metadata_text(object, "uid")},
        {strategies::Severity::Warning, "InvalidSpec", message});
  }
  return {};
}

void Reconciler::ask(const Snapshot& snapshot, const strategies::CheckRequest& request) {
  const auto& canary = snapshot.canary;
  const kube::Key key{canary.name_space, canary.name};
  auto question = question_of(canary, request, snapshot.trusted_callers);
  if (analyst_.knows(key, question)) return;
  if (listener_.on_check) listener_.on_check(canary, request);
  if (!request.judges) return analyst_.ask(key, std::move(question));
  add_metrics(question, canary, stores_.metric_templates, cross_namespace_templates_);
  analyst_.ask(key, std::move(question));
}

}  // namespace weir::reconcile
