// S15: which fields a write changes. S1: what the owner wrote is still there.
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"

namespace weir::simulation::checks {
namespace {

constexpr const char* kMark = "weir.dev/epoch";
constexpr const char* kWeightOfNoop = "weir.dev/noop-weight";

std::string name_of(const Change& change) {
  const Json& object = change.after.is_null() ? change.before : change.after;
  return std::string(change.resource.kind) + " " + kube::metadata_text(object, "name");
}

// Without what the server adds, and without the operator's mark.
Json content(Json object) {
  auto& metadata = object["metadata"];
  for (const char* field : {"managedFields", "resourceVersion", "generation", "deletionTimestamp"})
    metadata.erase(field);
  if (metadata.contains("annotations") && metadata["annotations"].is_object()) {
    for (const char* mark : {kMark, kWeightOfNoop}) metadata["annotations"].erase(mark);
    if (metadata["annotations"].empty()) metadata.erase("annotations");
  }
  return object;
}

void drop_destinations(Json& object) {
  if (!object.contains("spec")) return;
  for (const char* kind : kKinds) {
    if (!object["spec"].contains(kind)) continue;
    for (auto& route : object["spec"][kind]) route.erase("route");
  }
}

void drop(Json& object, const char* parent, const char* field) {
  const Json::json_pointer path(parent);
  if (object.contains(path) && object[path].is_object()) object[path].erase(field);
}

// Finalizers and annotations of the operator's own.
void drop_own_metadata(Json& canary) {
  auto& metadata = canary["metadata"];
  metadata.erase("finalizers");
  if (!metadata.contains("annotations")) return;
  auto& annotations = metadata["annotations"];
  for (auto at = annotations.begin(); at != annotations.end();)
    at = at.key().starts_with("weir.dev/") ? annotations.erase(at) : std::next(at);
  if (annotations.empty()) metadata.erase("annotations");
}

class FieldCheck {
 public:
  FieldCheck(const Context& context, const Change& change) : context_(context), change_(change) {}

  void run() {
    const auto& kind = change_.resource.kind;
    if (kind == kube::kLeases.kind || kind == kube::kEvents.kind) return;
    const Json& object = change_.after.is_null() ? change_.before : change_.after;
    const auto name_space = kube::metadata_text(object, "namespace");
    if (name_space != context_.expectations.name_space)
      return report("was written in namespace " + name_space);
    check_strangers(object);
    if (kind == kube::kCanaries.kind) return canary();
    if (kind == kube::kDeployments.kind) return deployment();
    const bool known_kind = kind == kube::kServices.kind || kind == kube::kVirtualServices.kind ||
                            kind == kube::kDestinationRules.kind;
    if (!known_kind) return report("is of a kind that is only read");
    if (kind != kube::kVirtualServices.kind && is_of_a_canary(object)) return;
    if (change_.before.is_null()) return report("was made, and no Canary owns it");
    if (change_.after.is_null()) return report("was deleted, and no Canary owned it");
    persons_object(kind);
  }

 private:
  // What no release names is nobody's to write (S17).
  void check_strangers(const Json& object) {
    const auto& kind = change_.resource.kind;
    const auto name = kube::metadata_text(object, "name");
    // A write may be on its way for longer than its Canary is there.
    const auto* last = context_.known.release();
    const auto is_on_its_way = [&](const GoneCanary& gone) {
      return change_.sent.at - gone.at <= context_.expectations.reading_age;
    };
    const auto is_any = [&](const auto& names) {
      return (last != nullptr && names(*last)) ||
             std::ranges::any_of(context_.known.canaries(),
                                 [&](const auto& entry) { return names(entry.second); }) ||
             std::ranges::any_of(context_.known.gone(), [&](const GoneCanary& gone) {
               return names(gone.release) && is_on_its_way(gone);
             });
    };
    const bool service = kind == kube::kServices.kind && !is_of_a_canary(object) &&
                         !is_any([&](const Release& one) { return one.service == name; });
    const bool workload = kind == kube::kDeployments.kind && !is_any([&](const Release& one) {
                            return one.target == name || one.stable == name;
                          });
    if (service || workload) report("was written, and is no part of a release");
  }

  void report(const std::string& what) {
    context_.findings.add(change_.at, "S15", name_of(change_) + " " + what);
  }

  // What was promoted may be guarded: the version that the Service selects.
  [[nodiscard]] bool puts_back(const Release& release) const {
    return release.guards && release.phase == "Succeeded" && change_.resource.kind == kube::kServices.kind;
  }

  // Both versions without what may change are the same.
  template <typename Drop>
  void compare(const char* allowed, const Drop& drop) {
    Json before = content(change_.before);
    Json after = content(change_.after);
    if (before == after) return;
    const auto* release = context_.known.release();
    const bool may_write = release != nullptr && (release->active() || puts_back(*release) ||
                                                  change_.resource.kind == kube::kDeployments.kind);
    if (!may_write) return report("was changed while no release was under way");
    drop(before);
    drop(after);
    if (before == after) return;
    report(fmt::format("was changed in more than {}: {}", allowed, Json::diff(before, after).dump()));
  }

  void persons_object(std::string_view kind) {
    if (kind == kube::kVirtualServices.kind)
      return compare("the destinations of its routes", drop_destinations);
    if (kind == kube::kDestinationRules.kind)
      return compare("spec.subsets", [](Json& rule) { drop(rule, "/spec", "subsets"); });
    const auto* release = context_.known.release();
    const std::string label = release == nullptr ? "version" : release->label;
    compare("the version in its selector",
            [&](Json& service) { drop(service, "/spec/selector", label.c_str()); });
  }

