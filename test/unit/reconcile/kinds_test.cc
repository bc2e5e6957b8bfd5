#include "operator/reconcile/kinds.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "operator/routing/kinds.h"

namespace weir::reconcile {
namespace {

using kube::Json;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::vector<std::string> plurals(bool optional) {
  std::vector<std::string> found;
  for (const auto& [kind, form, concerned] : watched_kinds()) {
    if (kind.optional == optional) found.emplace_back(kind.resource.plural);
  }
  return found;
}

TEST(Kinds, of_routers_may_be_missing_and_no_others) {
  std::vector<std::string> of_routers;
  for (const auto& kind : routing::kinds()) of_routers.emplace_back(kind.plural);
  EXPECT_EQ(plurals(true), of_routers);
  EXPECT_THAT(plurals(false), UnorderedElementsAre("canaries", "metrictemplates", "deployments", "services",
                                                   "endpointslices"));
}

TEST(Kinds, of_routers_are_asked_for_in_their_best_version_first) {
  for (const auto& row : watched_kinds()) {
    if (row.kind.resource.group != "networking.istio.io") continue;
    EXPECT_EQ(row.kind.resource.version, "v1");
    EXPECT_THAT(row.kind.other_versions, ElementsAre("v1beta1", "v1alpha3"));
  }
}

TEST(Kinds, have_a_store_each_in_their_order) {
  kube::Stores stores{kept_kinds()};
  ASSERT_EQ(stores.all().size(), watched_kinds().size());
  for (std::size_t i = 0; i < stores.all().size(); ++i) {
    const auto& resource = watched_kinds()[i].kind.resource;
    EXPECT_EQ(stores.all()[i].kind.resource, resource);
    EXPECT_EQ(stores.of(resource), &stores.all()[i].store);
  }
}

TEST(Kinds, that_are_not_watched_concern_nobody_and_are_trimmed_of_metadata_alone) {
  kube::Stores stores{kept_kinds()};
  EXPECT_TRUE(concerned(stores, kube::kLeases, {.key = {"shop", "weir"}, .before = {}, .after = {}}).empty());
  Json lease{{"metadata", {{"name", "weir"}, {"managedFields", Json::array({1})}}}, {"status", {{"n", 1}}}};
  form_of(kube::kLeases).trim(lease);
  EXPECT_EQ(lease, Json({{"metadata", {{"name", "weir"}}}, {"status", {{"n", 1}}}}));
}

TEST(Kinds, are_listed_with_those_that_are_not_watched) {
  for (const auto& resource : {kube::kCanaries, kube::kVirtualServices, kube::kPods, kube::kLeases}) {
    EXPECT_EQ(std::ranges::count(all_kinds(), resource, &kube::Kind::resource), 1) << resource.plural;
  }
}

std::vector<std::string> lines_of_chart(const std::string& name) {
  std::ifstream file(std::string(WEIR_SOURCE_DIR "/charts/weir/templates/") + name);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  EXPECT_FALSE(lines.empty()) << name;
  return lines;
}

// "  verbs: [get, list]" of "verbs": what stands between the brackets; a part that depends on a value is not
// always there.
std::optional<std::set<std::string>> entries(const std::string& line, const std::string& field) {
  const auto at = line.find(field + ": [");
  if (at == std::string::npos) return std::nullopt;
  std::string text = line.substr(line.find('[', at) + 1);
  text.resize(std::min(text.find('{'), text.find(']')));
  std::istringstream parts(text);
  std::set<std::string> found;
  for (std::string part; std::getline(parts, part, ',');) {
    std::erase_if(part, [](char c) { return c == ' ' || c == '"'; });
    found.insert(part);
  }
  return found;
}

// Verbs by group and plural, of the rules of _rules.tpl that hold whatever the values are.
std::map<std::string, std::set<std::string>> rights() {
  std::map<std::string, std::set<std::string>> granted;
  std::set<std::string> groups, resources;
  int depth = 0;  // of blocks; 1: in the definition itself
  for (const auto& line : lines_of_chart("_rules.tpl")) {
    if (line.starts_with("{{- end"))
      --depth;
    else if (line.starts_with("{{- ") && !line.starts_with("{{- /*"))
      ++depth;
    if (auto given = entries(line, "apiGroups")) groups = *given;
    if (auto given = entries(line, "resources")) resources = *given;
    const auto verbs = entries(line, "verbs");
    if (!verbs || depth != 1) continue;
    for (const auto& group : groups)
      for (const auto& plural : resources) granted[group + "/" + plural].insert(verbs->begin(), verbs->end());
  }
  return granted;
}

TEST(Kinds, may_be_watched_by_whom_the_chart_installs) {
  const auto granted = rights();
  const auto expect = [&](const kube::Resource& resource, const std::vector<std::string>& verbs) {
    const auto name = std::string(resource.group) + "/" + std::string(resource.plural);
    const auto found = granted.find(name);
    ASSERT_NE(found, granted.end()) << "no rule for " << name;
    EXPECT_THAT(found->second, testing::IsSupersetOf(verbs)) << name;
  };
  for (const auto& row : watched_kinds()) expect(row.kind.resource, {"get", "list", "watch"});
  expect(kube::kPods, {"get", "list"});
}

// The rules stand once, for a Role and for a ClusterRole.
TEST(Kinds, are_granted_alike_for_one_namespace_and_for_all) {
  const auto lines = lines_of_chart("rbac.yaml");
  const auto scope =
      std::ranges::find(lines, R"({{- $kind := ternary "Role" "ClusterRole" (ne .Values.namespace "") }})");
  const auto kind = std::find(scope, lines.end(), "kind: {{ $kind }}");
  const auto rules = std::find(kind, lines.end(), R"({{ include "weir.rules" . }})");
  ASSERT_NE(rules, lines.end());
  EXPECT_EQ(*std::prev(rules), "rules:");
  EXPECT_EQ(std::count_if(kind, rules, [](const auto& line) { return line == "---"; }), 0);
}

// Replicas that share the releases watch each other's Leases.
TEST(Kinds, with_leases_may_be_watched_where_replicas_share) {
  const auto lines = lines_of_chart("rbac.yaml");
  const auto sharing = std::ranges::find(lines, "{{- if .Values.sharding.enabled }}");
  const auto otherwise = std::find(sharing, lines.end(), "{{- else }}");
  const auto leases = std::find(sharing, otherwise, "  resources: [leases]");
  ASSERT_NE(leases, otherwise);
  EXPECT_THAT(entries(*std::next(leases), "verbs").value(),
              testing::IsSupersetOf(std::vector<std::string>{"get", "list", "watch"}));
}

}  // namespace
}  // namespace weir::reconcile
