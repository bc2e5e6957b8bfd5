#include "operator/reconcile/interest.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>

#include "operator/base/json.h"
#include "operator/canary/canary.h"
#include "operator/kube/object.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/finished.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/services.h"
#include "operator/reconcile/standing.h"
#include "operator/routing/ownership.h"
#include "operator/routing/terms.h"

namespace weir::reconcile {
namespace {

using base::field;
using base::text;
using routing::host_term;
using routing::kHostTerms;
using Terms = std::vector<std::string>;

constexpr std::string_view kSlices = "slices ";
constexpr std::string_view kLabel = "label ";
constexpr std::string_view kOfCanary = "of canary ";
constexpr std::string_view kMadeFor = "made for ";
constexpr std::string_view kStanding = "of service ";
constexpr std::string_view kReleased = "released on ";
constexpr std::string_view kDeparted = "departed on ";
constexpr std::string_view kStandingOn = "standing on ";

std::string term(std::string_view kind, std::string_view name_space, std::string_view name) {
  return std::string(kind).append(name_space).append("/").append(name);
}

// Canaries, by an object that they name: "deployments shop/checkout-v1".
std::string naming(std::string_view plural, std::string_view name_space, std::string_view name) {
  return term(std::string(plural) + " ", name_space, name);
}

std::string standing(std::string_view service, std::string_view name_space, std::string_view what) {
  return term(kStanding, name_space, service).append(" ").append(what);
}

std::string label(std::string_view name_space, std::string_view key, std::string_view value) {
  return term(kLabel, name_space, key).append("=").append(value);
}

const Json::array_t& entries(const Json& list) {
  static const Json::array_t kNone;
  return list.is_array() ? list.get_ref<const Json::array_t&>() : kNone;
}

void add_named(Terms& terms, const Json& canary, const std::string& name_space) {
  const auto& spec = field(canary, {"spec"});
  const auto& status = field(canary, {"status"});
  for (const auto& name : {text(spec, {"targetRef", "name"}), text(spec, {"stableRef", "name"}),
                           text(status, {"target"}), text(status, {"stable", "name"})}) {
    if (!name.empty()) terms.push_back(naming(kube::kDeployments.plural, name_space, name));
  }
  for (const auto& kind : routing::kinds()) {
    if (kind.named_by == nullptr) continue;
    for (const auto& name : kind.named_by(canary)) terms.push_back(naming(kind.plural, name_space, name));
  }
  for (const auto& metric : entries(field(spec, {"analysis", "metrics"}))) {
    const auto name = text(metric, {"templateRef", "name"});
    const auto space = text(metric, {"templateRef", "namespace"});
    if (name.empty()) continue;
    terms.push_back(naming(kube::kMetricTemplates.plural, space.empty() ? name_space : space, name));
  }
}

void add_standing(Terms& terms, const Json& canary, const std::string& service,
                  const std::string& name_space) {
  const auto phase = text(canary, {"status", "phase"});
  const bool waits = phase.empty() || phase == to_string(strategies::Phase::Pending);
  terms.push_back(waits ? waiting_for(service, name_space) : begun_on(service, name_space));
  if (!waits) terms.emplace_back(kBegun);
  if (field(canary, {"spec", "supersede"}) == true &&
      kube::metadata_text(canary, "deletionTimestamp").empty())
    terms.push_back(superseding_on(service, name_space));
  if (phase == to_string(strategies::Phase::RollingBack)) terms.emplace_back(kRollingBack);
}

// The Service of which this is the term; of another host nobody's.
kube::Key named_by(std::string_view host) {
  host.remove_prefix(kHostTerms.size());
  const auto dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  const auto rest = host.substr(dot + 1);
  return {std::string(rest.substr(0, rest.find('.'))), std::string(host.substr(0, dot))};
}

// Gathers the Canaries that one change concerns.
class Search {
 public:
  Search(const kube::Stores& stores, const kube::Change& change) : stores_(stores), change_(change) {}

  void add(const kube::Key& key) { found_.insert(key); }
  void add(std::string_view canary_term) {
    for (auto& key : stores_.canaries.keys_with(canary_term)) found_.insert(std::move(key));
  }

  // Those that name the object.
  void add_naming(std::string_view plural) { add(naming(plural, change_.key.name_space, change_.key.name)); }

  // Those of the Service, or of the one that a release made it for: "checkout", "checkout-v2".
  void add_service(std::string_view name, std::string_view name_space) {
    while (true) {
      add(releases_of(name, name_space));
      const auto dash = name.rfind('-');
      if (dash == std::string_view::npos) return;
      name = name.substr(0, dash);
    }
  }

  // Those that made the Service and are not over: its name tells nothing of theirs where it was cut.
  void add_owners_of(const kube::Key& service) {
    const auto stored = stores_.services.get(service);
    if (!stored) return;
    for (const auto& one : terms_of_service(*stored->object)) {
      if (!one.starts_with(kOfCanary)) continue;
      for (const auto& key : stores_.canaries.keys_with(one)) {
        const auto canary = stores_.canaries.get(key);
        if (canary && !is_over(*canary->object)) add(key);
      }
    }
  }

