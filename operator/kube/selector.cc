#include "operator/kube/selector.h"

#include <algorithm>
#include <optional>

namespace weir::kube {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Splits at commas that are not within parentheses.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '(') ++depth;
    if (i < text.size() && text[i] == ')') --depth;
    if (i < text.size() && (text[i] != ',' || depth > 0)) continue;
    parts.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

bool is_label(std::string_view text) {
  return !text.empty() && text.find_first_of(" \t()!=,") == std::string_view::npos;
}

std::optional<std::string> label_of(const Json& object, const std::string& label) {
  const auto metadata = object.find("metadata");
  if (metadata == object.end() || !metadata->is_object()) return std::nullopt;
  const auto labels = metadata->find("labels");
  if (labels == metadata->end() || !labels->is_object()) return std::nullopt;
  const auto value = labels->find(label);
  if (value == labels->end() || !value->is_string()) return std::nullopt;
  return value->get<std::string>();
}

}  // namespace

std::expected<Selector::Requirement, std::string> Selector::parse_requirement(std::string_view text) {
  Requirement requirement;
  const auto refuse = [&] {
    return std::unexpected("label selector: cannot read \"" + std::string(text) + "\"");
  };
  std::string_view label = text;
  if (const auto open = text.find('('); open != std::string_view::npos) {
    if (text.back() != ')') return refuse();
    const std::string_view head = trimmed(text.substr(0, open));
    const auto space = head.find_last_of(" \t");
    if (space == std::string_view::npos) return refuse();
    const std::string_view word = head.substr(space + 1);
    if (word != "in" && word != "notin") return refuse();
    requirement.relation = word == "in" ? Relation::In : Relation::NotIn;
    label = trimmed(head.substr(0, space));
    for (const auto value : split(text.substr(open + 1, text.size() - open - 2))) {
      requirement.values.emplace_back(value);
    }
  } else if (const auto equals = text.find('='); equals != std::string_view::npos) {
    const bool negated = equals > 0 && text[equals - 1] == '!';
    const bool doubled = equals + 1 < text.size() && text[equals + 1] == '=';
    requirement.relation = negated ? Relation::NotIn : Relation::In;
    label = trimmed(text.substr(0, equals - (negated ? 1 : 0)));
    requirement.values.emplace_back(trimmed(text.substr(equals + (doubled ? 2 : 1))));
  } else if (text.starts_with('!')) {
    requirement.relation = Relation::Absent;
    label = trimmed(text.substr(1));
  }
  if (!is_label(label)) return refuse();
  requirement.label = label;
  return requirement;
}

std::expected<Selector, std::string> Selector::parse(std::string_view text) {
  Selector selector;
  if (trimmed(text).empty()) return selector;
  for (const auto part : split(text)) {
    auto requirement = parse_requirement(part);
    if (!requirement) return std::unexpected(requirement.error());
    selector.requirements_.push_back(*std::move(requirement));
  }
  return selector;
}

bool Selector::matches(const Json& object) const {
  return std::ranges::all_of(requirements_, [&](const Requirement& requirement) {
    const auto value = label_of(object, requirement.label);
    const bool listed = value && std::ranges::find(requirement.values, *value) != requirement.values.end();
    switch (requirement.relation) {
      case Relation::In:
        return listed;
      case Relation::NotIn:
        return !listed;
      case Relation::Exists:
        return value.has_value();
      case Relation::Absent:
        return !value.has_value();
    }
    return false;
  });
}

}  // namespace weir::kube
