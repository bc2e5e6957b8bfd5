// weir-explore: walks a small world through everything that can happen to a release.
#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <chrono>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "operator/base/args.h"
#include "strategies/machine.h"
#include "test/explore/search.h"
#include "test/explore/timeline.h"

namespace weir::explore {
namespace {

struct Options {
  Limits limits;
  bool help = false;
};

const base::Command& command() {
  static const base::Command kCommand{
      .name = "",
      .arguments = "[flags]",
      .meaning =
          "Walks a small world breadth first through everything that can happen to a release, and prints "
          "the shortest way to each broken invariant.",
      .min_arguments = 0,
      .max_arguments = 0,
      .flags =
          {
              {"states", 0, "COUNT", "different states at most; default: 10000000"},
              {"depth", 0, "COUNT", "events from the first state at most; default: 1000"},
              {"seconds", 0, "COUNT", "time at most; default: 3600"},
              {"edits", 0, "COUNT", "what others do along one way at most; default: 1"},
              {"crashes", 0, "COUNT", "deaths of the operator along one way at most; default: 1"},
              {"breaches", 0, "COUNT", "different breaches after which it ends; default: 5"},
              {"help", 'h', "", "print this text"},
          },
      .program = "weir-explore"};
  return kCommand;
}

// Takes a number that was given; says what is wrong with it.
template <typename Number>
std::optional<std::string> read(const base::Arguments& given, std::string_view flag, Number least,
                                Number most, Number& value) {
  if (!given.has(flag)) return std::nullopt;
  const auto text = given.value(flag);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && value >= least && value <= most) return std::nullopt;
  return base::not_accepted(flag, text, fmt::format("a whole number from {} to {}", least, most));
}

std::expected<Options, std::string> parse(const std::vector<std::string>& words) {
  constexpr std::uint64_t kMostStates = 4'000'000'000;  // a state's number has 32 bits
  constexpr int kMostFaults = 9;
  constexpr int kMost = 1'000'000;
  const auto given = base::parse_arguments(command(), words);
  if (!given) return std::unexpected(given.error());
  Options options{.limits = {}, .help = given->has("help")};
  auto& limits = options.limits;
  auto seconds = static_cast<int>(limits.time.count());
  for (const auto& problem :
       {read(*given, "states", std::uint64_t{1}, kMostStates, limits.states),
        read(*given, "depth", 1, kMost, limits.depth), read(*given, "seconds", 1, kMost, seconds),
        read(*given, "edits", 0, kMostFaults, limits.edits),
        read(*given, "crashes", 0, kMostFaults, limits.crashes),
        read(*given, "breaches", 1, kMost, limits.breaches)}) {
    if (problem) return std::unexpected(*problem);
  }
  limits.time = std::chrono::seconds(seconds);
  return options;
}

void print(const Result& result, const Limits& limits, std::chrono::duration<double> took) {
  fmt::print(
      "{} states in {:.1f} s, {} ways from one to another, every way of {} events; edits {}, crashes {}\n",
      result.states, took.count(), result.steps, result.depth, limits.edits, limits.crashes);
  for (std::size_t i = 0; i < result.by_phase.size(); ++i)
    fmt::print("  {:<12} {}\n", strategies::to_string(static_cast<Phase>(i)), result.by_phase[i]);
  if (result.complete) {
    fmt::print("there is nothing new to find\n");
  } else {
    fmt::print("{} of the states were reached and not left: a limit ended the walk\n", result.waiting);
  }
}

int main_of(const std::vector<std::string>& words) {
  const auto options = parse(words);
  if (!options) {
    fmt::print(stderr, "weir-explore: {}\n", options.error());
    return 2;
  }
  if (options->help) {
    fmt::print("{}", base::usage(command()));
    return 0;
  }
  const auto began = std::chrono::steady_clock::now();
  const auto result = explore(options->limits, strategies::decide);
  print(result, options->limits, std::chrono::steady_clock::now() - began);
  for (const auto& finding : result.findings) {
    fmt::print("\n");
    for (const auto& line : timeline_of(finding, options->limits, strategies::decide))
      fmt::print("{}\n", line);
  }
  fmt::print("{} different breaches\n", result.findings.size());
  return result.findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir::explore

int main(int argc, char** argv) {
  return weir::explore::main_of(std::vector<std::string>(argv + 1, argv + argc));
}
