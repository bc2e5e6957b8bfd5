// `kubectl weir`: its commands, and what they need of the outside.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "operator/base/args.h"
#include "operator/cli/console.h"
#include "operator/kube/api.h"

namespace weir::cli {

// Which cluster, as the flags say; empty: as kubectl would choose.
struct Access {
  std::string kubeconfig;
  std::string context;
};

struct Cluster {
  std::shared_ptr<kube::Api> api;
  std::string name_space;  // of the context
};

using base::Arguments;

using Connect = std::function<std::expected<Cluster, std::string>(const Access&)>;

// Runs one command line (without the program's name) and returns its exit code.
[[nodiscard]] int run(const std::vector<std::string>& words, Console& console, const Connect& connect);

// The commands that ask a cluster; `key` names the Canary.
[[nodiscard]] int show_status(const Arguments& arguments, const kube::Key& key, kube::Api& api,
                              Console& console);
[[nodiscard]] int roll_back(const Arguments& arguments, const kube::Key& key, kube::Api& api,
                            Console& console);

// The sentence for an error of the API about a Canary, with what to do where that is known.
[[nodiscard]] std::string explain(const kube::Error& error, const kube::Key& key);

}  // namespace weir::cli
