#include "operator/canary/canary.h"

#include <algorithm>

#include "operator/base/time.h"
#include "operator/canary/spec.h"

namespace weir::canary {
namespace {

constexpr std::size_t kMaxFinalizers = 1000;

void parse_metadata(Fields& root, Canary& out) {
  root.require("metadata");
  auto metadata = root.object("metadata");
  out.name = metadata.name("name", NameForm::Object, root.has("metadata"));
  out.name_space = metadata.text("namespace", "default");
  out.uid = metadata.text("uid");
  out.generation = metadata.integer("generation", {0}).value_or(0);
  out.created = base::parse_time(metadata.text("creationTimestamp")).value_or(strategies::TimePoint{});
  out.deleting = metadata.has("deletionTimestamp");
  const auto finalizers = metadata.texts("finalizers", kMaxFinalizers);
  out.has_finalizer = std::ranges::find(finalizers, kFinalizer) != finalizers.end();
  const auto annotations = metadata.dictionary("annotations");
  const auto rollback = annotations.find(std::string(kRollbackAnnotation));
  if (rollback == annotations.end()) return;
  out.rollback_requested = rollback->second.empty() ? "no reason given" : rollback->second;
}

// Whether the settings are those that were recorded, which they are made to be. What the record does not have
// is left as it is: an operator of another version may read more of the spec, or less.
bool hold_settings(std::string& settings, const std::string& recorded) {
  auto now = Json::parse(settings, nullptr, /*allow_exceptions=*/false);
  const auto then = Json::parse(recorded, nullptr, /*allow_exceptions=*/false);
  if (!then.is_object()) return true;
  if (!now.is_object()) now = Json::object();
  const auto before = now;
  now.update(then);
  settings = now.dump();
  return now == before;
}

bool has_begun(const Canary& canary) { return !canary.status.candidate.template_hash.empty(); }

// Of a release that an operator began which recorded none: what it went by until now.
void complete_record(Canary& canary) {
  auto& status = canary.status;
  const bool known = !status.stable.version.empty() && !status.candidate.version.empty();
  if (status.identity || !has_begun(canary) || !known || canary.spec.service.name.empty()) return;
  status.identity = identity_of(canary.spec, status);
}

// A release that has begun is what its record says.
void hold_to_record(Canary& canary) {
  if (strategies::is_final(canary.status.phase)) return;
  complete_record(canary);
  const auto& identity = canary.status.identity;
  if (!identity) return;
  auto& service = canary.spec.service;
  const auto note = [&](const std::string& field, const std::string& is, const std::string& was) {
    canary.departures.push_back(field + " is \"" + is + "\" now, and this release began with \"" + was +
                                "\"");
  };
  if (service.version_label != identity->version_label)
    note("spec.service.versionLabel", service.version_label, identity->version_label);
  if (service.mode != identity->mode)
    note("spec.service.mode", std::string(to_string(service.mode)), std::string(to_string(identity->mode)));
  auto& routing = canary.spec.routing;
  if (!hold_settings(routing.settings, identity->router_settings)) {
    canary.departures.push_back("spec.routing." + routing.provider +
                                " is another one than this release began with");
  }
  service.version_label = identity->version_label;
  service.mode = identity->mode;
}

// All that can be read of it; what can't is among the problems.
Canary read(Fields& root, const Json& object) {
  Canary canary;
  parse_metadata(root, canary);
  root.require("spec");
  auto spec = root.object("spec");
  Judging judging;
  canary.spec = parse_spec(spec, judging);
  canary.judge = judging.judge;
  canary.metrics = std::move(judging.metrics);
  if (root.has("status")) canary.status = status_from(object.at("status"));
  hold_to_record(canary);
  return canary;
}

}  // namespace

Result<Canary> parse(const Json& object, UnknownFields unknown) {
  Problems problems;
  const Json empty = Json::object();
  Fields root(object.is_object() ? object : empty, "", problems);
  root.require("apiVersion");
  root.choice<bool>("apiVersion", {{"weir.dev/v1alpha1", true}});
  root.require("kind");
  root.choice<bool>("kind", {{"Canary", true}});
  auto canary = read(root, object);
  if (problems.unknown && unknown == UnknownFields::Refuse) return std::unexpected(*problems.unknown);
  if (problems.error) return std::unexpected(*problems.error);
  return canary;
}

std::optional<Canary> from_record(const Json& object, const FieldError& error) {
  Problems unreadable;
  const Json empty = Json::object();
  Fields root(object.is_object() ? object : empty, "", unreadable);
  auto canary = read(root, object);
  auto& spec = canary.spec;
  if (const auto& identity = canary.status.identity) {
    spec.service.name = identity->service;
    spec.routing.provider = identity->router;
  }
  // One that has begun on a Service that nobody knows any more is left as it is.
  if (has_begun(canary) ? spec.service.name.empty() : !canary.deleting) return std::nullopt;
  spec.target.name = canary.status.target;
  if (spec.program.steps.empty() || spec.program.promotion.empty())
    spec.program = strategies::stepwise({strategies::Weight::all()}, {strategies::Weight::all()});
  canary.departures = {error.message};
  return canary;
}

}  // namespace weir::canary
