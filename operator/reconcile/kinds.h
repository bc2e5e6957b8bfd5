// The kinds of objects that releases are made of: one row a kind, Kubernetes', the operator's own and those
// of every router. What the caches keep, what an object is found by and whom its change concerns stand here.
#pragma once

#include <functional>
#include <vector>

#include "operator/kube/store.h"

namespace weir::reconcile {

struct WatchedKind {
  kube::Kind kind;
  kube::Form form;  // objects are kept trimmed (trim.h), and found by the terms of interest.h
  // Keys of the Canaries that must look again after a change of an object of this kind. A Canary's own change
  // also concerns the others of its Service, if it bears on which of them goes first. Releases that are over
  // are concerned only by themselves, and by what they have made: that should be gone. A key may also be that
  // of orphans (orphans.h).
  std::function<std::vector<kube::Key>(const kube::Stores&, const kube::Change&)> concerned;
};

[[nodiscard]] const std::vector<WatchedKind>& watched_kinds();
// The same, as stores are made from it.
[[nodiscard]] std::vector<kube::KeptKind> kept_kinds();
// The watched kinds, and those that are read or written without.
[[nodiscard]] const std::vector<kube::Kind>& all_kinds();

// How objects of this kind are kept; of one that is not watched only metadata is trimmed.
[[nodiscard]] kube::Form form_of(const kube::Resource& resource);

[[nodiscard]] std::vector<kube::Key> concerned(const kube::Stores& stores, const kube::Resource& resource,
                                               const kube::Change& change);

}  // namespace weir::reconcile
