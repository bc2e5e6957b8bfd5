// Objects under release, as the reconciler would keep them: writes are applied, originals recorded before
// they change.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "operator/routing/istio/istio.h"

namespace weir::routing {

inline Json virtual_service(const std::string& name, Json spec, const std::string& name_space = "shop") {
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "VirtualService"},
          {"metadata", {{"name", name}, {"namespace", name_space}}},
          {"spec", std::move(spec)}};
}

inline Json destination_rule(const std::string& name, Json spec, const std::string& name_space = "shop") {
  return {{"apiVersion", "networking.istio.io/v1"},
          {"kind", "DestinationRule"},
          {"metadata", {{"name", name}, {"namespace", name_space}}},
          {"spec", std::move(spec)}};
}

// An http VirtualService for clients in the mesh.
inline Json simple(Json routes) {
  return virtual_service("checkout", {{"hosts", {"checkout"}}, {"http", std::move(routes)}});
}

inline Json to(const std::string& host, const std::string& subset = {}) {
  Json destination{{"host", host}};
  if (!subset.empty()) destination["subset"] = subset;
  return {{"destination", std::move(destination)}};
}

inline Json to(const std::string& host, const std::string& subset, int weight) {
  auto entry = to(host, subset);
  entry["weight"] = weight;
  return entry;
}

inline Json subset(const std::string& name, const std::string& version) {
  return {{"name", name}, {"labels", {{"version", version}}}};
}

inline Target placeholder() {
  Target target;
  target.name_space = "shop";
  target.service = "checkout";
  target.traffic_host = "checkout";
  target.version_label = "version";
  target.stable_version = "v1";
  target.candidate_version = "v2";
  target.maker = {.canary = "checkout-v2", .uid = "u-1", .service = "checkout"};
  return target;
}

inline Target dedicated_mode() {
  auto target = placeholder();
  target.traffic_host = "checkout-weir";
  return target;
}

inline strategies::Weight percent(int value) { return *strategies::Weight::of(value); }

// The names of those that are of this kind.
inline std::vector<std::string> names_of(const std::vector<ObjectName>& objects, const kube::Resource& kind) {
  std::vector<std::string> names;
  for (const auto& object : objects) {
    if (object.kind == kind) names.push_back(object.name);
  }
  return names;
}

class World {
 public:
  explicit World(Target of) : target(std::move(of)) {}
  World& with(Json object) {
    objects.of(object["kind"] == "VirtualService" ? kube::kVirtualServices : kube::kDestinationRules)
        .push_back(std::move(object));
    return *this;
  }

  [[nodiscard]] std::vector<std::string> managed() const {
    return names_of(read().route_objects, kube::kVirtualServices);
  }
  [[nodiscard]] Router::Reading read() const { return router.read(target, objects); }

  int ensure() {
    if (const auto foundation = read().foundation) remember(foundation->found);
    return apply(router.prepare(target, objects));
  }
  int route(int weight) {
    if (const auto routes = read().routes) remember(routes->found);
    return apply(router.route(target, objects, {percent(weight)}));
  }
  int restore(bool promoted = false) { return apply(router.restore(target, objects, promoted)); }
  int move_pinned() { return apply(router.move_pinned(target, objects)); }
  int remove(bool promoted = false) { return apply(router.clean_up(target, objects, promoted)); }

  // The whole of a release that ends so.
  void begin() {
    ensure();
    route(0);
  }
  void finish(bool promoted) {
    if (promoted) {
      route(100);
      move_pinned();
    } else {
      route(0);
    }
    restore(promoted);
    remove(promoted);
  }

  [[nodiscard]] const Json& route_of(std::size_t index = 0, const char* kind = "http") const {
    return objects.of(kube::kVirtualServices).at(0)["spec"][kind][index]["route"];
  }
  Json& entries(std::size_t index = 0) {
    return objects.of(kube::kVirtualServices).at(0)["spec"]["http"][index]["route"];
  }
  Json& rule(std::size_t index = 0) { return objects.of(kube::kDestinationRules).at(index); }
  [[nodiscard]] Json subsets() const {
    return objects.of(kube::kDestinationRules).at(0)["spec"].value("subsets", Json());
  }

  Target target;
  Objects objects;
  IstioRouter router;

 private:
  void remember(const std::vector<strategies::RouteRecord>& found) {
    for (const auto& record : found) {
      const auto same = std::ranges::find_if(target.records, [&](const auto& known) {
        return known.object == record.object && known.key == record.key;
      });
      if (same == target.records.end()) {
        target.records.push_back(record);
      } else {
        *same = record;
      }
    }
  }

  int apply(const Writes& writes) {
    EXPECT_TRUE(writes.has_value()) << (writes ? "" : writes.error().message);
    if (!writes) return -1;
    for (const auto& write : *writes) {
      auto& all = objects.of(write.kind);
      EXPECT_NE(write.before, write.after);
      if (write.before.is_null()) {
        all.push_back(write.after);
        continue;
      }
      const auto place = std::ranges::find(all, write.before);
      EXPECT_NE(place, all.end()) << "a write of what nobody has: " << write.before.dump(2);
      if (write.after.is_null()) {
        all.erase(place);
      } else {
        *place = write.after;
      }
    }
    return static_cast<int>(writes->size());
  }
};

inline std::string text_of(const Objects& objects) {
  std::string text;
  for (const auto& object : objects.of(kube::kVirtualServices)) text += object.dump(1) + "\n";
  for (const auto& object : objects.of(kube::kServices)) text += object.dump(1) + "\n";
  for (const auto& object : objects.of(kube::kDestinationRules)) text += object.dump(1) + "\n";
  return text;
}

}  // namespace weir::routing
