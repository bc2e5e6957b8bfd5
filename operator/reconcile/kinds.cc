#include "operator/reconcile/kinds.h"

#include <algorithm>
#include <utility>

#include "operator/base/json.h"
#include "operator/reconcile/endpoints.h"
#include "operator/reconcile/interest.h"
#include "operator/reconcile/trim.h"
#include "operator/routing/kinds.h"

namespace weir::reconcile {
namespace {

using Trim = void (*)(Json&);
using Names = std::vector<std::string> (*)(const Json&);
using Concerned = std::vector<kube::Key> (*)(const kube::Stores&, const kube::Change&);
enum class LastWriter { Kept, Dropped };

kube::Form form(LastWriter last_writer, Trim trim, std::function<std::vector<std::string>(const Json&)> terms,
                Names parts = nullptr) {
  const auto trimmed = [last_writer, trim](Json& object) {
    trim_metadata(object, last_writer == LastWriter::Kept);
    if (trim != nullptr && base::field(object, {"metadata"}).is_object()) trim(object);
  };
  return {.trim = trimmed, .terms = std::move(terms), .parts = parts};
}

WatchedKind row(const kube::Resource& resource, bool has_status, LastWriter last_writer, Trim trim,
                Names terms, Concerned concerned, Names parts = nullptr) {
  return {.kind = {.resource = resource, .has_status = has_status},
          .form = form(last_writer, trim, terms, parts),
          .concerned = concerned};
}

WatchedKind row_of(const routing::Kind& kind) {
  const auto terms = [&kind](const Json& object) {
    auto found = kind.terms == nullptr ? std::vector<std::string>{} : kind.terms(object);
    add_maker(found, object);
    return found;
  };
  return {.kind = {.resource = {kind.group, kind.versions.front(), kind.plural, kind.kind},
                   .has_status = true,
                   .optional = true,
                   .other_versions = kind.versions.subspan(1)},
          .form = form(kind.keeps_last_writer ? LastWriter::Kept : LastWriter::Dropped, kind.trim, terms),
          .concerned = [&kind](const kube::Stores& stores, const kube::Change& change) {
            return concerned_by_routing(kind, stores, change);
          }};
}

std::vector<WatchedKind> make_watched_kinds() {
  constexpr auto kKept = LastWriter::Kept;
  constexpr auto kDropped = LastWriter::Dropped;
  std::vector kinds{
      row(kube::kCanaries, true, kDropped, trim_canary, terms_of_canary, concerned_by_canary),
      row(kube::kMetricTemplates, false, kDropped, nullptr, nullptr, concerned_by_template),
      row(kube::kDeployments, true, kDropped, trim_deployment, terms_of_deployment, concerned_by_deployment),
      row(kube::kEndpointSlices, false, kDropped, trim_slice, terms_of_slice, concerned_by_slice,
          ready_endpoints_in),
      row(kube::kServices, true, kKept, trim_service, terms_of_service, concerned_by_service)};
  for (const auto& kind : routing::kinds()) kinds.push_back(row_of(kind));
  return kinds;
}

const WatchedKind* find(const kube::Resource& resource) {
  const auto& kinds = watched_kinds();
  const auto found =
      std::ranges::find_if(kinds, [&](const WatchedKind& row) { return row.kind.resource == resource; });
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace

const std::vector<WatchedKind>& watched_kinds() {
  static const auto kKinds = make_watched_kinds();
  return kKinds;
}

std::vector<kube::KeptKind> kept_kinds() {
  std::vector<kube::KeptKind> kept;
  for (const auto& row : watched_kinds()) kept.push_back({row.kind, row.form});
  return kept;
}

const std::vector<kube::Kind>& all_kinds() {
  static const auto kAll = [] {
    std::vector<kube::Kind> all;
    for (const auto& row : watched_kinds()) all.push_back(row.kind);
    all.insert(all.end(), kube::kUnwatchedKinds.begin(), kube::kUnwatchedKinds.end());
    return all;
  }();
  return kAll;
}

kube::Form form_of(const kube::Resource& resource) {
  const auto* row = find(resource);
  return row == nullptr ? form(LastWriter::Dropped, nullptr, nullptr) : row->form;
}

std::vector<kube::Key> concerned(const kube::Stores& stores, const kube::Resource& resource,
                                 const kube::Change& change) {
  const auto* row = find(resource);
  return row == nullptr ? std::vector<kube::Key>{} : row->concerned(stores, change);
}

}  // namespace weir::reconcile
