// An API in memory whose every change is mirrored into stores.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/object.h"
#include "operator/kube/store.h"
#include "operator/offline/memory_api.h"
#include "operator/reconcile/kinds.h"

namespace weir::offline {

// Every kind, kept as it comes.
inline std::vector<kube::KeptKind> whole_objects() {
  auto kinds = reconcile::kept_kinds();
  for (auto& kept : kinds) kept.form = {};
  return kinds;
}

class MemoryApiTest : public testing::Test {
 protected:
  Json current(const kube::Resource& resource, const std::string& name) {
    return api.get(resource, {"shop", name}).value();
  }
  static std::string version(const Json& object) { return kube::metadata_text(object, "resourceVersion"); }
  static Json with_spec(Json object, const Json& spec) {
    object["spec"] = spec;
    return object;
  }

  base::VirtualClock clock;
  kube::Stores stores{whole_objects()};
  MemoryApi api{clock, &stores};
};

}  // namespace weir::offline
