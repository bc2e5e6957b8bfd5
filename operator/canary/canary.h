// The Canary resource between its JSON form and the values that the release is decided from.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "analysis/check.h"
#include "strategies/plan.h"

namespace weir::canary {

using Json = nlohmann::json;

// A field that cannot be used. `message` names the field, its value and what is accepted.
struct FieldError {
  std::string field;  // "spec.analysis.stepWeight"
  std::string message;
};

template <typename T>
using Result = std::expected<T, FieldError>;

// A metric as the Canary words it; its MetricTemplate, if it names one, is not resolved yet.
struct MetricSpec {
  analysis::Metric metric;
  std::string template_name;       // of a MetricTemplate; empty: none
  std::string template_namespace;  // empty: the Canary's
};

struct Canary {
  std::string name_space;
  std::string name;
  std::string uid;
  std::int64_t generation = 0;
  strategies::TimePoint created;
  bool deleting = false;
  bool has_finalizer = false;
  std::string rollback_requested;  // annotation weir.dev/rollback: why; empty: nobody asked
  // As the user wrote it; but of a release that has begun what identifies it is as its status has recorded
  // it.
  strategies::Spec spec;
  std::vector<std::string>
      departures;  // sentences: where the user's spec says something else than the record
  analysis::JudgeSettings judge;
  std::vector<MetricSpec> metrics;
  strategies::Status status;
};

inline constexpr std::string_view kFinalizer = "weir.dev/traffic";
inline constexpr std::string_view kRollbackAnnotation = "weir.dev/rollback";

// Reads a Canary as the API server serves it, or as a user wrote it: absent fields take the CRD's defaults,
// and what its validation refuses is refused here too, in the same words.
// Fields that this version does not have are ignored by the operator, since a newer definition may be
// installed before it is; whoever reads a user's file refuses them.
enum class UnknownFields { Ignore, Refuse };
[[nodiscard]] Result<Canary> parse(const Json& object, UnknownFields unknown = UnknownFields::Ignore);

// A release that has begun, from its record and what can be read of its spec: for a Canary that `parse`
// refuses with `error`. Empty for one that has not begun, unless it is being deleted.
[[nodiscard]] std::optional<Canary> from_record(const Json& object, const FieldError& error);

// The `status` of the resource, and back. to_json(status_from(x)) loses nothing that the operator wrote.
[[nodiscard]] Json to_json(const strategies::Status& status, const strategies::Spec& spec);
[[nodiscard]] strategies::Status status_from(const Json& json);

// A MetricTemplate's provider and query over a metric that names it. Secrets are the caller's to add.
struct MetricTemplate {
  std::string provider;  // its type (analysis/providers/registry.h)
  std::string address;
  std::string query;
  std::map<std::string, std::string> headers;
  bool insecure_skip_verify = false;
  std::string
      secret;  // name of a Secret in the template's namespace with `username` and `password`, or `token`
};
[[nodiscard]] Result<MetricTemplate> parse_template(const Json& object,
                                                    UnknownFields unknown = UnknownFields::Ignore);

// Whether the metric's query, or that of the MetricTemplate that it names, can be asked with the metric's
// variables. The error is a sentence; no query is fine.
[[nodiscard]] std::expected<void, std::string> check_query(const MetricSpec& metric,
                                                           const MetricTemplate* named = nullptr);

}  // namespace weir::canary
