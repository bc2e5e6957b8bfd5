// Any JSON as VirtualServices and DestinationRules: a release refuses them, or divides them and puts them
// back as they were.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "operator/routing/istio/istio.h"
#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

using routing::Objects;
using strategies::RouteRecord;
using strategies::Weight;

constexpr std::initializer_list<const char*> kKinds{"http", "tcp", "tls"};

routing::Target target_of(const Json& input) {
  const auto& asked = member(input, "target");
  routing::Target target;
  target.name_space = "shop";
  target.service = "checkout";
  target.traffic_host = flag(asked, "dedicated") ? "checkout-weir" : "checkout";
  target.version_label = text(asked, "versionLabel", "version");
  target.stable_version = text(asked, "stable", "v1");
  target.candidate_version = text(asked, "candidate", "v2");
  target.settings["subsets"]["stable"] = text(asked, "stableSubset", "");
  target.settings["subsets"]["candidate"] = text(asked, "candidateSubset", "");
  target.settings["destinationRule"] = text(asked, "destinationRule", "");
  if (const auto name = text(asked, "virtualService", ""); !name.empty())
    target.settings["virtualServices"].push_back({{"name", name}, {"routes", Json::array()}});
  target.maker = {.canary = "checkout-v2", .uid = "u-1", .service = "checkout"};
  for (const auto& record : member(input, "records"))
    target.records.push_back(
        {text(record, "object", ""), text(record, "key", ""), text(record, "original", "")});
  return target;
}

// Names are unique in a namespace, as they are in a cluster.
Objects objects_of(const Json& input) {
  Objects objects;
  for (const auto& raw : member(input, "objects")) {
    auto object = as_served(raw);
    const auto kind = text(object, "kind", "");
    auto& all =
        kind == "DestinationRule" ? objects.of(kube::kDestinationRules) : objects.of(kube::kVirtualServices);
    if (kind != "DestinationRule" && kind != "VirtualService") continue;
    const auto& metadata = member(object, "metadata");
    if (text(metadata, "name", "").empty() || text(metadata, "namespace", "").empty()) continue;
    const bool taken = std::ranges::any_of(all, [&](const Json& other) {
      return member(member(other, "metadata"), "name") == member(metadata, "name") &&
             member(member(other, "metadata"), "namespace") == member(metadata, "namespace");
    });
    if (!taken) all.push_back(std::move(object));
  }
  return objects;
}

std::string text_of(const Objects& objects) {
  return Json{{"virtualServices", objects.of(kube::kVirtualServices)},
              {"destinationRules", objects.of(kube::kDestinationRules)}}
      .dump();
}

