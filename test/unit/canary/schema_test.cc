// The parser against the resource definitions: both must mean the same.
#include <gmock/gmock.h>

#include <functional>

#include "analysis/providers/registry.h"
#include "operator/base/time.h"
#include "operator/canary/fields.h"
#include "support.h"

namespace weir::canary {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Json schema_of(const std::string& file) {
  return load_yaml("manifests/crds/" + file)
      .at("spec")
      .at("versions")
      .at(0)
      .at("schema")
      .at("openAPIV3Schema")
      .at("properties");
}

Json canary_schema() { return schema_of("canaries.weir.dev.yaml").at("spec"); }

// Fills in defaults as the API server does.
void apply_defaults(const Json& schema, Json& value) {
  if (schema.contains("items") && value.is_array()) {
    for (auto& item : value) apply_defaults(schema.at("items"), item);
  }
  if (!schema.contains("properties") || !value.is_object()) return;
  for (const auto& [name, property] : schema.at("properties").items()) {
    if (!value.contains(name) && property.contains("default")) value[name] = property.at("default");
    if (value.contains(name)) apply_defaults(property, value[name]);
  }
}

// An object that has what `schema` requires, and `more`.
Json example_of(const Json& schema, const Json& more = Json::object()) {
  Json example = Json::object();
  for (const auto& name : schema.value("required", Json::array())) {
    if (name == "name") example["name"] = "request-duration";
    if (name == "thresholdRange") example["thresholdRange"] = {{"max", 500}};
  }
  example.merge_patch(more);
  return example;
}

// Calls `visit` with every property below `schema` and a function that puts a value of it into a spec.
using Put = std::function<Json(Json)>;
using Visit = std::function<void(const std::string& path, const Json& property, const Put& put)>;
void walk(const Json& schema, const std::string& path, const Put& put, const Visit& visit) {
  for (const auto& [name, property] : schema.at("properties").items()) {
    const Put put_here = [&, key = name](Json value) {
      return put(example_of(schema, {{key, std::move(value)}}));
    };
    visit(path + "." + name, property, put_here);
    if (property.contains("properties")) walk(property, path + "." + name, put_here, visit);
    if (!property.contains("items") || !property.at("items").contains("properties")) continue;
    const Put put_item = [&](Json value) { return put_here(Json::array({std::move(value)})); };
    walk(property.at("items"), path + "." + name + "[0]", put_item, visit);
  }
}

void for_each_property(const Visit& visit) {
  walk(canary_schema(), "spec", [](Json spec) { return spec; }, visit);
}

TEST(Schema, has_the_defaults_of_the_parser) {
  for (const Json& spec : {Json::object(), Json{{"stableRef", {{"name", "checkout-v1"}}}}}) {
    const auto plain = canary_with(spec);
    auto filled = plain;
    apply_defaults(canary_schema(), filled["spec"]);
    ASSERT_NE(plain, filled);
    EXPECT_EQ(spec_of(plain), spec_of(filled));
  }
}

TEST(Schema, has_the_default_weights_of_the_parser_in_its_descriptions) {
  const auto analysis = canary_schema().at("properties").at("analysis").at("properties");
  EXPECT_THAT(analysis.at("stepWeight").at("description").get<std::string>(), HasSubstr("10 unless"));
  EXPECT_THAT(analysis.at("maxWeight").at("description").get<std::string>(), HasSubstr("50 unless"));
  EXPECT_EQ(spec_of(canary_with()).at("strategy"), "10,20,30,40,50 %");
}

TEST(Schema, has_the_enumerations_of_the_parser) {
  int seen = 0;
  for_each_property([&](const std::string& path, const Json& property, const Put& put) {
    if (!property.contains("enum")) return;
    ++seen;
    std::string supported;
    for (const auto& value : property.at("enum")) {
      supported += (supported.empty() ? "" : ", ") + value.dump();
      EXPECT_THAT(refusal_of(canary_with(put(value))), Not(HasSubstr(path + " is"))) << path;
    }
    EXPECT_THAT(refusal_of(canary_with(put("Other"))), HasSubstr("supported values: " + supported)) << path;
  });
  EXPECT_GE(seen, 11);
}

TEST(Schema, has_the_fields_of_the_parser_and_no_others) {
  for_each_property([&](const std::string& path, const Json& property, const Put& put) {
    EXPECT_THAT(refusal_of(canary_with(put(nullptr))), Not(HasSubstr("not a field"))) << path;
    const Json wrong = property.at("type") == "string" ? Json(17) : Json("17 of them");
    EXPECT_THAT(refusal_of(canary_with(put(wrong))), HasSubstr("must be of type")) << path;
    if (!property.contains("properties")) return;
    EXPECT_THAT(refusal_of(canary_with(put(example_of(property, {{"unheardOf", 1}})))),
                HasSubstr("unheardOf is not a field"))
        << path;
  });
}

TEST(Schema, has_the_bounds_of_the_parser) {
  for_each_property([&](const std::string& path, const Json& property, const Put& put) {
    const auto refused = [&](Json value) { return refusal_of(canary_with(put(std::move(value)))); };
    if (property.contains("minimum")) {
      const auto least = property.at("minimum").get<double>();
      const std::string sentence = "it must be " + number_text(least);
      EXPECT_THAT(refused(least - 1), HasSubstr(sentence)) << path;
      EXPECT_THAT(refused(least), Not(HasSubstr(sentence))) << path;
    }
    if (property.contains("maximum")) {
      const auto most = property.at("maximum").get<double>();
      EXPECT_THAT(refused(most + 1), HasSubstr("to " + number_text(most))) << path;
      EXPECT_THAT(refused(most), Not(HasSubstr("to " + number_text(most)))) << path;
    }
    if (property.contains("maxItems")) {
      const auto most = property.at("maxItems").get<std::size_t>();
      EXPECT_THAT(refused(Json(most + 1, Json::object())), HasSubstr("at most " + std::to_string(most)))
          << path;
    }
  });
}

TEST(Schema, describes_every_field) {
  for (const std::string file : {"canaries.weir.dev.yaml", "metrictemplates.weir.dev.yaml"}) {
    const auto parts = schema_of(file);
    for (const auto& [part, schema] : parts.items()) {
      if (part == "metadata") continue;
      EXPECT_TRUE(schema.contains("description")) << file << " " << part;
      if (!schema.contains("properties")) continue;
      walk(
          schema, part, [](Json value) { return value; },
          [&](const std::string& path, const Json& property, const auto&) {
            EXPECT_TRUE(property.contains("description")) << file << " " << path;
          });
    }
  }
}

TEST(Schema, keeps_every_field_of_a_status) {
  const auto properties = schema_of("canaries.weir.dev.yaml").at("status").at("properties");
  const auto now = *base::parse_time("2026-11-24T11:58:23Z");
  strategies::Status status;
  status.checks_in_step = status.iterations = status.drifts = status.dead_intervals = 1;
  status.target = status.rollback_reason = status.successor = status.message = "text";
  status.stable = status.candidate = {"checkout", "v1", 1, 1, "hash"};
  status.identity = {.service = "checkout",
                     .router = "istio",
                     .version_label = "version",
                     .router_settings = "{}",
                     .stable_version = "v1",
                     .candidate_version = "v2",
                     .stable_replicas = 1,
                     .stable_ready = 1,
                     .cluster_domain = "cluster.local"};
  status.started_at = status.step_started_at = status.last_transition_time = now;
  status.last_progress_at = status.breaker_tripped_at = now;
  status.checks = {{.name = "m",
                    .reason = "r",
                    .value = 1,
                    .min = 1,
                    .max = 1,
                    .stable = 1,
                    .samples = 1,
                    .message = "m"}};
  status.evidence = R"({"message": "m", "value": 1, "needed": 100, "moreRequests": 1, "state": {},
                        "stable": {"requests": 1, "failures": 1}, "candidate": {"requests": 1, "failures": 1}})";
  status.routes = {{"object", "key", "original"}};
  status.history = {{.sequence = 1, .reason = "r", .message = "m"}};
  status.conditions = {{.type = "Promoted", .reason = "r", .message = "m", .observed_generation = 1}};

  const std::function<void(const Json&, const Json&)> compare = [&](const Json& schema, const Json& value) {
    for (const auto& [name, member] : value.items()) {
      ASSERT_TRUE(schema.contains(name)) << name;
      const auto& property = schema.at(name);
      if (property.contains("properties")) compare(property.at("properties"), member);
      if (property.contains("items")) compare(property.at("items").at("properties"), member.at(0));
    }
    EXPECT_EQ(schema.size(), value.size()) << value.dump();
  };
  Json written = to_json(status, {});
  written["leaderTerm"] = 1;  // whoever writes it signs it
  compare(properties, written);
}

