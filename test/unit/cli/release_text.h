// A release of Service checkout as a file says it, without its routes: for tests of what many of them cost.
#pragma once

#include <string>

namespace weir::cli {

inline std::string deployment_text(const std::string& version) {
  const auto labels = "{app: checkout, version: " + version + "}";
  return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: checkout-" + version +
         ", namespace: shop}\nspec:\n  replicas: 2\n  selector: {matchLabels: " + labels +
         "}\n  template: {metadata: {labels: " + labels + "}, spec: {containers: []}}\n";
}

inline std::string release_text() {
  return R"(apiVersion: weir.dev/v1alpha1
kind: Canary
metadata: {name: checkout-v2, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-v2}
  service: {name: checkout}
  analysis: {metrics: [{name: request-success-rate, thresholdRange: {min: 99}}]}
---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec: {selector: {app: checkout, version: v1}, ports: [{name: http, port: 80}]}
)" + deployment_text("v1") +
         deployment_text("v2");
}

}  // namespace weir::cli
