#include "operator/base/args.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <utility>

namespace weir::base {
namespace {

constexpr std::size_t kMaxNamed = 5;  // surplus words

// "kubectl weir status".
std::string called(const Command& command) {
  return command.name.empty() ? std::string(command.program)
                              : fmt::format("{} {}", command.program, command.name);
}

std::string accepted(const Command& command) {
  std::string list;
  for (const Flag& flag : command.flags) {
    if (!list.empty()) list += ", ";
    if (flag.letter != 0) list += fmt::format("-{}/", flag.letter);
    list += fmt::format("--{}", flag.name);
  }
  const auto subject = command.name.empty() ? command.program : command.name;
  return list.empty() ? fmt::format("{} takes no flags", subject)
                      : fmt::format("{} accepts {}", subject, list);
}

// The flag that `word` names, and the value that is written in the same word ("--f=v", "-fv").
struct Match {
  const Flag* flag = nullptr;
  bool has_value = false;
  std::string value;
};

Match match(const Command& command, const std::string& word) {
  const bool is_long = word.starts_with("--");
  const std::size_t equals = word.find('=');
  const std::string name = is_long ? word.substr(2, equals == std::string::npos ? equals : equals - 2) : "";
  for (const Flag& flag : command.flags) {
    if (is_long && flag.name == name) {
      return {&flag, equals != std::string::npos, equals == std::string::npos ? "" : word.substr(equals + 1)};
    }
    if (!is_long && flag.letter != 0 && flag.letter == word[1]) {
      const std::size_t start = word.size() > 2 && word[2] == '=' ? 3 : 2;
      return {&flag, word.size() > 2, word.size() > start ? word.substr(start) : ""};
    }
  }
  return {};
}

// What is said of too few or too many words; empty: there are as many as the command takes.
std::optional<std::string> wrong_count(const Command& command, const std::vector<std::string>& words) {
  const auto synopsis =
      called(command) + (command.arguments.empty() ? "" : " ") + std::string(command.arguments);
  if (words.size() < command.min_arguments)
    return fmt::format("an argument is missing: usage is {}", synopsis);
  if (words.size() <= command.max_arguments) return std::nullopt;
  const auto surplus = std::span(words).subspan(command.max_arguments);
  std::string named;
  for (const auto& word : surplus.first(std::min(surplus.size(), kMaxNamed)))
    named += fmt::format("{}\"{}\"", named.empty() ? "" : ", ", word);
  if (surplus.size() > kMaxNamed) named += fmt::format(" and {} more", surplus.size() - kMaxNamed);
  return fmt::format("too many arguments, {}: usage is {}", named, synopsis);
}

void take(const Flag& flag, std::string value, std::vector<std::string>& values) {
  if (!flag.is_list || values.empty()) return values.push_back(std::move(value));
  auto& all = values.front();
  if (!all.empty() && !value.empty()) all += ',';
  all += value;
}

}  // namespace

std::optional<std::string> conflict(const Arguments& given, std::string_view flag, std::string_view other,
                                    std::string_view why) {
  if (!given.has(flag) || !given.has(other)) return std::nullopt;
  return fmt::format("--{} and --{}: give one of them; {}", flag, other, why);
}

std::string not_accepted(std::string_view flag, std::string_view value, std::string_view accepted) {
  return fmt::format("--{} {}: it takes {}", flag, value.empty() ? "\"\"" : value, accepted);
}

std::string Arguments::value(std::string_view flag, std::string_view otherwise) const {
  const auto found = flags.find(flag);
  return found == flags.end() ? std::string(otherwise) : found->second.back();
}

std::expected<Arguments, std::string> parse_arguments(const Command& command,
                                                      std::span<const std::string> words) {
  Arguments arguments;
  bool flags_ended = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (flags_ended || word.size() < 2 || word[0] != '-') {
      arguments.rest.push_back(word);
      continue;
    }
    if (word == "--") {
      flags_ended = true;
      continue;
    }
    Match found = match(command, word);
    if (found.flag == nullptr)
      return std::unexpected(fmt::format("unknown flag {}: {}", word, accepted(command)));
    const Flag& flag = *found.flag;
    if (flag.value.empty() && found.has_value) {
      return std::unexpected(fmt::format("{}: --{} takes no value", word, flag.name));
    }
    if (!flag.value.empty() && !found.has_value) {
      if (i + 1 == words.size())
        return std::unexpected(fmt::format("--{} needs a value: {}", flag.name, flag.value));
      found.value = words[++i];
    }
    take(flag, std::move(found.value), arguments.flags[std::string(flag.name)]);
  }
  if (const auto problem = wrong_count(command, arguments.rest)) return std::unexpected(*problem);
  return arguments;
}

std::string usage(const Command& command) {
  std::string text =
      fmt::format("{}\n\nUsage:\n  {} {}\n", command.meaning, called(command), command.arguments);
  if (!command.flags.empty()) text += "\nFlags:\n";
  for (const Flag& flag : command.flags) {
    const std::string letter = flag.letter != 0 ? fmt::format("-{}, ", flag.letter) : "    ";
    const std::string name =
        flag.value.empty() ? std::string(flag.name) : fmt::format("{} {}", flag.name, flag.value);
    text += fmt::format("  {}--{:<22} {}\n", letter, name, flag.meaning);
  }
  return text;
}

}  // namespace weir::base
