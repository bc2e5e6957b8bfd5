// What the operator is told on its command line.
#pragma once

#include <expected>
#include <span>
#include <string>

#include "operator/routing/trust.h"

namespace weir {

struct Options {
  std::string prometheus = "http://prometheus.istio-system:9090";
  std::string name_space;  // empty: all namespaces
  std::string listen = "[::]:8080";
  std::string log_level = "info";
  bool log_json = true;
  bool leader_election = false;
  bool sharding = false;
  std::string lease_namespace;  // empty: the operator's own (POD_NAMESPACE)
  std::string lease_name = "weir";
  int threads = 4;
  int qps = 400;
  int burst = 800;
  std::string kubeconfig;  // empty: as kube/auth.h has it
  std::string context;
  bool cross_namespace_refs = false;
  std::string cluster_domain;  // empty: the one that the pod's resolver has
  routing::TrustedNamespaces trusted = routing::trusted_by_default();
  bool help = false;
  bool version = false;
};

// The error is a sentence that names the flag, its value and what is accepted.
[[nodiscard]] std::expected<Options, std::string> parse_options(std::span<const std::string> words);

// For a terminal.
[[nodiscard]] std::string options_usage();

}  // namespace weir
