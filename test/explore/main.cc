// weir-explore: walks a small world through everything that can happen to a release.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "strategies/machine.h"
#include "test/explore/search.h"
#include "test/explore/timeline.h"

namespace weir::explore {
namespace {

constexpr std::string_view kUsage =
    "usage: weir-explore [flags]\n\n"
    "Walks a small world breadth first through everything that can happen to a release, and prints the\n"
    "shortest way to a broken invariant.\n\n"
    "  --states COUNT   distinct states at most; default: 10000000\n"
    "  --depth COUNT    events from the first state at most; default: 1000\n"
    "  --seconds COUNT  time at most; default: 3600\n"
    "  --edits COUNT    of others, along one way, 0 to 9; default: 1\n"
    "  --crashes COUNT  of the operator, along one way, 0 to 9; default: 1\n"
    "  --breaches COUNT different broken invariants after which it ends; default: 5\n"
    "  --help           print this text\n";

std::optional<std::uint64_t> number_in(std::string_view text, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole && value <= most ? std::optional(value) : std::nullopt;
}

// Takes one flag; says whether it is one, with a value that it accepts.
bool take(std::string_view flag, std::string_view text, Limits& limits) {
  constexpr std::uint64_t kMostStates = 4'000'000'000;  // their numbers have 32 bits
  constexpr std::uint64_t kMost = 1'000'000;
  const bool few = flag == "--edits" || flag == "--crashes";
  const auto value = number_in(text, few ? 9 : flag == "--states" ? kMostStates : kMost);
  if (!value) return false;
  if (flag == "--states") {
    limits.states = *value;
  } else if (flag == "--depth") {
    limits.depth = static_cast<int>(*value);
  } else if (flag == "--seconds") {
    limits.time = std::chrono::seconds(*value);
  } else if (flag == "--edits") {
    limits.edits = static_cast<int>(*value);
  } else if (flag == "--crashes") {
    limits.crashes = static_cast<int>(*value);
  } else if (flag == "--breaches") {
    limits.findings = *value;
  } else {
    return false;
  }
  return true;
}

void print(const Result& result, std::chrono::duration<double> took) {
  std::printf("%llu states, %llu steps between them, depth %d, in %.1f s: %s\n",
              static_cast<unsigned long long>(result.states), static_cast<unsigned long long>(result.steps),
              result.depth, took.count(),
              result.complete ? "there is nothing new to find" : "not all of it was walked");
  for (std::size_t i = 0; i < result.by_phase.size(); ++i) {
    std::printf("  %-12s %llu\n", std::string(strategies::to_string(static_cast<Phase>(i))).c_str(),
                static_cast<unsigned long long>(result.by_phase[i]));
  }
  if (!result.complete)
    std::printf("  %llu states were reached and not left\n", static_cast<unsigned long long>(result.waiting));
}

int main_of(const std::vector<std::string>& words) {
  Limits limits;
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (words[i] == "--help" || words[i] == "-h") {
      std::printf("%s", std::string(kUsage).c_str());
      return 0;
    }
    if (i + 1 < words.size() && take(words[i], words[i + 1], limits)) continue;
    std::fprintf(stderr, "weir-explore: %s%s is not accepted: see --help\n", words[i].c_str(),
                 i + 1 < words.size() ? (" " + words[i + 1]).c_str() : "");
    return 2;
  }
  const auto began = std::chrono::steady_clock::now();
  const auto result = explore(limits, strategies::decide);
  print(result, std::chrono::steady_clock::now() - began);
  for (const auto& finding : result.findings) {
    std::printf("\n");
    for (const auto& line : timeline_of(finding, limits, strategies::decide)) std::printf("%s\n", line.c_str());
  }
  std::printf("%zu different breaches\n", result.findings.size());
  return result.findings.empty() ? 0 : 1;
}

}  // namespace
}  // namespace weir::explore

int main(int argc, char** argv) {
  return weir::explore::main_of(std::vector<std::string>(argv + 1, argv + argc));
}
