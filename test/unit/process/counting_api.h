// An API that notes every request that reaches it: "patch VirtualService".
#pragma once

#include <map>
#include <string>
#include <vector>

#include "operator/kube/api.h"

namespace weir::process {

class CountingApi final : public kube::Api {
 public:
  using Json = kube::Json;
  explicit CountingApi(kube::Api& api) : api_(api) {}

  std::map<std::string, int> requests;
  [[nodiscard]] int count() const {
    int sum = 0;
    for (const auto& [what, times] : requests) sum += times;
    return sum;
  }

  kube::Result<Json> get(const kube::Resource& resource, const kube::Key& key) override {
    note("get", resource);
    return api_.get(resource, key);
  }
  kube::Result<std::vector<Json>> list(const kube::Resource& resource, std::string_view name_space,
                                       std::string_view labels) override {
    note("list", resource);
    return api_.list(resource, name_space, labels);
  }
  kube::Result<Json> create(const kube::Resource& resource, const Json& object) override {
    note("create", resource);
    return api_.create(resource, object);
  }
  kube::Result<Json> update(const kube::Resource& resource, const Json& before, const Json& after) override {
    if (before != after) note("patch", resource);
    return api_.update(resource, before, after);
  }
  kube::Result<Json> update_status(const kube::Resource& resource, const Json& before,
                                   const Json& after) override {
    if (before != after) note("patch status of", resource);
    return api_.update_status(resource, before, after);
  }
  kube::Result<void> remove(const kube::Resource& resource, const Json& object) override {
    note("delete", resource);
    return api_.remove(resource, object);
  }

 private:
  void note(const std::string& verb, const kube::Resource& resource) {
    ++requests[verb + " " + std::string(resource.kind)];
  }

  kube::Api& api_;
};

}  // namespace weir::process
