#include "operator/reconcile/metrics_request.h"

#include <algorithm>
#include <utility>

#include "analysis/built_in.h"
#include "operator/reconcile/services.h"
#include "strategies/context.h"

namespace weir::reconcile {
std::optional<strategies::Obstacle> obstacle_to(const canary::MetricSpec& metric,
                                                const std::string& name_space, const kube::Store& templates,
                                                bool cross_namespace) {
  const auto& name = metric.metric.name;
  const auto obstacle = [](std::string reason, std::string message) {
    return strategies::Obstacle{std::string(strategies::kProgressing), std::move(reason), std::move(message)};
  };
  if (metric.template_name.empty()) {
    const auto checked = canary::check_query(metric);
    if (checked) return std::nullopt;
    return obstacle("QueryNotUsable", "metric " + name + ": " + checked.error());
  }
  const auto& space = metric.template_namespace.empty() ? name_space : metric.template_namespace;
  if (space != name_space && !cross_namespace) {
    return obstacle("CrossNamespaceReference", "metric " + name + " names a MetricTemplate of namespace " +
                                                   space + ": accepted are those of namespace " + name_space);
  }
  const auto what = "MetricTemplate " + metric.template_name + " of metric " + name;
  const auto stored = templates.get({space, metric.template_name});
  if (!stored) return obstacle("MetricTemplateNotFound", what + " does not exist in namespace " + space);
  const auto parsed = canary::parse_template(*stored->object);
  if (!parsed) return obstacle("MetricTemplateNotUsable", what + ": " + parsed.error().message);
  const auto checked = canary::check_query(metric, &*parsed);
  if (checked) return std::nullopt;
  return obstacle("MetricTemplateNotUsable", what + ": " + checked.error());
}

void add_metrics(Question& question, const canary::Canary& canary, const kube::Store& templates,
                 bool cross_namespace) {
  auto& metrics = question.metrics;
  metrics.reserve(canary.metrics.size());
  for (const auto& wanted : canary.metrics) {
    auto& metric = metrics.emplace_back(wanted.metric);
    // Edited in mid-release: it is not asked, and the others are.
    if (const auto obstacle = obstacle_to(wanted, canary.name_space, templates, cross_namespace)) {
      metric.problem = obstacle->message;
      continue;
    }
    if (wanted.template_name.empty()) continue;
    const auto& space = wanted.template_namespace.empty() ? canary.name_space : wanted.template_namespace;
    const auto stored = templates.get({space, wanted.template_name});
    if (!stored) continue;
    const auto found = canary::parse_template(*stored->object);
    if (!found) continue;
    metric.provider = found->provider;
    metric.query = found->query;
    metric.address = found->address;
    metric.headers = found->headers;
    metric.tls.insecure_skip_verify = found->insecure_skip_verify;
    if (!found->secret.empty()) {
      question.credentials.push_back({.metric = metrics.size() - 1,
                                      .secret = {space, found->secret},
                                      .template_name = wanted.template_name});
    }
  }
}

std::string why_uncountable(const canary::Canary& canary, const strategies::Abilities& abilities) {
  if (!abilities.divides) return "the router divides no requests";
  const bool counted = std::ranges::any_of(canary.metrics, [](const canary::MetricSpec& metric) {
    return metric.template_name.empty() && analysis::is_compared(metric.metric);
  });
  if (!counted)
    return "no metric of the release counts requests as request-success-rate and request-duration do";
  return {};
}

Question question_of(const canary::Canary& canary, const strategies::CheckRequest& request,
                     const routing::TrustedNamespaces& trusted) {
  const auto& status = canary.status;
  const auto services = service_names(canary.spec, status.stable.version, status.candidate.version);
  return {.request = request,
          .uid = canary.uid,
          .generation = canary.generation,
          .judge = canary.judge,
          .metrics = {},
          .credentials = {},
          .subject = {.name_space = canary.name_space,
                      .name = canary.name,
                      .target = status.target,
                      .stable = status.stable.name,
                      .service = canary.spec.service.name,
                      .weight = request.weight.percent(),
                      .traffic_service = services.traffic,
                      .candidate_service = services.candidate,
                      .began = status.started_at,
                      .divided = request.counts,
                      .trusted = trusted}};
}

}  // namespace weir::reconcile
