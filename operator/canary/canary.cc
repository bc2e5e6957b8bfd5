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

}  // namespace

Result<Canary> parse(const Json& object, UnknownFields unknown) {
  Problems problems;
  const Json empty = Json::object();
  Fields root(object.is_object() ? object : empty, "", problems);
  root.require("apiVersion");
  root.choice<bool>("apiVersion", {{"weir.dev/v1alpha1", true}});
  root.require("kind");
  root.choice<bool>("kind", {{"Canary", true}});
  Canary canary;
  parse_metadata(root, canary);
  root.require("spec");
  auto spec = root.object("spec");
  Judging judging;
  canary.spec = parse_spec(spec, judging);
  canary.judge = judging.judge;
  canary.metrics = std::move(judging.metrics);
  if (root.has("status")) canary.status = status_from(object.at("status"));
  if (problems.unknown && unknown == UnknownFields::Refuse) return std::unexpected(*problems.unknown);
  if (problems.error) return std::unexpected(*problems.error);
  return canary;
}

}  // namespace weir::canary