// Weights as Istio reads them; empty if one of them is no weight.
std::optional<std::int64_t> sum_of(const Json& entries) {
  std::int64_t sum = 0;
  for (const auto& entry : entries) {
    const auto& weight = member(entry, "weight");
    if (!weight.is_null() && !weight.is_number_integer()) return std::nullopt;
    const auto value = weight.is_null() ? 0 : weight.get<std::int64_t>();
    if (value < 0 || value > 10'000) return std::nullopt;
    sum += value;
  }
  return entries.size() == 1 && sum == 0 ? 100 : sum;
}

// Everything but the destinations' weights and subsets: what no step of a release changes for good.
Json without_versions(Json object) {
  for (const auto* kind : kKinds) {
    if (!member(member(object, "spec"), kind).is_array()) continue;
    for (auto& route : object["spec"][kind]) {
      if (!member(route, "route").is_array()) continue;
      for (auto& entry : route["route"]) {
        if (member(entry, "destination").is_object()) entry["destination"].erase("subset");
      }
    }
  }
  return object;
}

// A release's own reading and writing, as the reconciler does it.
class Cluster {
 public:
  explicit Cluster(const Json& input) : target_(target_of(input)), objects_(objects_of(input)) {}

  [[nodiscard]] routing::Router::Reading read() const { return router_.read(target_, objects_); }
  [[nodiscard]] const Objects& objects() const { return objects_; }
  [[nodiscard]] bool begun() const { return !target_.records.empty(); }

  // Each says how much it wrote; empty: it was refused.
  using Written = std::optional<std::size_t>;
  Written ensure() {
    if (const auto foundation = read().foundation) remember(foundation->found);
    return apply(router_.prepare(target_, objects_));
  }
  Written route(Weight weight) {
    if (const auto routes = read().routes) remember(routes->found);
    return apply(router_.route(target_, objects_, {weight}));
  }
  Written move() { return apply(router_.move_pinned(target_, objects_)); }
  Written restore(bool promoted) { return apply(router_.restore(target_, objects_, promoted)); }
  Written remove(bool promoted) { return apply(router_.clean_up(target_, objects_, promoted)); }

 private:
  void remember(const std::vector<RouteRecord>& found) {
    for (const auto& record : found) {
      const auto same = std::ranges::find_if(target_.records, [&](const RouteRecord& known) {
        return known.object == record.object && known.key == record.key;
      });
      if (same == target_.records.end()) {
        target_.records.push_back(record);
      } else {
        *same = record;
      }
    }
  }

  Written apply(const routing::Writes& writes) {
    if (!writes) {
      require(!writes.error().message.empty(), "a refusal is a sentence");
      return std::nullopt;
    }
    for (const auto& write : *writes) {
      require(write.before != write.after, "a write changes something");
      auto& all = objects_.of(write.kind);
      if (write.before.is_null()) {
        all.push_back(write.after);
        continue;
      }
      const auto place = std::ranges::find(all, write.before);
      require(place != all.end(), "a write starts from an object that is there: " + write.before.dump());
      if (write.after.is_null()) {
        all.erase(place);
      } else {
        *place = write.after;
      }
    }
    return writes->size();
  }

  routing::Target target_;
  Objects objects_;
  routing::IstioRouter router_;
};

// The weights of each route add up to what they did, or to another multiple of an owner's 100, and none is
// out of range.
void check_sums(const Objects& before, const Objects& after) {
  require(before.of(kube::kVirtualServices).size() == after.of(kube::kVirtualServices).size(),
          "no VirtualService comes or goes");
  for (std::size_t i = 0; i < after.of(kube::kVirtualServices).size(); ++i) {
    const auto& old = before.of(kube::kVirtualServices)[i];
    const auto& now = after.of(kube::kVirtualServices)[i];
    if (old == now) continue;
    for (const auto* kind : kKinds) {
      const auto& routes = member(member(now, "spec"), kind);
      if (!routes.is_array()) continue;
      for (std::size_t at = 0; at < routes.size(); ++at) {
        const auto& entries = member(routes[at], "route");
        const auto& original = member(member(member(old, "spec"), kind)[at], "route");
        if (entries == original) continue;
        const auto sum = sum_of(entries);
        require(sum.has_value(), "weights are whole numbers: " + entries.dump());
        require(sum == sum_of(original) || (sum > 0 && *sum % 100 == 0),
                "weights add up to what they did, or to a multiple of 100: " + entries.dump());
      }
    }
  }
}

void divide(Cluster& cluster, Weight weight) {
  const auto before = cluster.objects();
  require(cluster.route(weight).has_value(), "what is not refused can be divided");
  check_sums(before, cluster.objects());
  const auto routes = cluster.read().routes;
  require(routes && routes->at(weight), "the routes are at the weight: " + text_of(cluster.objects()));
  require(cluster.route(weight) == 0, "dividing again writes nothing: " + text_of(cluster.objects()));
}

// Route, then restore, is the identity.
void check_rollback(Cluster cluster, Weight one, Weight two) {
  const auto before = text_of(cluster.objects());
  require(cluster.ensure().has_value(), "what is not refused gets its subsets");
  const auto subsets = cluster.read().foundation;
  require(subsets && subsets->present, "the subsets are there: " + text_of(cluster.objects()));
  divide(cluster, one);
  divide(cluster, two);
  require(cluster.restore(false).has_value() && cluster.remove(false).has_value(), "it is put back");
  require(text_of(cluster.objects()) == before, "it is as it was: " + text_of(cluster.objects()));
}

void check_promotion(Cluster cluster) {
  const auto before = cluster.objects();
  (void)cluster.ensure();
  divide(cluster, Weight::all());
  require(cluster.move().has_value() && cluster.restore(true).has_value() && cluster.remove(true).has_value(),
          "it is put back");
  const auto after = cluster.objects();
  for (std::size_t i = 0; i < after.of(kube::kVirtualServices).size(); ++i) {
    require(without_versions(after.of(kube::kVirtualServices)[i]) ==
                without_versions(before.of(kube::kVirtualServices)[i]),
            "only the version differs: " + after.of(kube::kVirtualServices)[i].dump());
  }
  (void)cluster.restore(true);
  (void)cluster.remove(true);
  require(text_of(cluster.objects()) == text_of(after), "putting back again changes nothing");
}

// Objects that a release refuses are still read and written if it has begun: nothing of it may throw.
void walk(Cluster cluster, Weight weight) {
  (void)cluster.ensure();
  (void)cluster.route(weight);
  (void)cluster.move();
  (void)cluster.route(Weight::none());
  (void)cluster.read();
  (void)cluster.restore(weight == Weight::all());
  (void)cluster.remove(weight == Weight::all());
  (void)cluster.read();
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto input = fuzz::parse_json(fuzz::text_of(data, size));
  if (!input.is_object()) return 0;
  const fuzz::Cluster cluster(input);
  const auto one =
      strategies::Weight::of(fuzz::integer(input, "one", 10)).value_or(strategies::Weight::none());
  const auto two =
      strategies::Weight::of(fuzz::integer(input, "two", 50)).value_or(strategies::Weight::all());
  fuzz::walk(cluster, one);
  const auto reading = cluster.read();
  // A rule that a release made is no owner's: it goes when the release is over.
  const bool made = reading.foundation && reading.foundation->added;
  if (cluster.begun() || made || !reading.refusals.empty() || !reading.routes) return 0;
  fuzz::check_rollback(cluster, one, two);
  fuzz::check_promotion(cluster);
  return 0;
}
