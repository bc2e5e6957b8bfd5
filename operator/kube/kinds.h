// How the API server has the kinds of objects: one row a kind.
#pragma once

#include <array>
#include <map>
#include <mutex>
#include <span>
#include <string_view>
#include <utility>

#include "operator/kube/resource.h"

namespace weir::kube {

struct Kind {
  Resource resource;        // names the kind everywhere; its version is the one that is asked for first
  bool has_status = false;  // as a subresource: a write of the object leaves the status alone
  // Its definition may be missing: then there are no objects of it, and nothing waits for them.
  bool optional = false;
  // Other versions of an optional kind that will do, best first. They outlive the row.
  std::span<const std::string_view> other_versions;
};

// Kinds of Kubernetes that are read or written, and not kept by what a watch brings.
inline constexpr std::array kUnwatchedKinds{Kind{.resource = kPods, .has_status = true},
                                            Kind{.resource = kSecrets}, Kind{.resource = kEvents},
                                            Kind{.resource = kLeases}};

// In which version each kind is asked for. Thread-safe.
class ServedVersions {
 public:
  // The kind with the version that was found last; as it is if none was.
  [[nodiscard]] Resource served(const Resource& resource) const;
  // `version` must outlive this object.
  void found(const Resource& resource, std::string_view version);

 private:
  using Name = std::pair<std::string_view, std::string_view>;  // group and plural
  mutable std::mutex mutex_;
  std::map<Name, std::string_view> versions_;
};

}  // namespace weir::kube