  void deployment() {
    const auto* release = context_.known.release();
    if (change_.before.is_null()) return report("was made");
    if (!change_.after.is_null() && !is_new_deletion()) {
      Json before = content(change_.before);
      Json after = content(change_.after);
      drop(before, "/spec", "replicas");
      drop(after, "/spec", "replicas");
      if (before != after)
        report("was changed in more than spec.replicas: " + Json::diff(before, after).dump());
      return;
    }
    const auto name = kube::metadata_text(change_.before, "name");
    const bool asked = release != nullptr && release->deletes_stable && release->stable == name &&
                       release->phase == "Finalizing";
    if (!asked) report("was deleted, and no release that is being finished asks for it");
  }

  [[nodiscard]] bool is_new_deletion() const {
    return member(change_.before, "/metadata/deletionTimestamp").is_null() &&
           !member(change_.after, "/metadata/deletionTimestamp").is_null();
  }

  void canary() {
    if (change_.before.is_null()) return report("was made");
    const auto release = read_release(change_.before);
    const bool going = !member(change_.before, "/metadata/deletionTimestamp").is_null();
    if ((change_.after.is_null() && !going) || (!change_.after.is_null() && is_new_deletion())) {
      if (!release.over() || !release.has_ttl) report("was deleted, and its time to live was not over");
      return;
    }
    if (change_.after.is_null()) return;
    Json before = content(change_.before);
    Json after = content(change_.after);
    if (change_.status) {
      before.erase("status");
      after.erase("status");
    } else {
      drop_own_metadata(before);
      drop_own_metadata(after);
    }
    if (before != after)
      report("was changed in more than what is the operator's: " + Json::diff(before, after).dump());
  }

  const Context& context_;
  const Change& change_;
};

const Edited* owner_of(const Known& known, const Change& change) {
  const bool is_rule = change.resource.kind == kube::kDestinationRules.kind;
  const auto& all = is_rule ? known.rules() : known.virtual_services();
  const auto found = all.find(kube::metadata_text(change.after, "name"));
  return found == all.end() ? nullptr : &found->second;
}

// Where all rules went with their namespace, in which none can be made, no name of a subset means anything.
bool has_lost_all_rules(const Context& context) {
  return context.expectations.namespace_ends &&
         std::ranges::all_of(context.known.rules(),
                             [](const auto& entry) { return entry.second.object.is_null(); });
}

void check_owners_parts(const Context& context, const Change& change) {
  const auto* release = context.known.release();
  if (release == nullptr || change.after.is_null() || change.before.is_null()) return;
  // A claim alone writes nothing of what a person has just torn, and leaves that to the next round.
  if (member(change.before, "/spec") == member(change.after, "/spec")) return;
  const auto* owner = owner_of(context.known, change);
  if (owner == nullptr) return;
  std::string difference;
  if (change.resource.kind == kube::kVirtualServices.kind) {
    if (has_lost_all_rules(context)) return;
    const Reader reader(context.known, *release);
    difference = route_difference(reader, kube::metadata_text(change.after, "name"), *owner, change.after,
                                  Stage::During);
  } else if (change.resource.kind == kube::kDestinationRules.kind && !is_of_a_canary(change.after)) {
    difference = rule_difference(*release, *owner, change.after, Stage::During);
  }
  if (!difference.empty()) context.findings.add(change.at, "S1", difference);
}

// A release that is over has left nothing.
void check_over(const Context& context, const Change& change) {
  if (change.resource.kind != kube::kCanaries.kind || change.before.is_null() || change.after.is_null())
    return;
  const auto before = read_release(change.before);
  const auto after = read_release(change.after);
  if (!before.active() || !after.over() || before.service != context.known.service()) return;
  for (const auto& sentence : left_behind(context.known, after, after.phase == "Succeeded"))
    context.findings.add(change.at, "S1", after.phase + ": " + sentence);
}

}  // namespace

void Findings::add(Millis at, const std::string& name, std::string message) {
  if (++counts_[name] > kOfEach) return;
  all_.push_back({.at = at, .name = name, .message = std::move(message)});
}

bool may_be_unseen(const Context& context, const Edited& edited, Millis now) {
  if (edited.changed_by != 0) return false;
  if (now - edited.changed_at <= context.expectations.reading_age) return true;
  return !context.expectations.calm && edited.changed_at >= context.known.began_at();
}

void check_objects(const Context& context, const Change& change) {
  FieldCheck(context, change).run();
  check_owners_parts(context, change);
  check_over(context, change);
}

std::vector<std::string> left_behind(const Known& known, const Release& release, bool promoted) {
  std::vector<std::string> sentences;
  const Reader reader(known, release);
  const auto stage = promoted ? Stage::Promoted : Stage::Returned;
  const auto note = [&](std::string sentence) {
    if (!sentence.empty()) sentences.push_back(std::move(sentence));
  };
  // What a person has written last is the person's, whatever it is.
  for (const auto& [name, edited] : known.virtual_services()) {
    if (edited.changed_by != 0) note(route_difference(reader, name, edited, edited.object, stage));
  }
  for (const auto& [name, edited] : known.rules()) {
    if (edited.changed_by == 0 || is_of_a_canary(edited.object)) continue;
    note(rule_difference(release, edited, edited.object, stage));
  }
  return sentences;
}

}  // namespace weir::simulation::checks
