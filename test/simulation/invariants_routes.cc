#include "test/simulation/invariants_routes.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "operator/kube/object.h"
#include "test/simulation/invariants_lists.h"

namespace weir::simulation::checks {
namespace {

// No owner's weight is above 100, and a hundredth of it is the least part that anybody asks for.
constexpr int kMostWeight = 10'000;
constexpr int kAll = 10'000;  // of a route's traffic, in parts of a Share

// As Istio reads hosts of objects of the Service's namespace.
bool names_host(std::string_view host, const std::string& service, const Known& known) {
  return host == service || host == service + "." + known.name_space() + ".svc." + known.domain();
}

Json without_destinations(const Json& object) {
  Json spec = object.at("spec");
  for (const char* kind : kKinds) {
    if (!spec.contains(kind)) continue;
    for (auto& route : spec[kind]) route.erase("route");
  }
  return spec;
}

// All but weight, subset and, where the traffic has a Service of its own, host.
Json rest_of(Json destination) {
  destination.erase("weight");
  if (destination.contains("destination")) {
    destination["destination"].erase("subset");
    destination["destination"].erase("host");
  }
  return destination;
}

// One list of destinations against its owner's.
class Comparison {
 public:
  Comparison(const Reader& reader, const Json& owners, const Json& written, Stage stage, bool exact)
      : reader_(reader),
        owners_(owners),
        written_(written),
        stage_(stage),
        exact_(exact),
        owner_weights_(Reader::weights(owners)),
        weights_(Reader::weights(written)) {}

  std::string run() {
    for (std::size_t i = 0; i < written_.size(); ++i) {
      if (weights_[i] < 0) return "weight " + written_[i].dump() + " is not a whole number";
      if (host_of(written_[i]).empty()) return "a destination names no host: " + written_[i].dump();
    }
    const int sum = std::accumulate(weights_.begin(), weights_.end(), 0);
    const int owners_sum = std::accumulate(owner_weights_.begin(), owner_weights_.end(), 0);
    if (sum != owners_sum && (owners_sum <= 0 || sum <= 0 || sum % owners_sum != 0))
      return fmt::format("the weights sum to {} instead of {}", sum, owners_sum);
    scale_ = sum == owners_sum ? 1 : sum / owners_sum;
    if (scale_ > 1 && stage_ != Stage::During)
      return fmt::format("the weights sum to {}: they are not put back to {}", sum, owners_sum);
    std::size_t at = 0;
    for (std::size_t i = 0; i < owners_.size(); ++i) {
      if (stage_ == Stage::During && is_pair(i, at)) {
        at += 2;
      } else if (at < written_.size() && is_same(i, at)) {
        ++at;
      } else {
        return fmt::format("{} stands where its owner wrote {}",
                           at < written_.size() ? written_[at].dump() : "nothing", owners_[i].dump());
      }
    }
    if (at == written_.size()) return {};
    return "a destination was added: " + written_[at].dump();
  }

 private:
  [[nodiscard]] bool is_ours(std::size_t i) const {
    return reader_.goes(owners_[i]) != Reader::Goes::Elsewhere;
  }
  [[nodiscard]] bool is_pair(std::size_t i, std::size_t at) const {
    return at + 1 < written_.size() && is_ours(i) && reader_.goes(written_[at]) == Reader::Goes::Stable &&
           reader_.goes(written_[at + 1]) == Reader::Goes::Candidate &&
           weights_[at] + weights_[at + 1] == owner_weights_[i] * scale_ &&
           rest_of(written_[at]) == rest_of(owners_[i]) && rest_of(written_[at + 1]) == rest_of(owners_[i]);
  }
  [[nodiscard]] bool is_same(std::size_t i, std::size_t at) const {
    if (scale_ == 1 && written_[at] == owners_[i]) return true;
    // A weight that no multiple changes stays as it is written.
    const bool untouched = exact_ && (scale_ == 1 || owner_weights_[i] == 0);
    const bool same_weight = untouched ? member(written_[at], "/weight") == member(owners_[i], "/weight")
                                       : weights_[at] == owner_weights_[i] * scale_;
    if (!same_weight) return false;
    if (without(written_[at], "weight") == without(owners_[i], "weight")) return true;
    // What was pinned moves with the promotion, to a subset of the candidate's.
    return stage_ != Stage::Returned && is_ours(i) && !subset_of(owners_[i]).empty() &&
           host_of(written_[at]) == host_of(owners_[i]) && rest_of(written_[at]) == rest_of(owners_[i]) &&
           reader_.goes(written_[at]) == Reader::Goes::Candidate;
  }

