#include "operator/cli/canary_file.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>

#include "operator/kube/object.h"
#include "operator/offline/world.h"

namespace weir::cli {
namespace {

constexpr std::size_t kMaxDocumentsNamed = 30;

std::string namespace_of(const Json& object, const std::string& otherwise) {
  const std::string name_space = kube::metadata_text(object, "namespace");
  return name_space.empty() ? otherwise : name_space;
}

std::string name_of(const Json& object, const std::string& name_space) {
  kube::Key key{"", kube::metadata_text(object, "name")};
  if (offline::resource_of(object) != nullptr) key.name_space = namespace_of(object, name_space);
  return object.value("kind", "") + " " + kube::to_string(key);
}

}  // namespace

std::vector<std::string> files_of(const Arguments& arguments) {
  std::vector<std::string> files;
  if (const auto given = arguments.flags.find("filename"); given != arguments.flags.end())
    files = given->second;
  files.insert(files.end(), arguments.rest.begin(), arguments.rest.end());
  return files;
}

std::string documents_seen(const std::vector<offline::Document>& documents, const std::string& name_space) {
  if (documents.empty()) return "no document was seen";
  std::string text;
  std::string file;
  for (std::size_t i = 0; i < std::min(documents.size(), kMaxDocumentsNamed); ++i) {
    if (i == 0 || documents[i].file != file) {
      text += fmt::format("{}in {}: ", i == 0 ? "seen " : "; ", documents[i].file);
    } else {
      text += ", ";
    }
    file = documents[i].file;
    text += name_of(documents[i].object, name_space);
  }
  if (documents.size() > kMaxDocumentsNamed)
    text += fmt::format(" and {} more", documents.size() - kMaxDocumentsNamed);
  return text;
}

std::expected<canary::Canary, std::string> find_canary(const std::vector<offline::Document>& documents,
                                                       const std::string& name_space) {
  std::optional<canary::Canary> found;
  for (const offline::Document& document : documents) {
    const kube::Resource* resource = offline::resource_of(document.object);
    if (resource == nullptr) continue;
    if (*resource == kube::kMetricTemplates) {
      const auto parsed = canary::parse_template(document.object, canary::UnknownFields::Refuse);
      if (parsed) continue;
      return std::unexpected(document.position(parsed.error().field) + ": " + parsed.error().message);
    }
    if (*resource != kube::kCanaries) continue;
    auto parsed = canary::parse(document.object, canary::UnknownFields::Refuse);
    if (!parsed)
      return std::unexpected(document.position(parsed.error().field) + ": " + parsed.error().message);
    if (found) return std::unexpected(document.position("") + ": a second Canary: one release at a time");
    found = std::move(*parsed);
    found->name_space = namespace_of(document.object, name_space);
  }
  if (!found) return std::unexpected("there is no Canary; " + documents_seen(documents, name_space));
  return *std::move(found);
}

std::expected<canary::Canary, std::string> read_canary(const Arguments& arguments, std::istream& in) {
  const auto files = files_of(arguments);
  if (files.empty()) return std::unexpected("no file: -f names the one with the Canary, - standard input");
  const auto documents = offline::read_yaml(files, in);
  if (!documents) return std::unexpected(documents.error());
  return find_canary(*documents, arguments.value("namespace", "default"));
}

}  // namespace weir::cli