  template <typename Visit>
  void each_term(std::string_view kind, const Visit& visit) const {
    for (const auto* terms : {&change_.before, &change_.after}) {
      for (const auto& one : *terms) {
        if (one.starts_with(kind)) visit(std::string_view(one));
      }
    }
  }

  void canary() {
    add(change_.key);
    add_left_behind();
    if (ends_a_release()) {
      const auto prefix = released_on("", change_.key.name_space).size();
      each_term(kReleased, [&](std::string_view one) {
        const kube::Key service{change_.key.name_space, std::string(one.substr(prefix))};
        add_promoted(service);
        if (is_promotion()) add(standing_on(service.name, service.name_space));
      });
    }
    if (!bears_on_others()) return;
    each_term(kHostTerms, [&](std::string_view one) { add(one); });
  }

  void deployment() {
    add_naming(kube::kDeployments.plural);
    each_term(kLabel, [&](std::string_view label) {
      for (const auto& service : stores_.services.keys_with(label))
        add(waiting_for(service.name, service.name_space));
    });
    if (is_relabelling()) {
      each_term(kLabel, [&](std::string_view label) {
        for (const auto& service : stores_.services.keys_with(label)) add_promoted(service);
      });
    }
  }

  void service() {
    add_service(change_.key.name, change_.key.name_space);
    add_promoted(change_.key);
    add_maker();
  }

  void endpoint_slice() {
    const auto prefix = slices_behind("", change_.key.name_space).size();
    each_term(kSlices, [&](std::string_view one) {
      const auto service = one.substr(prefix);
      add_service(service, change_.key.name_space);
      add(departed_on(service, change_.key.name_space));
      add_owners_of({change_.key.name_space, std::string(service)});
    });
  }

  void routed(const routing::Kind& kind) {
    add_naming(kind.plural);
    each_term(kHostTerms, [&](std::string_view host) {
      add(host);
      add_owners_of(named_by(host));
    });
    add_maker();
    if (kind.also_concerns == nullptr) return;
    const auto* store = stores_.of({kind.group, kind.versions.front(), kind.plural, kind.kind});
    const auto find = [&](std::string_view name_space, std::string_view name) -> std::optional<Json> {
      const auto stored = store->get({std::string(name_space), std::string(name)});
      return stored ? std::optional(*stored->object) : std::nullopt;
    };
    each_term("", [&](std::string_view one) {
      for (const auto& other : kind.also_concerns(one, find)) add(other);
    });
  }

  [[nodiscard]] std::vector<kube::Key> found() const { return {found_.begin(), found_.end()}; }

 private:
  // Of a Deployment that is there before and after.
  [[nodiscard]] bool is_relabelling() const {
    return !change_.before.empty() && !change_.after.empty() && change_.before != change_.after;
  }

  // The release that was promoted to the Service last, unless another one runs, and those that say already
  // what has become of the Service.
  void add_promoted(const kube::Key& service) {
    if (auto last = last_promoted(service, stores_)) found_.insert(*std::move(last));
    add(departed_on(service.name, service.name_space));
  }

  // One that is over, or gone, leaves the Service to the one that was promoted before it.
  [[nodiscard]] bool ends_a_release() const {
    const auto runs = [](const Terms& terms) { return std::ranges::find(terms, kUnfinished) != terms.end(); };
    return runs(change_.before) && !runs(change_.after);
  }

  // Those that were promoted before note it as their successor.
  [[nodiscard]] bool is_promotion() const {
    return std::ranges::any_of(change_.after, [](const auto& one) { return one.starts_with(kStandingOn); });
  }

  // The release that made the object, or, where its Canary is gone, what is left of it.
  void add_maker() {
    bool is_there = false;
    each_term(kOfCanary, [&](std::string_view canary) {
      for (auto& key : stores_.canaries.keys_with(canary)) {
        found_.insert(std::move(key));
        is_there = true;
      }
    });
    if (is_there) return;
    const auto prefix = made_for("", change_.key.name_space).size();
    each_term(kMadeFor, [&](std::string_view service) {
      found_.insert(orphans_of({change_.key.name_space, std::string(service.substr(prefix))}));
    });
  }

  // What a Canary that has gone leaves; another one may have its name by now.
  void add_left_behind() {
    for (const auto& one : change_.before) {
      if (!one.starts_with(kOfCanary) || std::ranges::find(change_.after, one) != change_.after.end())
        continue;
      for (const auto& left :
           made_by(std::string_view(one).substr(kOfCanary.size()), change_.key.name_space, stores_)) {
        const auto maker = routing::maker_of(*left.object);
        if (maker && !maker->service.empty())
          found_.insert(orphans_of({change_.key.name_space, maker->service}));
      }
    }
  }

  // A release that comes waits behind what there is, unless it supersedes that.
  [[nodiscard]] bool bears_on_others() const {
    const auto standings = [](const Terms& terms) {
      Terms found;
      std::ranges::copy_if(terms, std::back_inserter(found),
                           [](const auto& one) { return one.starts_with(kStanding); });
      return found;
    };
    const auto after = standings(change_.after);
    if (change_.before.empty()) return after.size() > 1;
    return standings(change_.before) != after;
  }

