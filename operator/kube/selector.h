// Label selectors as kubectl writes them.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "operator/kube/api.h"

namespace weir::kube {

// All requirements must hold. Grammar: "a=b", "a==b", "a!=b", "a in (b,c)", "a notin (b,c)", "a", "!a",
// joined by commas. As Kubernetes has it, != and notin also hold for an object without the label.
class Selector {
 public:
  // The error is a sentence that quotes the requirement.
  [[nodiscard]] static std::expected<Selector, std::string> parse(std::string_view text);
  [[nodiscard]] bool matches(const Json& object) const;

 private:
  enum class Relation { In, NotIn, Exists, Absent };
  struct Requirement {
    std::string label;
    Relation relation = Relation::Exists;
    std::vector<std::string> values;
  };
  static std::expected<Requirement, std::string> parse_requirement(std::string_view text);

  std::vector<Requirement> requirements_;
};

}  // namespace weir::kube
