#include "operator/routing/istio/kinds.h"

#include <array>
#include <string>

#include "operator/base/json.h"
#include "operator/routing/istio/mentions.h"
#include "operator/routing/ownership.h"

namespace weir::routing {
namespace {

using base::field;
using base::text;

constexpr std::string_view kGroup = "networking.istio.io";
// Their schemas are the same.
constexpr std::array<std::string_view, 3> kVersions{"v1", "v1beta1", "v1alpha3"};

// Of labels the one that marks the objects that the operator makes is read.
void trim(Json& object) {
  object.erase("status");
  auto& metadata = object["metadata"];
  const auto managed_by = text(metadata, {"labels", kManagedBy});
  metadata.erase("labels");
  if (!managed_by.empty()) metadata["labels"][kManagedBy] = managed_by;
}

void add_names(const Json& list, const char* name, std::vector<std::string>& names) {
  if (!list.is_array()) return;
  for (const auto& entry : list) names.push_back(text(entry, {name}));
}

std::vector<std::string> named_by(const Json& canary) {
  std::vector<std::string> names;
  add_names(field(canary, {"spec", "routing", "istio", "virtualServices"}), "name", names);
  add_names(field(canary, {"status", "routes"}), "object", names);
  return names;
}

// The releases of what a root delegates to, as "delegate namespace/name".
std::vector<std::string> delegated(std::string_view term, const Find& find) {
  if (!term.starts_with(kDelegateTerms)) return {};
  const auto name = term.substr(kDelegateTerms.size());
  const auto slash = name.find('/');
  const auto found = find(name.substr(0, slash), name.substr(slash + 1));
  if (!found) return {};
  auto terms = terms_of_virtual_service(*found);
  std::erase_if(terms, [](const std::string& one) { return !one.starts_with(kHostTerms); });
  return terms;
}

std::vector<std::string> covered(std::string_view term, const Find& /*find*/) {
  if (term != kWildcardRule) return {};
  return {std::string(kEveryRelease)};
}

constexpr std::array kKinds{Kind{.group = kGroup,
                                 .versions = kVersions,
                                 .plural = "virtualservices",
                                 .kind = "VirtualService",
                                 .keeps_last_writer = true,
                                 .trim = trim,
                                 .terms = terms_of_virtual_service,
                                 .named_by = named_by,
                                 .also_concerns = delegated},
                            Kind{.group = kGroup,
                                 .versions = kVersions,
                                 .plural = "destinationrules",
                                 .kind = "DestinationRule",
                                 .trim = trim,
                                 .terms = terms_of_destination_rule,
                                 .also_concerns = covered}};

}  // namespace

std::span<const Kind> istio_kinds() { return kKinds; }

}  // namespace weir::routing
