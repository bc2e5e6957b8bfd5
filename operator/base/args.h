// Command lines of our programs: a table of commands and their flags.
#pragma once

#include <expected>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::base {

struct Flag {
  std::string_view name;   // without dashes: "namespace"
  char letter;             // "-n"; 0: none
  std::string_view value;  // what it takes, as shown in help: "NAME"; empty: it takes nothing
  std::string meaning;     // one line
  bool is_list = false;  // several of it are one, with commas between their values; of others the last counts
};

struct Command {
  std::string_view name;       // empty: the program itself
  std::string_view arguments;  // as shown in help: "NAME [flags]"
  std::string_view meaning;    // one sentence
  std::size_t min_arguments;
  std::size_t max_arguments;
  std::vector<Flag> flags;
  std::string_view program = "kubectl weir";
};

struct Arguments {
  std::map<std::string, std::vector<std::string>, std::less<>>
      flags;                      // by name; of a flag without value: {""}
  std::vector<std::string> rest;  // what is no flag, in order

  [[nodiscard]] bool has(std::string_view flag) const { return flags.contains(flag); }
  // The last one given, else `otherwise`.
  [[nodiscard]] std::string value(std::string_view flag, std::string_view otherwise = {}) const;
};

// Reads what follows the command's name: "--flag value", "--flag=value", "-f value", "-fvalue"; "--" ends
// flags and "-" is an argument. An error is a sentence that names what was given and what the command
// accepts.
[[nodiscard]] std::expected<Arguments, std::string> parse_arguments(const Command& command,
                                                                    std::span<const std::string> words);

// "--sweep and --seed: give one of them; a sweep has seeds of its own", if both were given: `why` is what
// stands behind the semicolon.
[[nodiscard]] std::optional<std::string> conflict(const Arguments& given, std::string_view flag,
                                                  std::string_view other, std::string_view why);

// "--runs 1.5: it takes a whole number from 1 to 100".
[[nodiscard]] std::string not_accepted(std::string_view flag, std::string_view value,
                                       std::string_view accepted);

// Usage of one command, for a terminal.
[[nodiscard]] std::string usage(const Command& command);

}  // namespace weir::base
