#include "analysis/providers/prometheus/query_template.h"

#include <algorithm>
#include <utility>

namespace weir::analysis {
namespace {

struct Variable {
  std::string value;
  bool is_name = false;  // of an object: within a pattern it stands for itself
};
using Variables = std::map<std::string, Variable, std::less<>>;

constexpr std::string_view kOwnPrefix = "variables.";
constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kPatternSigns = "\\.+*?()|[]{}^$";

Variables variables_of(const Subject& subject, Seconds interval,
                       const std::map<std::string, std::string>& own) {
  Variables all{
      {"namespace", {subject.name_space, true}},   {"name", {subject.name, true}},
      {"target", {subject.target, true}},          {"stable", {subject.stable, true}},
      {"service", {subject.service, true}},        {"interval", {std::to_string(interval.count()) + "s"}},
      {"weight", {std::to_string(subject.weight)}}};
  for (const auto& [name, value] : own) {
    all.emplace(name, Variable{value});
    all.emplace(std::string(kOwnPrefix) + name, Variable{value});
  }
  return all;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

std::string unknown(std::string_view name, const Variables& known) {
  std::string message = "unknown variable {{ " + std::string(name) + " }} in the query; known are ";
  std::string_view separator;
  for (const auto& [each, variable] : known) {
    message += separator;
    message += each;
    separator = ", ";
  }
  return message;
}

// Follows PromQL as it is written, to know in which kind of literal or comment the next character stands.
class Lexer {
 public:
  // '"', '\'' or '`' within a literal, '#' within a comment, else 0.
  [[nodiscard]] char inside() const { return inside_; }
  // Whether the next character belongs to an escape sequence.
  [[nodiscard]] bool escaping() const { return escaped_; }
  // Whether the literal is what a label is matched with by =~ or !~.
  [[nodiscard]] bool in_pattern() const { return inside_ != 0 && inside_ != '#' && last_ == '~'; }

  void read(char c) {
    if (std::exchange(escaped_, false)) return;
    if (inside_ == 0) {
      if (c == '"' || c == '\'' || c == '`' || c == '#') {
        inside_ = c;
      } else if (!kSpaces.contains(c)) {
        last_ = c;
      }
    } else if (inside_ == '#') {
      if (c == '\n') inside_ = 0;
    } else if (c == '\\' && inside_ != '`') {
      escaped_ = true;
    } else if (c == inside_) {
      inside_ = 0;
    }
  }

 private:
  char inside_ = 0;
  char last_ = 0;  // outside of literals and comments, without spaces
  bool escaped_ = false;
};

// The pattern that only `text` itself matches.
std::string quote_pattern(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (kPatternSigns.contains(c)) out += '\\';
    out += c;
  }
  return out;
}

std::expected<std::string, std::string> inserted(std::string_view name, const Variable& variable,
                                                 const Lexer& place) {
  if (place.escaping()) {
    return std::unexpected("the query has a backslash right before {{ " + std::string(name) +
                           " }}, which would escape the value's first character; write \\\\ for a backslash");
  }
  const bool quoted = variable.is_name && place.in_pattern();
  std::string value = quoted ? quote_pattern(variable.value) : variable.value;
  switch (const char inside = place.inside()) {
    case '"':
    case '\'':
      return escape_literal(value, inside);
    case '`':
      if (value.contains('`')) {
        return std::unexpected("the value of {{ " + std::string(name) +
                               " }} has a backquote, which a literal in backquotes cannot hold");
      }
      return value;
    case '#':  // the rest of the value would be part of the query
      std::ranges::replace(value, '\n', ' ');
      return value;
    default:
      return value;
  }
}

}  // namespace

std::string escape_literal(std::string_view value, char quote) {
  std::string out;
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '\\' || c == quote) out += '\\';
    out += c;
  }
  return out;
}

std::expected<std::string, std::string> render(std::string_view query, const Subject& subject,
                                               Seconds interval,
                                               const std::map<std::string, std::string>& own) {
  const Variables known = variables_of(subject, interval, own);
  std::string out;
  Lexer lexer;
  while (!query.empty()) {
    if (!query.starts_with("{{")) {
      lexer.read(query.front());
      out += query.front();
      query.remove_prefix(1);
      continue;
    }
    const auto end = query.find("}}");
    if (end == std::string_view::npos) return std::unexpected("the query has a {{ without its }}");
    const auto name = trim(query.substr(2, end - 2));
    const auto found = known.find(name);
    if (found == known.end()) return std::unexpected(unknown(name, known));
    const auto text = inserted(name, found->second, lexer);
    if (!text) return text;
    for (const char c : *text) lexer.read(c);
    out += *text;
    query.remove_prefix(end + 2);
  }
  return out;
}

bool uses_variable(std::string_view query, std::string_view name) {
  for (auto start = query.find("{{"); start != std::string_view::npos; start = query.find("{{", start + 2)) {
    const auto end = query.find("}}", start);
    if (end == std::string_view::npos) return false;
    if (trim(query.substr(start + 2, end - start - 2)) == name) return true;
  }
  return false;
}

std::expected<void, std::string> check_template(std::string_view query,
                                                const std::map<std::string, std::string>& own) {
  const auto rendered = render(query, Subject{}, Seconds{60}, own);
  if (!rendered) return std::unexpected(rendered.error());
  return {};
}

}  // namespace weir::analysis
