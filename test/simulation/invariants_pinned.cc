// S17: no write takes a subset, or the pods of one, away from a mirror or from a route that no release
// divides.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <string>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"
#include "test/simulation/invariants_lists.h"

namespace weir::simulation::checks {
namespace {

// Calls `visit(place, destination)` for mirrors, and for the destinations of routes that are not managed.
// What a person wrote a moment ago the operator need not know.
template <typename Visit>
void each_pinned(const Context& context, const Reader& reader, Millis now, const Visit& visit) {
  for (const auto& [name, edited] : context.known.virtual_services()) {
    if (edited.object.is_null() || may_be_unseen(context, edited, now)) continue;
    for (const char* kind : kKinds) {
      for (const auto& route : list_of(edited.object, kind)) {
        const auto place = fmt::format("VirtualService {} spec.{}", name, kind);
        if (const auto& mirror = member(route, "/mirror"); mirror.is_object())
          visit(place, Json{{"destination", mirror}});
        if (reader.manages(name, kind, route)) continue;
        for (const auto& destination : destinations_of(route)) visit(place, destination);
      }
    }
  }
}

bool has_subset(const Json& rule, const std::string& name) {
  if (rule.is_null()) return false;
  return std::ranges::any_of(list_of(rule, "subsets"),
                             [&](const Json& subset) { return text(subset, "/name") == name; });
}

void check_subsets(const Context& context, const Release& release, const Change& change) {
  const Reader reader(context.known, release);
  each_pinned(context, reader, change.at, [&](const std::string& place, const Json& destination) {
    const auto subset = subset_of(destination);
    if (!reader.has_subset(destination) || !has_subset(change.before, subset)) return;
    if (has_subset(change.after, subset)) return;
    context.findings.add(change.at, "S17",
                         fmt::format("DestinationRule {} loses subset {}, which {} names",
                                     kube::metadata_text(change.before, "name"), subset, place));
  });
}

void check_pods(const Context& context, const Release& release, const Change& change) {
  const bool had = number(change.before, "/spec/replicas", 1) > 0;
  const bool has = !change.after.is_null() && number(change.after, "/spec/replicas", 1) > 0;
  const auto name = kube::metadata_text(change.before, "name");
  if (!had || has || (name != release.stable && name != release.target)) return;
  const auto lost = name == release.target ? Reader::Goes::Candidate : Reader::Goes::Stable;
  const auto unseen = [&](const auto& entry) { return may_be_unseen(context, entry.second, change.at); };
  if (std::ranges::any_of(context.known.rules(), unseen)) return;
  const Reader reader(context.known, release);
  each_pinned(context, reader, change.at, [&](const std::string& place, const Json& destination) {
    if (!reader.has_subset(destination) || reader.goes(destination) != lost) return;
    context.findings.add(change.at, "S17",
                         fmt::format("Deployment {} loses its pods while {} leads to subset {} of them", name,
                                     place, subset_of(destination)));
  });
}

}  // namespace

void check_pinned(const Context& context, const Change& change) {
  const auto* release = context.known.release();
  if (release == nullptr || change.before.is_null()) return;
  if (change.resource.kind == kube::kDestinationRules.kind) check_subsets(context, *release, change);
  if (change.resource.kind == kube::kDeployments.kind) check_pods(context, *release, change);
}

}  // namespace weir::simulation::checks
