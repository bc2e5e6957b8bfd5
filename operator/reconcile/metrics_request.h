// What the analyst is asked of a release: its metrics with their MetricTemplates filled in.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/canary/canary.h"
#include "operator/kube/store.h"
#include "operator/reconcile/analyst.h"
#include "operator/routing/trust.h"

namespace weir::reconcile {

// Gives the question the Canary's metrics, each with what its MetricTemplate says, if it names one, and where
// its credentials are kept. Where `obstacle_to` names an obstacle, the metric's `problem` says so.
void add_metrics(Question& question, const canary::Canary& canary, const kube::Store& templates,
                 bool cross_namespace);

// What keeps the metric from being asked: its MetricTemplate, or a query that names what nobody defines.
// Empty: nothing.
[[nodiscard]] std::optional<strategies::Obstacle> obstacle_to(const canary::MetricSpec& metric,
                                                              const std::string& name_space,
                                                              const kube::Store& templates,
                                                              bool cross_namespace);

// Why nobody can count what proxies send to each version of the release; empty: somebody can.
[[nodiscard]] std::string why_uncountable(const canary::Canary& canary,
                                          const strategies::Abilities& abilities);

// What tells a question from others (Question::same_as). It has no metrics yet. `trusted`: namespaces beside
// the Canary's whose proxies hold it.
[[nodiscard]] Question question_of(const canary::Canary& canary, const strategies::CheckRequest& request,
                                   const routing::TrustedNamespaces& trusted);

}  // namespace weir::reconcile
