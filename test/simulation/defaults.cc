#include "test/simulation/defaults.h"

#include <spdlog/fmt/fmt.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "operator/offline/yaml.h"

namespace weir::simulation {
namespace {

using kube::Json;

// What is left of an OpenAPI schema when only the parts that have defaults are kept.
struct Schema {
  Json value;                                // the default; null: none
  std::map<std::string, Schema> properties;  // of an object
  std::unique_ptr<Schema> each;              // of an array's items, or of an object's other properties
  [[nodiscard]] bool empty() const { return value.is_null() && properties.empty() && !each; }
};

Schema compile(const Json& schema) {
  Schema compiled;
  if (!schema.is_object()) return compiled;
  compiled.value = schema.value("default", Json());
  const auto properties = schema.find("properties");
  if (properties != schema.end()) {
    for (const auto& [name, property] : properties->items()) {
      Schema part = compile(property);
      if (!part.empty()) compiled.properties.emplace(name, std::move(part));
    }
  }
  for (const char* field : {"items", "additionalProperties"}) {
    Schema part = compile(schema.value(field, Json()));
    if (!part.empty()) compiled.each = std::make_unique<Schema>(std::move(part));
  }
  return compiled;
}

void fill(const Schema& schema, Json& value) {
  if (value.is_object()) {
    for (const auto& [name, property] : schema.properties) {
      auto found = value.find(name);
      if (!property.value.is_null() && (found == value.end() || found->is_null())) {
        value[name] = property.value;
        found = value.find(name);
      }
      if (found != value.end()) fill(property, *found);
    }
  }
  if (!schema.each || !value.is_structured()) return;
  for (const auto& item : value.items()) {
    if (value.is_object() && schema.properties.contains(item.key())) continue;
    fill(*schema.each, item.value());
  }
}

Json read_crd(const std::string& name) {
  const std::string path = std::string(WEIR_SOURCE_DIR) + "/manifests/crds/" + name;
  std::ifstream file(path);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto documents = offline::parse_yaml(text, path);
  if (!documents || documents->empty()) {
    throw std::runtime_error(documents ? path + " has no document" : documents.error());
  }
  return documents->front().object;
}

using Schemas = std::map<std::string, Schema, std::less<>>;  // by the resource's plural

// Of the one version that each of our CRDs has.
Schemas read_schemas() {
  Schemas schemas;
  for (const auto& resource : {kube::kCanaries, kube::kMetricTemplates}) {
    const Json crd = read_crd(std::string(resource.plural) + ".weir.dev.yaml");
    schemas.emplace(resource.plural, compile(crd.at("/spec/versions/0/schema/openAPIV3Schema"_json_pointer)));
  }
  return schemas;
}

void set_if_absent(Json& object, const char* field, const Json& value) {
  if (!object.contains(field)) object[field] = value;
}

// An address that no other Service of the run is likely to have; the server never changes it later.
std::string cluster_ip(const Json& service) {
  std::uint32_t hash = 2'166'136'261;
  for (const char c : service.at("metadata").dump())
    hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619;
  return fmt::format("10.96.{}.{}", hash >> 8U & 255U, hash & 255U);
}

void fill_service(Json& spec, const Json& service, const Json& before) {
  const Json known = before.is_object() ? before.value("spec", Json::object()) : Json::object();
  set_if_absent(spec, "clusterIP", known.value("clusterIP", cluster_ip(service)));
  set_if_absent(spec, "clusterIPs", Json::array({spec["clusterIP"]}));
  set_if_absent(spec, "type", "ClusterIP");
  set_if_absent(spec, "sessionAffinity", "None");
  set_if_absent(spec, "internalTrafficPolicy", "Cluster");
  const auto ports = spec.find("ports");
  if (ports == spec.end() || !ports->is_array()) return;
  for (Json& port : *ports) {
    if (!port.is_object()) continue;
    set_if_absent(port, "protocol", "TCP");
    if (port.contains("port")) set_if_absent(port, "targetPort", port["port"]);
  }
}

}  // namespace

void fill_defaults(const kube::Resource& resource, Json& object, const Json& before) {
  static const Schemas kSchemas = read_schemas();
  if (const auto schema = kSchemas.find(resource.plural); schema != kSchemas.end()) {
    fill(schema->second, object);
    return;
  }
  const auto spec = object.find("spec");
  if (spec == object.end() || !spec->is_object()) return;
  if (resource == kube::kDeployments) set_if_absent(*spec, "replicas", 1);
  if (resource == kube::kServices) fill_service(*spec, object, before);
}

}  // namespace weir::simulation
