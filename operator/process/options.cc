#include "operator/process/options.h"

#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <functional>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "analysis/providers/prometheus/api.h"
#include "operator/base/args.h"
#include "operator/base/label.h"
#include "operator/base/names.h"
#include "operator/kube/cluster_domain.h"

namespace weir {
namespace {

// With sharding the name is the value of a label too, and the names of the Leases only begin with it.
constexpr std::size_t kLongestShardingName = base::kLongestLabel;
constexpr int kMostThreads = 1'000;
constexpr int kMostRequests = 1'000'000;

// What a flag means, and what it is if it is not given.
std::string otherwise(std::string meaning, const std::string& value) {
  return std::move(meaning) + "; default: " + value;
}
std::string otherwise(std::string meaning, int value) {
  return otherwise(std::move(meaning), std::to_string(value));
}
std::string otherwise(std::string meaning, bool value) {
  return otherwise(std::move(meaning), std::string(value ? "true" : "false"));
}

const base::Command& command() {
  static const Options kDefaults;
  static const base::Command kCommand{
      .name = "",
      .arguments = "[flags]",
      .meaning = "Releases Canaries: moves traffic in steps, judges each, promotes or takes back.",
      .min_arguments = 0,
      .max_arguments = 0,
      .flags =
          {
              {"metrics-server", 0, "URL",
               otherwise("Prometheus that holds the mesh's metrics", kDefaults.prometheus)},
              {"namespace", 0, "NAME", "the one namespace to watch; without it, all"},
              {"listen", 0, "ADDRESS:PORT",
               otherwise("where /metrics, /healthz and /readyz are served", kDefaults.listen)},
              {"log-level", 0, "LEVEL", otherwise("debug, info, warn or error", kDefaults.log_level)},
              {"log-format", 0, "FORMAT",
               otherwise("json or text", std::string(kDefaults.log_json ? "json" : "text"))},
              {"leader-election", 0, "BOOL",
               otherwise("whether replicas take turns by a Lease", kDefaults.leader_election)},
              {"sharding", 0, "BOOL",
               otherwise("whether replicas share the releases by Leases, instead of taking turns",
                         kDefaults.sharding)},
              {"lease-namespace", 0, "NAME", "where the Lease is; without it, the operator's own namespace"},
              {"lease-name", 0, "NAME",
               otherwise("name of the Lease; with sharding, how the names of the Leases begin",
                         kDefaults.lease_name)},
              {"threads", 0, "COUNT",
               otherwise("releases that are worked on at the same time", kDefaults.threads)},
              {"kube-qps", 0, "RATE",
               otherwise("requests a second to the API server, in the long run", kDefaults.qps)},
              {"kube-burst", 0, "COUNT", otherwise("requests to the API server at once", kDefaults.burst)},
              {"kubeconfig", 0, "FILE",
               "how to reach the API server; without it $KUBECONFIG, then the ServiceAccount of the pod, "
               "then ~/.kube/config"},
              {"context", 0, "NAME", "context of the kubeconfig"},
              {"cross-namespace-refs", 0, "BOOL",
               otherwise("whether a Canary may name a MetricTemplate of another namespace",
                         kDefaults.cross_namespace_refs)},
              {"cluster-domain", 0, "DOMAIN",
               "what the full names of Services end in; without it, the one of the pod's /etc/resolv.conf, "
               "or "
               "cluster.local"},
              {"trusted-namespaces", 0, "NAMES",
               otherwise("namespaces, with commas between them, whose routes and rules may keep a release of "
                         "another one waiting; those of all others are only warned of",
                         std::string(routing::kTrustedByDefault)),
               /*is_list=*/true},
              {"version", 0, "", "print the version"},
              {"help", 'h', "", "print this text"},
          },
      .program = "weir-operator"};
  return kCommand;
}

std::string wrong(std::string_view flag, const std::string& value, std::string_view accepted) {
  return "--" + std::string(flag) + "=" + value + ": accepted is " + std::string(accepted);
}

// ADDRESS:PORT, of an IPv6 address in brackets.
bool is_listen_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  auto host = text.substr(0, colon);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.find_first_of(" /@?#*+[]") != std::string_view::npos ||
      host.contains(':') != bracketed) {
    return false;
  }
  int port = 0;
  const auto digits = text.substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && base::is_port(port);
}

