#include "operator/routing/istio/undivided.h"

#include <optional>
#include <string_view>
#include <utility>

#include "operator/base/json.h"
#include "operator/routing/istio/destinations.h"
#include "operator/routing/istio/hosts.h"
#include "operator/routing/istio/label.h"
#include "operator/routing/istio/table.h"

namespace weir::routing {
namespace {

using Host = Undivided::Host;

std::optional<Host> host_of(const Target& target, const Json& object, const std::string& host) {
  const auto names = [&](const MeshService& service) {
    return !service.name.empty() && names_service(host, base::namespace_of(object), service);
  };
  if (names(called_service(target))) return Host::Service;
  if (names(traffic_service(target))) return Host::Traffic;
  if (names({target.stable_service, target.name_space, target.cluster_domain})) return Host::StableService;
  if (names({target.candidate_service, target.name_space, target.cluster_domain}))
    return Host::CandidateService;
  return std::nullopt;
}

// Whether a managed route's destination with this subset is divided, or refused for another reason.
bool is_read_as_version(const SubsetNames& names, const std::string& subset) {
  return names.is_stable(subset) || names.is_candidate(subset) || names.owner_stable(subset) ||
         names.owner_candidate(subset);
}

std::string place_of(const std::string& route, std::string_view list, std::size_t index) {
  auto place = route + "." + std::string(list);
  if (list == "mirror") return place;
  return place + "[" + std::to_string(index) + "].destination";
}

struct RouteAt {
  const std::string& kind;
  std::size_t index;
  const Json& route;
};

void find_in_route(const Target& target, const SubsetNames& names, const Json& object, const RouteAt& at,
                   std::vector<Undivided>& found) {
  const auto space = base::namespace_of(object);
  std::optional<bool> managed;  // asked once a route, and of few
  each_destination_of(at.route, [&](std::string_view list, std::size_t i, const Json& destination) {
    const auto subset = base::text(destination, {"subset"});
    const auto host = host_of(target, object, base::text(destination, {"host"}));
    if (!host) return;
    const bool of_version = *host == Host::StableService || *host == Host::CandidateService;
    // Without a subset a request goes where the selector leads.
    if (!of_version && subset.empty()) return;
    if (!managed) managed = manages(target, object, at.kind, at.route);
    const bool is_managed = *managed && list == "route";
    // Whatever else leads to Dedicated mode's own Service is what is left of a divided destination.
    if (is_managed && (*host == Host::Traffic || (!of_version && is_read_as_version(names, subset)))) return;
    const bool own = space == target.name_space;
    const bool names_routes = at.kind == "http" || !manages(target, object);
    found.push_back({.object = &object,
                     .place = place_of(route_label(at.kind, at.index, at.route), list, i),
                     .host = *host,
                     .subset = of_version ? std::string() : subset,
                     .is_trusted = is_trusted(target.trusted, target.name_space, space),
                     .is_managed = is_managed,
                     .can_be_listed = list == "route" && !*managed && own && names_routes});
  });
}

// How well labels fit the pods of a version. Who admits pods may give them more labels than their template.
enum class Fit { No, Perhaps, Yes };

Fit fit_of(const Target& target, const Json& labels, const Json& pods, const std::string& version) {
  auto fit = Fit::Yes;
  if (!labels.is_object()) return fit;
  for (const auto& [key, value] : labels.items()) {
    const Json own = key == target.version_label ? Json(version) : base::field(pods, {key.c_str()});
    if (own.is_null()) {
      fit = Fit::Perhaps;
    } else if (own != value) {
      return Fit::No;
    }
  }
  return fit;
}

enum class Side { Neither, Stable, Candidate };

Side side_of(const Target& target, const Json& labels) {
  const auto stable = fit_of(target, labels, target.stable_labels, target.stable_version);
  const auto candidate = fit_of(target, labels, target.candidate_labels, target.candidate_version);
  if (stable == candidate) return Side::Neither;
  return stable > candidate ? Side::Stable : Side::Candidate;
}

// The subset as the rule for its host defines it; null: none does.
const Json* defined(const Target& target, const Rules& rules, const Undivided& one) {
  if (one.host == Host::Traffic) return rules.subsets(rules.made).find(one.subset);
  for (const auto* rule : {rules.own, dedicated(target) ? nullptr : rules.made, rules.applied}) {
    if (const auto* subset = rules.subsets(rule).find(one.subset)) return subset;
  }
  return nullptr;
}

Side side_of(const Target& target, const Rules& rules, const SubsetNames& names, const Undivided& one) {
  switch (one.host) {
    case Host::StableService:
      return Side::Stable;
    case Host::CandidateService:
      return Side::Candidate;
    case Host::Service:
    case Host::Traffic:
      break;
  }
  if (names.pinned().contains(one.subset) && names.moves(one.subset)) return Side::Neither;
  if (const auto* subset = defined(target, rules, one))
    return side_of(target, base::field(*subset, {"labels"}));
  // A release defines subsets of these names.
  if (names.owner_stable(one.subset) || names.is_stable(one.subset)) return Side::Stable;
  const bool candidate = names.owner_candidate(one.subset) || names.is_candidate(one.subset);
  return candidate ? Side::Candidate : Side::Neither;
}

std::string where(const Target& target, const Undivided& one) {
  const auto beginning = label_of(target, *one.object) + " " + one.place;
  switch (one.host) {
    case Host::StableService:
      return beginning + " names Service " + target.stable_service;
    case Host::CandidateService:
      return beginning + " names Service " + target.candidate_service;
    case Host::Service:
    case Host::Traffic:
      break;
  }
  return beginning + " names subset \"" + one.subset + "\" of Service " +
         (one.host == Host::Service ? target.service : target.traffic_host);
}

std::string label_alone(const Target& target, const std::string& version) {
  return Json::object({{target.version_label, version}}).dump();
}

std::string labels_of(const Target& target, const Rules& rules, const Undivided& one) {
  const auto* subset = defined(target, rules, one);
  return subset == nullptr ? "{}" : base::field(*subset, {"labels"}).dump();
}

Router::Fixed more_labels(const Target& target, const Rules& rules, const Undivided& one) {
  return {.reason = "SubsetHasMoreLabels",
          .message = where(target, one) + ", whose labels " + labels_of(target, rules, one) +
                     " select pods of version " + target.stable_version +
                     " alone, and a release moves subsets of " + label_alone(target, target.stable_version) +
                     " only",
          .remedy = "give the subset that label alone, or name no subset there"};
}

Router::Fixed pinned_to_stable(const Target& target, const Undivided& one) {
  std::string remedy =
      one.host == Host::StableService ? "name Service " + target.service + " there" : "name no subset there";
  if (one.can_be_listed) remedy += ", or list this route in spec.routing.istio.virtualServices";
  return {.reason = "PinnedToStable",
          .message = where(target, one) + ", which has pods of version " + target.stable_version +
                     " alone, and the release does not move it",
          .remedy = std::move(remedy)};
}

// A release that has begun is not held by another namespace.
Router::Fixed::Effect effect_of(const Target& target, const Undivided& one) {
  using Effect = Router::Fixed::Effect;
  if (!one.is_trusted) return Effect::Warns;
  const bool own = base::namespace_of(*one.object) == target.name_space;
  return own || !has_route_records(target) ? Effect::HoldsRelease : Effect::KeepsPods;
}

Refusal names_candidate(const Target& target, const Rules& rules, const Undivided& one) {
  return {.condition = "Progressing",
          .reason = "RouteNamesCandidate",
          .message = where(target, one) + ", whose labels " + labels_of(target, rules, one) +
                     " select pods of version " + target.candidate_version +
                     " alone: the release divides traffic itself; name no subset there"};
}

void add_stable(const Target& target, const Rules& rules, const Undivided& one, Router::Reading& reading) {
  const bool by_labels = one.is_managed && !one.subset.empty();
  auto fixed = by_labels ? more_labels(target, rules, one) : pinned_to_stable(target, one);
  fixed.effect = effect_of(target, one);
  reading.fixed_to_stable.push_back(std::move(fixed));
}

void add_candidate(const Target& target, const Rules& rules, const Undivided& one, Router::Reading& reading) {
  if (one.is_managed && !one.subset.empty()) reading.refusals.push_back(names_candidate(target, rules, one));
  auto sentence = where(target, one) + ", which has pods of version " + target.candidate_version + " alone";
  if (one.is_trusted) {
    reading.fixed_to_candidate.push_back(std::move(sentence));
  } else {
    reading.not_isolated_untrusted.push_back(std::move(sentence) + ": after a rollback no pod answers there");
  }
}

}  // namespace

std::vector<Undivided> find_undivided(const Target& target, const Objects& objects,
                                      const SubsetNames& names) {
  std::vector<Undivided> found;
  for (const auto& object : objects.of(kube::kVirtualServices)) {
    each_route_of(object, [&](const std::string& kind, std::size_t index, const Json& route) {
      find_in_route(target, names, object, {kind, index, route}, found);
    });
  }
  return found;
}

void add_undivided(const Target& target, const Rules& rules, const SubsetNames& names,
                   const std::vector<Undivided>& undivided, Router::Reading& reading) {
  for (const auto& one : undivided) {
    switch (side_of(target, rules, names, one)) {
      case Side::Stable:
        add_stable(target, rules, one, reading);
        break;
      case Side::Candidate:
        add_candidate(target, rules, one, reading);
        break;
      case Side::Neither:
        break;
    }
  }
}

}  // namespace weir::routing
