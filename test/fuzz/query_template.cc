// Templates and values of variables: a value that stands in a string literal stays in it.
#include "analysis/providers/prometheus/query_template.h"

#include <optional>
#include <vector>

#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

// What PromQL makes of a query: the text outside of its string literals, and what these hold.
struct Outline {
  std::string outside;  // each literal is a quote in it
  std::vector<std::string> literals;
};

// Reads one escape sequence of a quoted literal; any that a value is never written with stays as it is.
void unescape(std::string_view query, std::size_t& at, std::string& literal) {
  const char c = ++at < query.size() ? query[at] : '\\';
  if (c == 'n') {
    literal += '\n';
  } else {
    if (c != '\\' && c != '"' && c != '\'') literal += '\\';
    literal += c;
  }
}

// Empty if PromQL would refuse it: a literal that does not end.
std::optional<Outline> outline_of(std::string_view query) {
  Outline outline;
  for (std::size_t at = 0; at < query.size(); ++at) {
    const char quote = query[at];
    outline.outside += quote;
    if (quote == '#') {
      while (at + 1 < query.size() && query[at + 1] != '\n') outline.outside += query[++at];
    }
    if (quote != '"' && quote != '\'' && quote != '`') continue;
    std::string literal;
    for (++at; at < query.size() && query[at] != quote; ++at) {
      if (quote != '`' && query[at] == '\n') return std::nullopt;
      if (quote != '`' && query[at] == '\\') {
        unescape(query, at, literal);
      } else {
        literal += query[at];
      }
    }
    if (at >= query.size()) return std::nullopt;
    outline.literals.push_back(std::move(literal));
  }
  return outline;
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

constexpr std::string_view kMarker = "qZ7value7Zq";

// Against the same query with a harmless word for the value.
void check_value(const std::string& query, const analysis::Subject& subject, const std::string& value) {
  if (query.contains(kMarker)) return;
  const auto with = [&](std::string_view v) {
    return analysis::render(query, subject, analysis::Seconds{30}, {{"v", std::string(v)}});
  };
  const auto harmless = with(kMarker);
  const auto real = with(value);
  if (!harmless) return require(!real, "a value does not decide whether a template can be used");
  if (!real)
    return require(value.contains('`'), "a value is refused for its backquote only: " + real.error());
  require(*with(value) == *real, "the result is always the same");
  const auto expected = outline_of(*harmless);
  if (!expected || expected->outside.contains(kMarker)) return;
  const auto found = outline_of(*real);
  if (!found) return require(false, "the value leaves literals closed: " + *real);
  require(found->outside == expected->outside, "the value stays in its literal: " + *real);
  require(found->literals.size() == expected->literals.size(), "the value makes no literals: " + *real);
  for (std::size_t i = 0; i < expected->literals.size(); ++i) {
    require(found->literals[i] == replaced(expected->literals[i], kMarker, value),
            "a literal holds the value as it is: " + *real);
  }
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto input = fuzz::parse_json(fuzz::text_of(data, size));
  const auto query = fuzz::text(input, "query", fuzz::text_of(data, size));
  const auto name = fuzz::text(input, "name", "checkout-v2");
  const analysis::Subject subject{
      .name_space = name, .name = name, .target = name, .stable = name, .service = name};
  std::map<std::string, std::string> own;
  const auto& variables = fuzz::member(input, "variables");
  if (variables.is_object()) {
    for (const auto& [key, value] : variables.items()) own.emplace(key, value.dump());
  }
  const auto checked = analysis::check_template(query, own);
  const auto rendered = analysis::render(query, subject, analysis::Seconds{30}, own);
  fuzz::require(checked || !checked.error().empty(), "a refusal is a sentence");
  fuzz::require(rendered || !rendered.error().empty(), "a refusal is a sentence");
  fuzz::check_value(query, subject, fuzz::text(input, "value", "\"} or vector(1) #\\"));
  return 0;
}