  const kube::Stores& stores_;
  const kube::Change& change_;
  std::set<kube::Key> found_;
};

}  // namespace

std::string releases_of(std::string_view service, std::string_view name_space) {
  return host_term(service, name_space);
}
std::string waiting_for(std::string_view service, std::string_view name_space) {
  return standing(service, name_space, "waiting");
}
std::string begun_on(std::string_view service, std::string_view name_space) {
  return standing(service, name_space, "begun");
}
std::string superseding_on(std::string_view service, std::string_view name_space) {
  return standing(service, name_space, "superseding");
}
std::string released_on(std::string_view service, std::string_view name_space) {
  return term(kReleased, name_space, service);
}
std::string departed_on(std::string_view service, std::string_view name_space) {
  return term(kDeparted, name_space, service);
}
std::string standing_on(std::string_view service, std::string_view name_space) {
  return term(kStandingOn, name_space, service);
}
std::string of_canary(std::string_view uid) { return std::string(kOfCanary).append(uid); }
std::string made_for(std::string_view service, std::string_view name_space) {
  return term(kMadeFor, name_space, service);
}
std::string slices_behind(std::string_view service, std::string_view name_space) {
  return term(kSlices, name_space, service);
}

std::string labelled_as(const Json& selector, std::string_view name_space) {
  if (!selector.is_object() || selector.empty()) return {};
  const auto first = selector.begin();
  return label(name_space, first.key(), first->is_string() ? first->get_ref<const std::string&>() : "");
}

std::vector<std::string> terms_of_canary(const Json& canary) {
  const auto name_space = kube::metadata_text(canary, "namespace");
  const auto service = text(canary, {"spec", "service", "name"});
  Terms terms{of_canary(kube::metadata_text(canary, "uid")), released_on(service, name_space)};
  if (is_over(canary)) {
    if (said_of_service(canary) != nullptr) terms.push_back(departed_on(service, name_space));
    const bool promoted = text(canary, {"status", "phase"}) == to_string(strategies::Phase::Succeeded);
    if (promoted && text(canary, {"status", "successor"}).empty())
      terms.push_back(standing_on(service, name_space));
    return terms;
  }
  terms.emplace_back(kUnfinished);
  terms.push_back(releases_of(service, name_space));
  if (text(canary, {"spec", "service", "mode"}) == "Dedicated")
    terms.push_back(releases_of(dedicated_service_name(service), name_space));
  add_standing(terms, canary, service, name_space);
  add_named(terms, canary, name_space);
  routing::keep_one_of_each(terms);
  return terms;
}

std::vector<std::string> terms_of_deployment(const Json& deployment) {
  Terms terms;
  const auto name_space = kube::metadata_text(deployment, "namespace");
  const auto& labels = field(deployment, {"spec", "template", "metadata", "labels"});
  if (!labels.is_object()) return terms;
  for (const auto& [key, value] : labels.items()) {
    if (value.is_string()) terms.push_back(label(name_space, key, value.get_ref<const std::string&>()));
  }
  return terms;
}

void add_maker(std::vector<std::string>& terms, const Json& object) {
  const auto maker = routing::maker_of(object);
  if (!maker) return;
  terms.emplace_back(kMade);
  terms.push_back(of_canary(maker->uid));
  if (!maker->service.empty())
    terms.push_back(made_for(maker->service, kube::metadata_text(object, "namespace")));
}

std::vector<std::string> terms_of_service(const Json& service) {
  Terms terms;
  add_maker(terms, service);
  const auto& selector = field(service, {"spec", "selector"});
  if (!selector.is_object()) return terms;
  for (const auto& [key, value] : selector.items())
    terms.push_back(labelled_as(Json::object({{key, value}}), kube::metadata_text(service, "namespace")));
  return terms;
}

std::vector<std::string> terms_of_slice(const Json& slice) {
  return {slices_behind(service_of_slice(slice), kube::metadata_text(slice, "namespace"))};
}

std::vector<kube::Key> concerned_by_canary(const kube::Stores& stores, const kube::Change& change) {
  Search search(stores, change);
  search.canary();
  return search.found();
}

std::vector<kube::Key> concerned_by_template(const kube::Stores& stores, const kube::Change& change) {
  Search search(stores, change);
  search.add_naming(kube::kMetricTemplates.plural);
  return search.found();
}

std::vector<kube::Key> concerned_by_deployment(const kube::Stores& stores, const kube::Change& change) {
  Search search(stores, change);
  search.deployment();
  return search.found();
}

std::vector<kube::Key> concerned_by_service(const kube::Stores& stores, const kube::Change& change) {
  Search search(stores, change);
  search.service();
  return search.found();
}

std::vector<kube::Key> concerned_by_slice(const kube::Stores& stores, const kube::Change& change) {
  Search search(stores, change);
  search.endpoint_slice();
  return search.found();
}

std::vector<kube::Key> concerned_by_routing(const routing::Kind& kind, const kube::Stores& stores,
                                            const kube::Change& change) {
  Search search(stores, change);
  search.routed(kind);
  return search.found();
}

}  // namespace weir::reconcile
