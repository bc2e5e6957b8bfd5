// `kubectl weir`: its commands, and what they need of the outside.
#pragma once

#include <chrono>
#include <expected>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "operator/cli/args.h"
#include "operator/cli/page.h"
#include "operator/kube/api.h"
#include "operator/kube/clock.h"

namespace weir::cli {

// Exit codes.
inline constexpr int kFine = 0;
inline constexpr int kFailed = 1;   // the cluster could not be asked, or the release failed
inline constexpr int kRefused = 2;  // the input cannot work; the sentence on `err` says why

// The edges of the process. All outlive `run`.
struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  const kube::Clock& clock;
  std::function<Screen()> screen;  // of `out`, as it is now
  std::function<void(std::chrono::milliseconds)> sleep;
};

// Which cluster, as the flags say; empty: as kubectl would choose.
struct Access {
  std::string kubeconfig;
  std::string context;
};

struct Cluster {
  std::shared_ptr<kube::Api> api;
  std::string name_space;  // of the context
};

using Connect = std::function<std::expected<Cluster, std::string>(const Access&)>;

// Runs one command line (without the program's name) and returns its exit code.
[[nodiscard]] int run(const std::vector<std::string>& words, Console& console, const Connect& connect);

// The commands that ask a cluster; `key` names the Canary.
[[nodiscard]] int show_status(const Arguments& arguments, const kube::Key& key, kube::Api& api,
                              Console& console);
[[nodiscard]] int roll_back(const Arguments& arguments, const kube::Key& key, kube::Api& api,
                            Console& console);

// Says why the input cannot work; the exit code that goes with it.
int refuse(Console& console, const std::string& sentence);

// The sentence for an error of the API about a Canary, with what to do where that is known.
[[nodiscard]] std::string explain(const kube::Error& error, const kube::Key& key);

}  // namespace weir::cli
