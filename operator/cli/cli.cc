#include "operator/cli/cli.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <ostream>

#include "operator/base/names.h"
#include "operator/cli/backtest.h"
#include "operator/cli/plan.h"
#include "operator/cli/simulate.h"
#include "operator/kube/object.h"

namespace weir::cli {
namespace {

using base::Command;
using base::Flag;

const Flag kNamespace{"namespace", 'n', "NAME", "namespace of the Canary; default: the context's"};
const Flag kContext{"context", 0, "NAME", "context of the kubeconfig; default: the current one"};
const Flag kKubeconfig{"kubeconfig", 0, "FILE",
                       "default: $KUBECONFIG, then the ServiceAccount of the pod, then ~/.kube/config"};
const Flag kTrustedNamespaces{"trusted-namespaces", 0, "NAMES",
                              "as the operator has them, with commas between them; default: istio-system",
                              /*is_list=*/true};

const std::vector<Flag> kStatusFlags{
    {"watch", 'w', "", "show it live until the release is over"},
    {"output", 'o', "FORMAT", "json: the Canary and its Events as they are; with -w one line a change"},
    kNamespace,
    kContext,
    kKubeconfig};
const std::vector<Flag> kPlanFlags{
    {"filename", 'f', "FILE",
     "YAML or JSON with the Canary and the objects around it; a folder, or - for stdin"},
    {"output", 'o', "FORMAT", "yaml (default), or json: one List"},
    {"cluster-domain", 0, "DOMAIN",
     "of the cluster, what the full names of its Services end in; default: cluster.local"},
    kTrustedNamespaces,
    {"namespace", 'n', "NAME", "namespace of objects that name none; default: default"}};
const std::vector<Flag> kSimulateFlags{
    {"filename", 'f', "FILE", "YAML or JSON with the Canary; - for stdin"},
    {"output", 'o', "FORMAT", "json"},
    {"rps", 0, "NUMBER", "requests a second of both versions together; default: 100"},
    {"stable-error", 0, "SHARE", "of stable's requests that fail; default: 0.1%"},
    {"candidate-error", 0, "SHARE", "of the candidate's requests that fail; default: as stable"},
    {"cluster", 0, "NUMBER", "failures that come together, mean; default: 1"},
    {"latency", 0, "DURATION", "median of stable's durations; default: 60ms"},
    {"candidate-latency", 0, "DURATION", "median of the candidate's; default: as stable"},
    {"scrape-interval", 0, "DURATION", "of your Prometheus; default: 15s"},
    {"sweep", 0, "", "for candidates that fail more and more often: the power of the judge"},
    {"fixed-weight", 0, "PERCENT", "holds this weight and lets only the judge speak"},
    {"duration", 0, "DURATION", "of a run with a fixed weight; default: 10m"},
    {"runs", 0, "NUMBER", "default: 1000"},
    {"seed", 0, "NUMBER", "the same seed gives the same runs; default: 1"}};
const std::vector<Flag> kBacktestFlags{
    {"filename", 'f', "FILE", "YAML or JSON with the Canary; - for stdin"},
    {"prometheus", 0, "URL", "the Prometheus that recorded it"},
    {"from", 0, "TIME", "when the candidate had its first traffic, such as 2026-11-24T12:00:00Z"},
    {"to", 0, "TIME", "when the replay ends"},
    {"stable", 0, "NAME", "Deployment that served before; default: spec.stableRef"},
    {"weight", 0, "PERCENT", "that the candidate had; default: the first step's"},
    kTrustedNamespaces,
    {"output", 'o', "FORMAT", "json"},
    {"namespace", 'n', "NAME", "namespace of the Canary if it names none; default: default"}};
const std::vector<Flag> kRollbackFlags{
    {"reason", 0, "TEXT", "why; kept in the release's history"}, kNamespace, kContext, kKubeconfig};

// Name, arguments, meaning, the fewest and the most arguments, flags.
const std::vector<Command> kCommands{
    {"status", "NAME [-w] [-o json] [flags]",
     "Shows a release: phase, traffic, steps, checks, conditions and the last Events. With -w until it is "
     "over: "
     "exit 0 if it succeeded, 1 if it failed.",
     1, 1, kStatusFlags},
    {"plan", "-f FILE... [flags]",
     "Prints, step by step, every object that the operator would write for a release. Needs no cluster.", 0,
     kMaxPlanFiles, kPlanFlags},
    {"simulate", "-f FILE [flags]",
     "Rehearses a release offline: the state machine and the judges on a virtual clock, many times, over "
     "traffic of your making. Says how likely it is promoted or taken back, when, and at what cost.",
     0, kMaxPlanFiles, kSimulateFlags},
    {"backtest", "-f FILE --prometheus URL --from TIME --to TIME [flags]",
     "Replays the judges over what Prometheus recorded of a past release, and says what each interval would "
     "have come to.",
     0, kMaxPlanFiles, kBacktestFlags},
    {"rollback", "NAME [--reason TEXT] [flags]",
     "Takes a release back: all traffic to stable at once, then everything as it was.", 1, 1, kRollbackFlags},
    {"version", "", "Prints the version of this program.", 0, 0, {}},
    {"help", "[COMMAND]", "Explains the commands, or one of them.", 0, 1, {}},
};

const Command* find(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

std::string overview() {
  std::string text = "Progressive delivery with Weir.\n\nUsage:\n  kubectl weir COMMAND\n\nCommands:\n";
  for (const Command& command : kCommands) {
    text += fmt::format("  {:<10} {}\n", command.name,
                        command.meaning.substr(0, command.meaning.find_first_of(".:")));
  }
  return text + "\nkubectl weir help COMMAND explains one of them.\n";
}

std::string command_names() {
  std::string names;
  for (const Command& command : kCommands) names += (names.empty() ? "" : ", ") + std::string(command.name);
  return names;
}

int help(const Arguments& arguments, Console& console) {
  if (arguments.rest.empty()) {
    console.out << overview();
    return kFine;
  }
  const Command* command = find(arguments.rest[0]);
  if (command == nullptr) {
    return refuse(console, fmt::format("no command {}: there are {}", arguments.rest[0], command_names()));
  }
  console.out << usage(*command);
  return kFine;
}

int with_cluster(const Command& command, const Arguments& arguments, Console& console,
                 const Connect& connect) {
  const std::string output = arguments.value("output", "json");
  if (output != "json") return refuse(console, fmt::format("-o {}: {} accepts json", output, command.name));
  const auto& name = arguments.rest[0];
  if (name.empty() || name.contains('/')) {
    return refuse(console,
                  fmt::format("\"{}\" is no name of a Canary: {} accepts NAME, and its namespace by -n", name,
                              command.name));
  }
  if (!base::is_dns_subdomain(name)) {
    return refuse(console, fmt::format("\"{}\" is no name of a Canary: accepted is {}", name,
                                       base::kDnsSubdomain.accepted));
  }
  const auto cluster =
      connect({.kubeconfig = arguments.value("kubeconfig"), .context = arguments.value("context")});
  if (!cluster) {
    console.err << cluster.error() << "\n";
    return kFailed;
  }
  const kube::Key key{arguments.value("namespace", cluster->name_space), name};
  return command.name == "status" ? show_status(arguments, key, *cluster->api, console)
                                  : roll_back(arguments, key, *cluster->api, console);
}

// What API servers say where they have no such path, and so no such kind; of an object they say its name.
bool is_of_path(const kube::Error& error) {
  return error.message.contains("404 page not found") ||
         error.message.contains("could not find the requested resource");
}

bool asks_for_help(const std::vector<std::string>& words) {
  const auto end = std::ranges::find(words, "--");
  return std::any_of(words.begin(), end,
                     [](const std::string& word) { return word == "-h" || word == "--help"; });
}

}  // namespace

std::string explain(const kube::Error& error, const kube::Key& key) {
  if (error.code == kube::Code::NotFound && is_of_path(error)) {
    return fmt::format(
        "the API server has no kind Canary: Weir's definitions are not installed there, or it is another "
        "cluster; kubectl config current-context names it (\"{}\")",
        error.message);
  }
  if (error.code == kube::Code::NotFound) {
    return fmt::format("no Canary {}: kubectl get canaries.weir.dev -A lists all (\"{}\")",
                       kube::to_string(key), error.message);
  }
  return error.message;
}

int run(const std::vector<std::string>& words, Console& console, const Connect& connect) {
  if (words.empty() || words[0] == "-h" || words[0] == "--help") {
    console.out << overview();
    return kFine;
  }
  const Command* command = find(words[0]);
  if (command == nullptr) {
    return refuse(console, fmt::format("no command {}: there are {}", words[0], command_names()));
  }
  if (asks_for_help(words)) {
    console.out << usage(*command);
    return kFine;
  }
  const auto arguments = parse_arguments(*command, std::span(words).subspan(1));
  if (!arguments) return refuse(console, arguments.error());
  if (const auto name = arguments->value("namespace");
      arguments->has("namespace") && !base::is_dns_label(name)) {
    return refuse(console, base::not_accepted("namespace", name, base::kDnsLabel.accepted));
  }
  if (command->name == "help") return help(*arguments, console);
  if (command->name == "plan") return plan(*arguments, console);
  if (command->name == "simulate") return simulate(*arguments, console);
  if (command->name == "backtest") return backtest(*arguments, console);
  if (command->name == "version") {
    console.out << "kubectl-weir " WEIR_VERSION "\n";
    return kFine;
  }
  return with_cluster(*command, *arguments, console, connect);
}

}  // namespace weir::cli