// Flags that name an object or a namespace.
std::optional<std::string> unusable_name(const base::Arguments& given) {
  for (const auto& [flag, rule] : {std::pair{"namespace", base::kDnsLabel},
                                   {"lease-namespace", base::kDnsLabel},
                                   {"lease-name", base::kDnsSubdomain}}) {
    if (!given.has(flag)) continue;
    const auto name = given.value(flag);
    if (!rule.takes(name)) return wrong(flag, name, rule.accepted);
  }
  const auto lease = given.value("lease-name");
  if (given.value("sharding") == "true" && lease.size() > kLongestShardingName) {
    return wrong(
        "lease-name", lease,
        fmt::format("a name of at most {} characters where --sharding=true, since it is the value of "
                    "a label of the Leases too",
                    kLongestShardingName));
  }
  return std::nullopt;
}

std::expected<int, std::string> number(const base::Arguments& given, std::string_view flag, int otherwise,
                                       int most) {
  if (!given.has(flag)) return otherwise;
  const auto text = given.value(flag);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most) {
    return std::unexpected(wrong(flag, text, "a whole number from 1 to " + std::to_string(most)));
  }
  return value;
}

std::expected<std::string, std::string> one_of(const base::Arguments& given, std::string_view flag,
                                               const std::vector<std::string>& accepted,
                                               const std::string& otherwise) {
  auto text = given.value(flag, otherwise);
  std::string list;
  for (const auto& word : accepted) {
    if (text == word) return text;
    list += (list.empty() ? "" : " or ") + word;
  }
  return std::unexpected(wrong(flag, text, list));
}

}  // namespace

std::expected<Options, std::string> parse_options(std::span<const std::string> words) {
  const auto given = base::parse_arguments(command(), words);
  if (!given) return std::unexpected(given.error());
  Options options;
  options.prometheus = given->value("metrics-server", options.prometheus);
  // The value is not repeated: it may hold a password.
  if (const auto problem = analysis::address_problem(options.prometheus))
    return std::unexpected("--metrics-server " + *problem);
  if (const auto unusable = unusable_name(*given)) return std::unexpected(*unusable);
  options.name_space = given->value("namespace");
  options.listen = given->value("listen", options.listen);
  if (!is_listen_address(options.listen))
    return std::unexpected(
        wrong("listen", options.listen,
              "ADDRESS:PORT, such as [::]:8080 or 127.0.0.1:8080, with a port from 1 to 65535"));
  options.lease_namespace = given->value("lease-namespace");
  options.lease_name = given->value("lease-name", options.lease_name);
  options.kubeconfig = given->value("kubeconfig");
  options.context = given->value("context");
  options.cluster_domain = given->value("cluster-domain");
  if (given->has("cluster-domain") && !kube::is_cluster_domain(options.cluster_domain))
    return std::unexpected(
        wrong("cluster-domain", options.cluster_domain, "a DNS name such as cluster.local"));
  if (auto trusted = routing::read_trusted(given->value("trusted-namespaces", routing::kTrustedByDefault))) {
    options.trusted = *std::move(trusted);
  } else {
    return std::unexpected(wrong("trusted-namespaces", given->value("trusted-namespaces"),
                                 "names of namespaces with commas between them"));
  }
  options.help = given->has("help");
  options.version = given->has("version");

  const auto level = one_of(*given, "log-level", {"debug", "info", "warn", "error"}, options.log_level);
  if (!level) return std::unexpected(level.error());
  options.log_level = *level;
  const auto format = one_of(*given, "log-format", {"json", "text"}, "json");
  if (!format) return std::unexpected(format.error());
  options.log_json = *format == "json";

  for (const auto& [flag, target] :
       {std::pair{"leader-election", &options.leader_election}, std::pair{"sharding", &options.sharding},
        std::pair{"cross-namespace-refs", &options.cross_namespace_refs}}) {
    const auto text = one_of(*given, flag, {"true", "false"}, "false");
    if (!text) return std::unexpected(text.error());
    *target = *text == "true";
  }
  if (options.leader_election && options.sharding)
    return std::unexpected(
        "--leader-election is true and --sharding is true: by the one a single replica works, by the "
        "other all of them do; set one of them to false");
  for (const auto& [flag, target, most] : {std::tuple{"threads", &options.threads, kMostThreads},
                                           std::tuple{"kube-qps", &options.qps, kMostRequests},
                                           std::tuple{"kube-burst", &options.burst, kMostRequests}}) {
    const auto value = number(*given, flag, *target, most);
    if (!value) return std::unexpected(value.error());
    *target = *value;
  }
  return options;
}

std::string options_usage() { return base::usage(command()); }

}  // namespace weir
