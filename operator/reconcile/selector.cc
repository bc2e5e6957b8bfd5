#include "operator/reconcile/selector.h"

#include <algorithm>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/reconcile/interest.h"

namespace weir::reconcile {

using strategies::Selects;

Json selector_of(const Json& service) {
  const auto& selector = base::field(service, {"spec", "selector"});
  return selector.is_object() ? selector : Json::object();
}

Json template_labels(const Json& deployment) {
  const auto& labels = base::field(deployment, {"spec", "template", "metadata", "labels"});
  return labels.is_null() ? Json::object() : labels;
}

bool matches(const Json& selector, const Json& labels) {
  return std::ranges::all_of(
      selector.items(), [&](const auto& item) { return labels.value(item.key(), Json()) == item.value(); });
}

Selects selects(const Json& service, const std::string& version_label, const std::string& stable,
                const std::string& candidate) {
  const auto keys = selector_of(service);
  const auto version = keys.find(version_label);
  if (version == keys.end()) return Selects::Both;
  if (*version == stable) return Selects::Stable;
  return *version == candidate ? Selects::Candidate : Selects::Other;
}

std::vector<std::string> selected_workloads(const Json& service, const std::string& name_space,
                                            const kube::Store& deployments) {
  const auto keys = selector_of(service);
  std::vector<std::string> names;
  for (const auto& stored : deployments.list_with(labelled_as(keys, name_space))) {
    if (matches(keys, template_labels(*stored.object)))
      names.push_back(kube::metadata_text(*stored.object, "name"));
  }
  return names;
}

}  // namespace weir::reconcile