  const Reader& reader_;
  const Json& owners_;
  const Json& written_;
  const Stage stage_;
  const bool exact_;
  const std::vector<int> owner_weights_, weights_;
  int scale_ = 1;  // while the route is divided: the owner's weights may be multiplied
};

}  // namespace

Reader::Reader(const Known& known, const Release& release) : known_(known), release_(release) {
  for (const auto& [name, rule] : known.rules()) {
    if (rule.object.is_null()) continue;
    const auto host = text(rule.object, "/spec/host");
    for (auto [service, into] : {std::pair{release.service, &own_}, {release.traffic_service(), &traffic_}}) {
      if (!names_host(host, service, known)) continue;
      for (const auto& subset : list_of(rule.object, "subsets"))
        (*into)[text(subset, "/name")] = version_in(subset, release.label);
    }
  }
}

Reader::Goes Reader::goes(const Json& destination) const {
  const auto host = host_of(destination);
  const bool traffic = names_host(host, release_.traffic_service(), known_);
  if (!traffic && !names_host(host, release_.service, known_)) return Goes::Elsewhere;
  const auto subset = subset_of(destination);
  if (subset.empty()) return Goes::BySelector;
  const auto& subsets = traffic ? traffic_ : own_;
  const auto found = subsets.find(subset);
  // A subset that no rule defines any more means what the release calls so.
  auto version = found == subsets.end() ? known_.version_called(subset) : found->second;
  if (found == subsets.end() && subset == release_.stable_subset) version = release_.stable_version;
  if (found == subsets.end() && subset == release_.candidate_subset) version = release_.candidate_version;
  if (version == release_.stable_version) return Goes::Stable;
  return version == release_.candidate_version ? Goes::Candidate : Goes::Other;
}

bool Reader::has_subset(const Json& destination) const {
  const auto host = host_of(destination);
  const bool traffic = names_host(host, release_.traffic_service(), known_);
  if (!traffic && !names_host(host, release_.service, known_)) return false;
  return (traffic ? traffic_ : own_).contains(subset_of(destination));
}

std::vector<int> Reader::weights(const Json& destinations) {
  std::vector<int> weights;
  for (const auto& destination : destinations) {
    const auto& weight = member(destination, "/weight");
    const bool only_one = destinations.size() == 1;
    if (weight.is_null()) {
      weights.push_back(only_one ? 100 : 0);
    } else if (!weight.is_number_integer() || weight < 0 || weight > kMostWeight) {
      weights.push_back(-1);
    } else {
      weights.push_back(only_one && weight == 0 ? 100 : weight.get<int>());
    }
  }
  return weights;
}

std::vector<Share> Reader::shares(const Json& virtual_service, Selects selects) const {
  std::vector<Share> shares;
  if (virtual_service.is_null()) return shares;
  const auto name = kube::metadata_text(virtual_service, "name");
  for (const char* kind : kKinds) {
    const auto& routes = list_of(virtual_service, kind);
    for (std::size_t i = 0; i < routes.size(); ++i) {
      if (!manages(name, kind, routes[i])) continue;
      Share share{.route = fmt::format("VirtualService {} spec.{}[{}]", name, kind, i)};
      const auto& destinations = destinations_of(routes[i]);
      const auto given = weights(destinations);
      const auto sum = std::accumulate(given.begin(), given.end(), 0,
                                       [](int all, int weight) { return all + std::max(weight, 0); });
      bool ours = false;
      for (std::size_t j = 0; j < destinations.size(); ++j) {
        const auto goes = this->goes(destinations[j]);
        if (goes == Goes::Elsewhere) continue;
        ours = true;
        const int weight = std::max(given[j], 0);
        share.whole += weight;
        if (goes == Goes::Stable) share.stable_pinned += weight;
        if (goes == Goes::Candidate) share.candidate_pinned += weight;
        if (goes != Goes::BySelector) continue;
        if (selects == Selects::Stable || selects == Selects::Both) share.stable += weight;
        if (selects == Selects::Candidate || selects == Selects::Both) share.candidate += weight;
      }
      share.stable += share.stable_pinned;
      share.candidate += share.candidate_pinned;
      for (int* part :
           {&share.whole, &share.stable, &share.candidate, &share.stable_pinned, &share.candidate_pinned})
        *part = sum == 0 ? 0 : static_cast<int>(std::int64_t{*part} * kAll / sum);
      if (ours) shares.push_back(std::move(share));
    }
  }
  return shares;
}

bool Reader::manages(const std::string& virtual_service, const char* kind, const Json& route) const {
  if (release_.managed.empty()) return true;
  const auto found = release_.managed.find(virtual_service);
  if (found == release_.managed.end()) return false;
  return found->second.empty() ||
         (std::string_view(kind) == "http" && found->second.contains(text(route, "/name")));
}

Selects Reader::selects(const Json& service) const {
  if (service.is_null()) return Selects::Nothing;
  const auto& selector = member(service, "/spec/selector");
  const auto found = selector.find(release_.label);
  if (!selector.is_object() || found == selector.end()) return Selects::Both;
  if (*found == release_.stable_version) return Selects::Stable;
  return *found == release_.candidate_version ? Selects::Candidate : Selects::Nothing;
}

Selects Reader::selects() const {
  const auto* service = known_.service_object();
  return service == nullptr ? Selects::Nothing : selects(service->object);
}

std::string route_difference(const Reader& reader, const std::string& name, const Edited& owner,
                             const Json& written, Stage stage) {
  if (owner.unclear || owner.owners.is_null() || written.is_null()) return {};
  if (without_destinations(owner.owners) != without_destinations(written)) {
    return "VirtualService " + name + " differs from its owner's version in more than destinations";
  }
  for (const char* kind : kKinds) {
    const auto& routes = list_of(written, kind);
    const auto& owners = list_of(owner.owners, kind);
    for (std::size_t i = 0; i < routes.size(); ++i) {
      const auto& own = destinations_of(owners[i]);
      const auto& now = destinations_of(routes[i]);
      if (own == now) continue;
      std::string difference = "it is not managed by the release";
      if (reader.manages(name, kind, routes[i])) {
        difference = Comparison(reader, own, now, stage, owner.as_given).run();
      }
      if (!difference.empty())
        return fmt::format("VirtualService {} spec.{}[{}].route: {}", name, kind, i, difference);
    }
  }
  return {};
}

std::string rule_difference(const Release& release, const Edited& owner, const Json& written, Stage stage) {
  if (owner.owners.is_null() || written.is_null()) return {};
  const auto name = kube::metadata_text(written, "name");
  if (without(owner.owners.at("spec"), "subsets") != without(written.at("spec"), "subsets"))
    return "DestinationRule " + name + " differs from its owner's version in more than subsets";
  const auto versions = std::set{release.stable_version, release.candidate_version};
  const auto& owners = list_of(owner.owners, "subsets");
  const auto& subsets = list_of(written, "subsets");
  std::size_t at = 0;
  for (const auto& own : owners) {
    Json moved = own;
    const bool of_stable = version_in(own, release.label) == release.stable_version;
    if (of_stable) moved["labels"][release.label] = release.candidate_version;
    const auto is_kept = [&](const Json& subset) {
      if (subset == own) return true;
      if (stage == Stage::Returned || !of_stable) return false;
      // Under its own name, or, if that is the version's, under the new version's.
      return without(subset, "name") == without(moved, "name") &&
             (text(subset, "/name") == text(own, "/name") || text(own, "/name") == release.stable_version);
    };
    while (at < subsets.size() && !is_kept(subsets[at])) {
      const bool added = stage == Stage::During && versions.contains(version_in(subsets[at], release.label));
      if (!added)
        return fmt::format("DestinationRule {} has subset {} where its owner wrote {}", name,
                           subsets[at].dump(), own.dump());
      ++at;
    }
    if (at == subsets.size())
      return fmt::format("DestinationRule {} lost its owner's subset {}", name, own.dump());
    ++at;
  }
  for (; at < subsets.size(); ++at) {
    const bool added = stage == Stage::During && versions.contains(version_in(subsets[at], release.label)) &&
                       member(subsets[at], "/labels").size() == 1;
    if (!added) return fmt::format("DestinationRule {} has subset {} too much", name, subsets[at].dump());
  }
  const bool same_form =
      member(owner.owners, "/spec/subsets").is_array() == member(written, "/spec/subsets").is_array();
  if (stage != Stage::During && !same_form && owner.as_given)
    return "DestinationRule " + name + " has spec.subsets where its owner wrote none, or lost it";
  return {};
}

}  // namespace weir::simulation::checks
