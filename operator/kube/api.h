// The Kubernetes API as the operator uses it. Implemented by Client (a real API server) and by
// offline::MemoryApi (plans, unit tests, the simulation).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "operator/kube/error.h"
#include "operator/kube/resource.h"

namespace weir::kube {

// Whole objects as the server keeps them; fields that the operator does not know survive.
using Json = nlohmann::json;

// Thread-safe. Every call blocks until it is answered, or until its deadline has passed (Code::Timeout).
class Api {
 public:
  virtual ~Api() = default;

  // GET one object.
  [[nodiscard]] virtual Result<Json> get(const Resource& resource, const Key& key) = 0;

  // GET the collection, all pages. What managedFields say of each field may be left out. `label_selector` as
  // in kubectl ("app=web,version in (v1)"); empty: everything.
  [[nodiscard]] virtual Result<std::vector<Json>> list(const Resource& resource, std::string_view name_space,
                                                       std::string_view label_selector) = 0;

  // POST. `object` carries metadata.namespace and metadata.name (or generateName).
  [[nodiscard]] virtual Result<Json> create(const Resource& resource, const Json& object) = 0;

  // PATCH with the smallest JSON patch that turns `before` into `after`, on condition that the object still
  // has `before`'s resourceVersion (else Code::Conflict). Nothing is sent if they are equal.
  [[nodiscard]] virtual Result<Json> update(const Resource& resource, const Json& before,
                                            const Json& after) = 0;

  // The same on the status subresource; only `status` is taken from `after`.
  [[nodiscard]] virtual Result<Json> update_status(const Resource& resource, const Json& before,
                                                   const Json& after) = 0;

  // DELETE, on condition that the object still has `object`'s uid and resourceVersion (else Code::Conflict).
  // An object that is gone already is a success. Dependents are collected in the background.
  [[nodiscard]] virtual Result<void> remove(const Resource& resource, const Json& object) = 0;
};

}  // namespace weir::kube
