#include "operator/cli/canary_file.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <optional>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/offline/schema.h"
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

const offline::Document* find_template(const std::vector<offline::Document>& documents, const kube::Key& key,
                                       const std::string& name_space) {
  const auto found = std::ranges::find_if(documents, [&](const offline::Document& document) {
    const auto* resource = offline::resource_of(document.object);
    return resource != nullptr && *resource == kube::kMetricTemplates &&
           kube::metadata_text(document.object, "name") == key.name &&
           namespace_of(document.object, name_space) == key.name_space;
  });
  return found == documents.end() ? nullptr : &*found;
}

// Queries that could never be asked: the Canary's own, and those of the MetricTemplates that are there.
std::expected<void, std::string> check_queries(const canary::Canary& release,
                                               const offline::Document& written,
                                               const std::vector<offline::Document>& documents,
                                               const std::string& name_space) {
  for (std::size_t i = 0; i < release.metrics.size(); ++i) {
    const auto& metric = release.metrics[i];
    const auto& name = metric.metric.name;
    if (const auto own = canary::check_query(metric); !own) {
      return std::unexpected(written.position(fmt::format("spec.analysis.metrics[{}].query", i)) +
                             ": metric " + name + ": " + own.error());
    }
    if (metric.template_name.empty()) continue;
    const auto& space = metric.template_namespace.empty() ? release.name_space : metric.template_namespace;
    const auto* document = find_template(documents, {space, metric.template_name}, name_space);
    const auto named =
        document == nullptr ? std::nullopt : std::optional(canary::parse_template(document->object));
    if (!named || !*named) continue;
    if (const auto checked = canary::check_query(metric, &**named); !checked) {
      return std::unexpected(document->position("spec.query") + ": MetricTemplate " + metric.template_name +
                             " of metric " + name + ": " + checked.error());
    }
  }
  return {};
}

// What to say where no Canary is Weir's.
std::string no_canary(const std::vector<offline::Document>& documents, const std::string& name_space) {
  for (const offline::Document& document : documents) {
    if (base::text(document.object, {"kind"}) != kube::kCanaries.kind) continue;
    const auto version = base::text(document.object, {"apiVersion"});
    const bool flagger = version.starts_with("flagger.app/");
    return fmt::format(
        "{}: apiVersion of {} is \"{}\"{}; accepted is \"{}\"{}", document.position("apiVersion"),
        name_of(document.object, name_space), version, flagger ? ", Flagger's" : "",
        kube::kCanaries.api_version(),
        flagger ? ": write one for each release, with the Deployments of both versions beside each "
                  "other; docs/flagger.md has the fields of either side by side"
                : "");
  }
  return "there is no Canary; " + documents_seen(documents, name_space);
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
  const offline::Document* written = nullptr;
  for (const offline::Document& document : documents) {
    const kube::Resource* resource = offline::resource_of(document.object);
    if (resource == nullptr) continue;
    if (*resource == kube::kMetricTemplates) {
      const auto parsed = canary::parse_template(document.object, canary::UnknownFields::Refuse);
      if (!parsed)
        return std::unexpected(document.position(parsed.error().field) + ": " + parsed.error().message);
      if (const auto admitted = offline::admitted(document); !admitted)
        return std::unexpected(admitted.error());
      continue;
    }
    if (*resource != kube::kCanaries) continue;
    auto parsed = canary::parse(document.object, canary::UnknownFields::Refuse);
    if (!parsed)
      return std::unexpected(document.position(parsed.error().field) + ": " + parsed.error().message);
    if (const auto admitted = offline::admitted(document); !admitted)
      return std::unexpected(admitted.error());
    if (found) return std::unexpected(document.position("") + ": a second Canary: one release at a time");
    found = std::move(*parsed);
    written = &document;
    found->name_space = namespace_of(document.object, name_space);
  }
  if (!found) return std::unexpected(no_canary(documents, name_space));
  if (const auto checked = check_queries(*found, *written, documents, name_space); !checked)
    return std::unexpected(checked.error());
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
