// `kubectl weir plan`: what the operator would write for a release, found by running it in a cluster in
// memory.
#pragma once

#include <chrono>
#include <expected>
#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/cli/cli.h"
#include "operator/kube/cluster_domain.h"
#include "operator/offline/yaml.h"
#include "operator/routing/trust.h"

namespace weir::cli {

using base::Json;

inline constexpr std::size_t kMaxPlanFiles = 1000;

// On each planned object.
inline constexpr const char* kStepAnnotation = "weir.dev/step";      // "1", "2" …
inline constexpr const char* kWhyAnnotation = "weir.dev/why";        // a sentence
inline constexpr const char* kActionAnnotation = "weir.dev/action";  // "delete", on an object that is removed

struct Plan {
  // Each object as it is after a write, or was before it was removed, in order and with the annotations
  // above.
  std::vector<Json> writes;
  canary::Canary release;                 // when it is over
  std::chrono::milliseconds duration{0};  // from start to end, if every check passes
  std::vector<std::string> warnings;      // what the operator would warn of
};

// Runs the operator's own reconciler, every check passing, until the release is over. The documents hold one
// Canary with its Service, VirtualServices, DestinationRules, Deployments and MetricTemplates; other kinds
// are left out. The error is a sentence that says why the release can't work, with file and line where a
// field is to blame.
[[nodiscard]] std::expected<Plan, std::string> make_plan(
    const std::vector<offline::Document>& documents, const std::string& name_space,
    std::string_view cluster_domain = kube::kDefaultClusterDomain,
    routing::TrustedNamespaces trusted = routing::trusted_by_default());

[[nodiscard]] int plan(const Arguments& arguments, Console& console);

}  // namespace weir::cli
