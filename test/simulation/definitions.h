// Which of its optional kinds the API server has, and in which versions: groups of definitions come and go.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "test/simulation/api_request.h"

namespace weir::simulation {

// To begin with, every kind is there in the version of its row.
class Definitions {
 public:
  // The group has its kinds in this version from now on, and in no other.
  void install(std::string_view group, std::string_view version);
  // The group has nothing any more.
  void remove(std::string_view group);

  [[nodiscard]] bool has(const kube::Resource& resource, std::string_view version) const;
  // The answer to GET /apis/GROUP or /apis/GROUP/VERSION; empty: the request asks for something else.
  [[nodiscard]] std::optional<http::Response> answer(const http::Request& request) const;

 private:
  // The one version of a group; null: of its row.
  [[nodiscard]] const std::string* version_of(std::string_view group) const;

  std::map<std::string, std::string, std::less<>> versions_;  // by group; empty: it has nothing
};

}  // namespace weir::simulation
