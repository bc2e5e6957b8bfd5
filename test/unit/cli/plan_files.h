// A release as files say it, and what `kubectl weir plan` answers to them.
#pragma once

#include <gtest/gtest.h>

#include <expected>
#include <sstream>
#include <string>
#include <vector>

#include "operator/base/clock.h"
#include "operator/cli/cli.h"
#include "operator/offline/yaml.h"

namespace weir::cli {

inline constexpr const char* kCanary = R"(apiVersion: weir.dev/v1alpha1
kind: Canary
metadata: {name: checkout-v2, namespace: shop}
spec:
  targetRef: {apiVersion: apps/v1, kind: Deployment, name: checkout-v2}
  service: {name: checkout}
  analysis:
    interval: 30s
    threshold: 5
    stepWeight: 20
    maxWeight: 40
    metrics:
    - {name: request-success-rate, thresholdRange: {min: 99}}
)";

inline std::string deployment(const std::string& name, const std::string& version, int replicas) {
  return "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name +
         ", namespace: shop}\nspec:\n  replicas: " + std::to_string(replicas) +
         "\n  selector: {matchLabels: {app: checkout, version: " + version +
         "}}\n  template:\n    metadata: {labels: {app: checkout, version: " + version +
         "}}\n    spec: {containers: [{name: app, image: checkout}]}\n";
}

inline constexpr const char* kService = R"(---
apiVersion: v1
kind: Service
metadata: {name: checkout, namespace: shop}
spec:
  selector: {app: checkout, version: v1}
  ports: [{name: http, port: 80, targetPort: 8080}]
)";

inline constexpr const char* kRoute = R"(---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, namespace: shop, labels: {team: shop}}
spec:
  hosts: [checkout]
  http:
  - match: [{uri: {prefix: /images}}]
    route: [{destination: {host: images}}]
  - timeout: 3s
    retries: {attempts: 2}
    route:
    - destination: {host: checkout}
      headers: {response: {set: {x-seen: "1"}}}
)";

inline std::string good() {
  return std::string(kCanary) + deployment("checkout-v1", "v1", 3) + deployment("checkout-v2", "v2", 1) +
         kService + kRoute;
}

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

struct Answer {
  int code = 0;
  std::string out, err;
};

inline Answer run_plan(const std::vector<std::string>& words, const std::string& input = "") {
  std::istringstream in(input);
  std::ostringstream out;
  std::ostringstream err;
  const base::VirtualClock clock;
  Console console{in, out, err, clock, [] { return Screen{}; }, [](std::chrono::milliseconds) {}};
  std::vector<std::string> all{"plan"};
  all.insert(all.end(), words.begin(), words.end());
  const int code = run(all, console, [](const Access&) -> std::expected<Cluster, std::string> {
    return std::unexpected("a plan needs no cluster");
  });
  return {code, out.str(), err.str()};
}

inline Answer plan_of(const std::string& input) { return run_plan({"-f", "-"}, input); }

inline std::string refusal_of(const std::string& input) {
  const Answer answer = plan_of(input);
  EXPECT_EQ(answer.code, kRefused);
  EXPECT_EQ(answer.out, "");
  return answer.err;
}

inline std::vector<offline::Document> documents_of(const std::string& text) {
  auto read = offline::parse_yaml(text, "t.yaml");
  EXPECT_TRUE(read) << (read ? "" : read.error());
  return read ? *read : std::vector<offline::Document>{};
}

}  // namespace weir::cli
