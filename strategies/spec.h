// What a Canary asks for, as plain values that are already valid: operator/canary parses it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::strategies {

using Milliseconds = std::chrono::milliseconds;
using Seconds = std::chrono::seconds;
// Wall-clock time, as the API server writes it.
using TimePoint = std::chrono::time_point<std::chrono::system_clock, Milliseconds>;

// A share of traffic in whole per cent, 0 to 100. Cannot hold anything else.
class Weight {
 public:
  constexpr Weight() = default;
  // Empty unless 0 <= percent <= 100.
  static constexpr std::optional<Weight> of(int64_t percent) {
    if (percent < 0 || percent > 100) return std::nullopt;
    return Weight(static_cast<int>(percent));
  }
  static constexpr Weight none() { return Weight(0); }
  static constexpr Weight all() { return Weight(100); }
  [[nodiscard]] constexpr int percent() const { return percent_; }
  [[nodiscard]] constexpr Weight rest() const { return Weight(100 - percent_); }
  friend constexpr auto operator<=>(Weight, Weight) = default;

 private:
  constexpr explicit Weight(int percent) : percent_(percent) {}
  int percent_ = 0;
};

// The workload of a version. `kind` is Deployment.
struct WorkloadRef {
  std::string api_version = "apps/v1";
  std::string kind = "Deployment";
  std::string name;
  friend bool operator==(const WorkloadRef&, const WorkloadRef&) = default;
};

// Placeholder: the Service itself selects both versions during the release. Dedicated: an operator-owned
// Service does, and the Service keeps selecting stable until the promotion.
enum class ServiceMode { Placeholder, Dedicated };
[[nodiscard]] std::string_view to_string(ServiceMode mode);

struct ServiceSpec {
  std::string name;
  std::string version_label = "version";
  ServiceMode mode = ServiceMode::Placeholder;
};

struct RoutingSpec {
  std::string provider;                  // name of the router
  std::string settings;                  // what the spec says to this router alone: JSON, its own
  Milliseconds propagation_delay{5000};  // until every proxy has a change of routes or endpoints
};

enum class AfterPromotion { Scale, Keep, Delete };

struct StableSpec {
  AfterPromotion after_promotion = AfterPromotion::Scale;
  Seconds scale_down_delay{30};
};

// How traffic is divided between the versions.
struct Traffic {
  Weight candidate;
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

// One step of a release: traffic is held so until `passes` intervals have passed.
struct Step {
  Traffic traffic;
  int passes = 1;
  friend bool operator==(const Step&, const Step&) = default;
};

// A strategy as the state machine walks it, which never asks which strategy it is. `steps` is not empty, and
// neither is `promotion`, what comes after the last step has passed: the candidate's share rises strictly
// above that step's, and ends at all.
struct Program {
  std::vector<Step> steps;
  std::vector<Traffic> promotion;
  friend bool operator==(const Program&, const Program&) = default;
};

// One step a weight, each judged once, then the weights of the promotion.
[[nodiscard]] Program stepwise(const std::vector<Weight>& steps, const std::vector<Weight>& promotion);

struct Spec {
  WorkloadRef target;
  std::optional<WorkloadRef> stable_ref;
  ServiceSpec service;
  RoutingSpec routing;
  StableSpec stable;
  Program program;
  Seconds interval{60};
  int threshold = 5;  // failed checks before the release is taken back
  Seconds progress_deadline{600};
  Seconds breaker{30};  // how long a candidate without ready endpoints may stay so
  bool skip_analysis = false;
  bool suspend = false;
  bool supersede = false;  // takes an older release of the same Service back
  bool revert_on_deletion = true;
  // Once it is over, moves a selector that leads to no ready pod back to what was promoted.
  bool guard_after_promotion = false;
  std::optional<Seconds> ttl_after_finished;
};

}  // namespace weir::strategies
