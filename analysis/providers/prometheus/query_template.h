// PromQL with {{ variables }}: what a user writes in a metric's query.
//
// Known are namespace, name, target, stable, service, interval ("30s") and weight ("10"), and the metric's
// own templateVariables, as {{ foo }} or {{ variables.foo }}; the short form of an own variable cannot hide
// one of the first seven. Spaces inside the braces do not matter.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <string_view>

#include "analysis/check.h"

namespace weir::analysis {

// `value` as it must be written within a PromQL string literal in `quote`s ('"' or '\'').
[[nodiscard]] std::string escape_literal(std::string_view value, char quote = '"');

// The query with its variables filled in. A value within a string literal is escaped for it, and cannot end
// it; elsewhere it is inserted as it is, so that a variable may also be a number or a matcher. In a literal
// after =~ or !~ the names of the release stand for themselves (the dot of "web.v2" is no wildcard there),
// while own variables may be patterns. The error is a sentence that names
// what cannot be used, and the variables that are known.
[[nodiscard]] std::expected<std::string, std::string> render(std::string_view query, const Subject& subject,
                                                             Seconds interval,
                                                             const std::map<std::string, std::string>& own);

// Whether the query has {{ name }}.
[[nodiscard]] bool uses_variable(std::string_view query, std::string_view name);

// Whether `render` will succeed with these own variables, before there is a release to render for.
[[nodiscard]] std::expected<void, std::string> check_template(std::string_view query,
                                                              const std::map<std::string, std::string>& own);

}  // namespace weir::analysis
