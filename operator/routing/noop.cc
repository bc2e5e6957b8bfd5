#include "operator/routing/noop.h"

#include <charconv>
#include <optional>

#include "operator/base/json.h"

namespace weir::routing {
namespace {

constexpr const char* kWeight = "weir.dev/noop-weight";
constexpr int kWhole = 100;

// The weight that is noted; empty: none is, or none that a router wrote.
std::optional<int> weight_of(const Json& service) {
  const auto text = base::text(service, {"metadata", "annotations", kWeight});
  const auto* end = text.data() + text.size();
  int weight = -1;
  const auto [rest, error] = std::from_chars(text.data(), end, weight);
  if (error != std::errc() || rest != end || weight < 0 || weight > kWhole) return std::nullopt;
  return weight;
}

Writes write_if_changed(const Json& before, Json after) {
  if (before == after) return {};
  return std::vector<Write>{{.kind = kube::kServices, .before = before, .after = std::move(after)}};
}

}  // namespace

Objects NoopRouter::gather(const Target& target, const kube::Stores& stores) const {
  Objects objects;
  if (const auto stored = stores.services.get({target.name_space, target.service}))
    objects.of(kube::kServices).push_back(*stored->object);
  return objects;
}

Router::Reading NoopRouter::read(const Target& target, const Objects& objects) const {
  Reading reading;
  for (const auto& service : objects.of(kube::kServices)) {
    reading.routes.emplace();
    if (const auto weight = weight_of(service)) {
      reading.routes->splits.push_back({.share = kWhole, .candidate = *weight});
    } else {
      reading.routes->unmanaged = 1;
    }
    reading.route_objects.push_back({kube::kServices, target.service});
    // During a release the selector has the key, whoever added it.
    if (!base::field(service, {"spec", "selector", target.version_label.c_str()}).is_string()) {
      reading.refusals.push_back(
          {.condition = "Progressing",
           .reason = "SelectorWithoutVersion",
           .message = "the selector of Service " + target.service + " has no key " + target.version_label +
                      ": with spec.routing.provider noop it selects both versions, whatever the step; add " +
                      target.version_label + ": " + target.stable_version + " to it"});
    }
  }
  return reading;
}

Writes NoopRouter::route(const Target& target, const Objects& objects,
                         const strategies::Traffic& traffic) const {
  for (const auto& service : objects.of(kube::kServices)) {
    Json after = service;
    after["metadata"]["annotations"][kWeight] = std::to_string(traffic.candidate.percent());
    return write_if_changed(service, std::move(after));
  }
  return std::unexpected(
      Refusal{.condition = "Progressing",
              .reason = "NoRoute",
              .message = "Service " + target.service + " does not exist in namespace " + target.name_space});
}

Writes NoopRouter::restore(const Target& /*target*/, const Objects& objects, bool /*promoted*/) const {
  for (const auto& service : objects.of(kube::kServices)) {
    if (!base::field(service, {"metadata", "annotations", kWeight}).is_string()) return {};
    Json after = service;
    auto& annotations = after["metadata"]["annotations"];
    annotations.erase(kWeight);
    if (annotations.empty()) after["metadata"].erase("annotations");
    return write_if_changed(service, std::move(after));
  }
  return {};
}

}  // namespace weir::routing
