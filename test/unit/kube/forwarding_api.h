// An API that passes every request on to another one: what derives from it says what it does otherwise.
#pragma once

#include <string_view>
#include <vector>

#include "operator/kube/api.h"

namespace weir::kube {

class ForwardingApi : public Api {
 public:
  // Borrows `api`.
  explicit ForwardingApi(Api& api) : api_(api) {}

  Result<Json> get(const Resource& resource, const Key& key) override { return api_.get(resource, key); }
  Result<std::vector<Json>> list(const Resource& resource, std::string_view name_space,
                                 std::string_view label_selector) override {
    return api_.list(resource, name_space, label_selector);
  }
  Result<Json> create(const Resource& resource, const Json& object) override {
    return api_.create(resource, object);
  }
  Result<Json> update(const Resource& resource, const Json& before, const Json& after) override {
    return api_.update(resource, before, after);
  }
  Result<Json> update_status(const Resource& resource, const Json& before, const Json& after) override {
    return api_.update_status(resource, before, after);
  }
  Result<void> remove(const Resource& resource, const Json& object) override {
    return api_.remove(resource, object);
  }

 private:
  Api& api_;
};

}  // namespace weir::kube