TEST(Schema, is_the_same_in_the_chart) {
  for (const std::string file : {"canaries.weir.dev.yaml", "metrictemplates.weir.dev.yaml"}) {
    EXPECT_EQ(load_text("charts/weir/crds/" + file), load_text("manifests/crds/" + file))
        << "cp manifests/crds/*.yaml charts/weir/crds/";
  }
}

// `helm show crds` puts the files one after the other with nothing between them: without the mark kubectl
// takes all for one document, and applies the last definition alone.
TEST(Schema, begins_a_document_of_its_own_in_each_file) {
  for (const std::string file : {"canaries.weir.dev.yaml", "metrictemplates.weir.dev.yaml"}) {
    EXPECT_THAT(load_text("manifests/crds/" + file), StartsWith("---\n")) << file;
  }
}

TEST(Schema, has_the_rules_of_the_template_parser) {
  const auto provider = schema_of("metrictemplates.weir.dev.yaml").at("spec").at("properties").at("provider");
  EXPECT_EQ(provider.at("properties").at("type").at("enum"), Json(analysis::offered_providers()));
  EXPECT_EQ(provider.at("properties").at("type").at("default"), analysis::kDefaultProvider);
  EXPECT_EQ(provider.at("properties").at("insecureSkipVerify").at("default"), false);
}

}  // namespace
}  // namespace weir::canary
