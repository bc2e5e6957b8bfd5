#include "strategies/plan.h"

#include <algorithm>
#include <array>
#include <utility>

namespace weir::strategies {
namespace {

template <typename Enum, std::size_t Size>
using Names = std::array<std::pair<Enum, std::string_view>, Size>;

template <typename Enum, std::size_t Size>
std::string_view name_of(const Names<Enum, Size>& names, Enum value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) return name;
  }
  return "Unknown";
}

template <typename Enum, std::size_t Size>
std::optional<Enum> value_of(const Names<Enum, Size>& names, std::string_view text) {
  for (const auto& [value, name] : names) {
    if (name == text) return value;
  }
  return std::nullopt;
}

constexpr Names<Phase, 8> kPhases{{{Phase::Pending, "Pending"},
                                   {Phase::Initializing, "Initializing"},
                                   {Phase::Progressing, "Progressing"},
                                   {Phase::Promoting, "Promoting"},
                                   {Phase::Finalizing, "Finalizing"},
                                   {Phase::Succeeded, "Succeeded"},
                                   {Phase::RollingBack, "RollingBack"},
                                   {Phase::Failed, "Failed"}}};

constexpr Names<Outcome, 3> kOutcomes{
    {{Outcome::Pass, "Pass"}, {Outcome::Fail, "Fail"}, {Outcome::Inconclusive, "Inconclusive"}}};

constexpr Names<ConditionStatus, 3> kConditionStatuses{{{ConditionStatus::True, "True"},
                                                        {ConditionStatus::False, "False"},
                                                        {ConditionStatus::Unknown, "Unknown"}}};

// Every edge of the graph of phases.
constexpr std::array<std::pair<Phase, Phase>, 16> kEdges{{
    {Phase::Pending, Phase::Initializing},
    {Phase::Pending, Phase::RollingBack},
    {Phase::Initializing, Phase::Progressing},
    {Phase::Initializing, Phase::Promoting},
    {Phase::Initializing, Phase::RollingBack},
    {Phase::Progressing, Phase::Initializing},
    {Phase::Progressing, Phase::Promoting},
    {Phase::Progressing, Phase::RollingBack},
    {Phase::Promoting, Phase::Initializing},
    {Phase::Promoting, Phase::Finalizing},
    {Phase::Promoting, Phase::RollingBack},
    {Phase::Finalizing, Phase::Succeeded},
    {Phase::Finalizing, Phase::RollingBack},
    {Phase::RollingBack, Phase::Failed},
    {Phase::Succeeded, Phase::Pending},
    {Phase::Failed, Phase::Pending},
}};

std::string_view describe_selects(Selects selects) {
  switch (selects) {
    case Selects::Both:
      return "both versions";
    case Selects::Stable:
      return "stable";
    case Selects::Candidate:
      return "the candidate";
    case Selects::Other:
      return "another version";
  }
  return "another version";
}

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

}  // namespace

std::string_view to_string(Phase phase) { return name_of(kPhases, phase); }
std::optional<Phase> phase_from(std::string_view text) { return value_of(kPhases, text); }
bool is_final(Phase phase) { return phase == Phase::Succeeded || phase == Phase::Failed; }

bool may_follow(Phase from, Phase to) {
  return std::ranges::find(kEdges, std::pair{from, to}) != kEdges.end();
}

std::string_view to_string(Outcome outcome) { return name_of(kOutcomes, outcome); }
std::optional<Outcome> outcome_from(std::string_view text) { return value_of(kOutcomes, text); }
std::string_view to_string(ConditionStatus status) { return name_of(kConditionStatuses, status); }
std::optional<ConditionStatus> condition_status_from(std::string_view text) {
  return value_of(kConditionStatuses, text);
}

Identity identity_of(const Spec& spec, const Status& status) {
  return {.service = spec.service.name,
          .router = spec.routing.provider,
          .version_label = spec.service.version_label,
          .mode = spec.service.mode,
          .router_settings = spec.routing.settings,
          .stable_version = status.stable.version,
          .candidate_version = status.candidate.version,
          .stable_replicas = status.stable.replicas,
          .stable_ready = status.stable.ready};
}

std::string_view to_string(ServiceMode mode) {
  return mode == ServiceMode::Dedicated ? "Dedicated" : "Placeholder";
}

Program stepwise(const std::vector<Weight>& steps, const std::vector<Weight>& promotion) {
  Program program;
  for (const auto weight : steps) program.steps.push_back({.traffic = {weight}});
  for (const auto weight : promotion) program.promotion.push_back({weight});
  return program;
}

int part_of(int share, Weight weight) { return share * weight.percent() / 100; }

bool RouteState::at(Weight weight) const {
  return unmanaged == 0 && !splits.empty() && std::ranges::all_of(splits, [&](const Split& split) {
           return split.exact ? split.candidate * 100 == split.share * weight.percent()
                              : split.candidate == part_of(split.share, weight);
         });
}

int RouteState::highest() const {
  int highest = 0;
  for (const auto& split : splits) {
    if (split.share > 0) highest = std::max(highest, (split.candidate * 100 + split.share - 1) / split.share);
  }
  return highest;
}

bool Observed::stable_serves() const {
  return service ? service->stable_endpoints > 0 : stable && stable->ready > 0;
}

bool Observed::only_candidate_serves() const {
  const bool candidate_serves =
      service ? service->candidate_endpoints > 0 : candidate && candidate->ready > 0;
  return candidate_serves && !stable_serves();
}

std::string describe(const Action& action) {
  const Overloaded words{
      [](const EnsureFinalizer&) -> std::string { return "guard the release against a deletion half-way"; },
      [](const LetGo&) -> std::string { return "let the Canary go"; },
      [](const EnsureVersionServices&) -> std::string { return "give each version a Service of its own"; },
      [](const DeleteVersionServices&) -> std::string { return "take the versions' own Services away"; },
      [](const Prepare& prepare) -> std::string { return std::string(prepare.words); },
      [](const MovePinned& move) -> std::string { return std::string(move.words); },
      [](const CleanUp& clean_up) -> std::string { return std::string(clean_up.words); },
      [](const Route& route) -> std::string {
        return "route " + std::to_string(route.traffic.candidate.percent()) + " % to the candidate";
      },
      [](const RestoreRoutes& restore) -> std::string {
        return restore.promoted ? "put the owner's routes back, on the promoted version"
                                : "put the owner's routes back";
      },
      [](const SetSelector& selector) -> std::string {
        return "let the Service select " + std::string(describe_selects(selector.selects));
      },
      [](const Scale& scale) -> std::string {
        return "scale " + scale.workload + " to " + std::to_string(scale.replicas);
      },
      [](const DeleteWorkload& workload) -> std::string { return "delete " + workload.workload; },
      [](const DeleteCanary&) -> std::string { return "delete the Canary, whose time to live is over"; },
      [](const ClearMarks&) -> std::string { return "take the operator's marks off the objects"; },
      [](const RemoveLeftovers&) -> std::string { return "delete what the release has left"; },
  };
  return std::visit(words, action);
}

}  // namespace weir::strategies
