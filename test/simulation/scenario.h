// The release that a run is about: drawn from the seed, then plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "test/simulation/cluster.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

enum class Quality { Good, Failing, Slow, NeverReady };
// What the owner's VirtualService routes: everything to the Service; a share to another host in the same
// route; a route of its own for marked requests.
enum class Routes { Single, Shared, Marked };

// What else of its owner's leads to stable's pods alone, and is divided by no release: a mirror, a route that
// spec does not list, or a listed one whose subset has more labels than the version.
enum class Pinned { None, Mirror, UnlistedRoute, MoreLabels };

// What judges: ranges; or also the comparison with stable, which either stops a step or has to end it, too.
enum class Judge { Threshold, Comparing, Certifying };

// How the operator's processes find out which of them works on a release: one takes turns with the others by
// a Lease, is alone, or shares the releases with the others by Leases.
enum class Replicas { TakeTurns, Alone, Share };

struct Scenario {
  Quality quality = Quality::Good;
  bool dedicated = false;  // service.mode
  Routes routes = Routes::Single;
  bool own_rule = false;  // the owner has a DestinationRule with a policy and a subset of their own
  std::vector<int> steps{50};
  Millis interval{4'000};
  int threshold = 2;
  Millis propagation_delay{2'000};
  int stable_pods = 2;
  int candidate_pods = 2;
  std::string after_promotion = "Scale";
  Millis scale_down_delay{3'000};
  Millis progress_deadline{60'000};
  bool skip_analysis = false;
  int processes = 1;  // of the operator
  Judge judge = Judge::Threshold;
  // The mesh's definitions: the version that the API server has them in, and how long after the Canary they
  // come, with the owner's objects of these kinds; 0: they were there before the operator.
  std::string mesh_version = "v1";
  Millis mesh_comes{0};
  std::string domain = "cluster.local";  // of the cluster
  bool long_hosts = false;               // the owner writes hosts in full
  bool meant_rule = false;               // and has a rule for "checkout.shop", which is nobody's
  Replicas replicas = Replicas::TakeTurns;
  bool divides = true;  // false: spec.routing.provider noop, where there are no routes
  // Beside the release: a Service of its owner for the pods of every version, one for stable's alone, and a
  // third Deployment behind the Service without the version.
  bool service_of_all = false;
  bool service_of_stable = false;
  bool third = false;
  int share = 80;  // of the Service in the route that another host shares
  std::string service = "checkout";
  std::string canary = "checkout-v2";
  std::string stable_version = "v1";  // values of the version label
  std::string candidate_version = "v2";
  bool guards = false;    // spec.guardAfterPromotion
  bool restless = false;  // some pod of either version is always coming or going
  Pinned pinned = Pinned::None;
  Millis pinned_comes{0};  // how long after the Canary; 0: it was there before

  // Whether it waits for its owner to lead the pinned place elsewhere.
  [[nodiscard]] bool is_held() const;

  // Whether the release is to be promoted if nothing goes wrong.
  [[nodiscard]] bool promotes() const;
  [[nodiscard]] std::string describe() const;
};

inline constexpr const char* kNamespace = "shop";
inline constexpr const char* kApp = "checkout";  // its VirtualService and its DestinationRule are called so
inline constexpr const char* kStable = "checkout-v1";
inline constexpr const char* kCandidate = "checkout-v2";
inline constexpr const char* kPinnedHost = "orders";  // a VirtualService for another host
inline constexpr const char* kThird = "checkout-v0";
inline constexpr Millis kStirred{1'900};  // one of a version's pods, if they are restless
// Values of annotation simulation/behaviour in a pod template.
inline constexpr const char* kGoodVariant = "good";
inline constexpr const char* kBadVariant = "bad";

[[nodiscard]] Scenario draw_scenario(Random& random);
// How its surroundings are, and how its owner writes. From a stream of their own.
void draw_surroundings(Random& random, Scenario& scenario);
// Who else has to do with the pods. From a stream of its own.
void draw_neighbours(Random& random, Scenario& scenario);
// What leads to stable beside the divided routes. From a stream of its own, after all others.
void draw_pinned(Random& random, Scenario& scenario);
// The mesh's definitions. From a stream of their own.
void draw_definitions(Random& random, Scenario& scenario);
// What things are called, and what share of its route the Service has. From a stream of their own.
void draw_names(Random& random, Scenario& scenario);
// The same release with other processes, of some runs.
void draw_replicas(Random& random, Scenario& scenario);
// A release that nothing divides, of some runs: nobody can judge it.
void draw_router(Random& random, Scenario& scenario);
// Versions with more pods, of which some pod comes or goes more often than the propagation delay: of some
// runs.
void draw_restlessness(Random& random, Scenario& scenario);
[[nodiscard]] MeshOptions mesh_options(const Scenario& scenario);

// What is there before the release, and what the release adds: as their owners write them.
using Written = std::pair<kube::Resource, Json>;
[[nodiscard]] std::vector<Written> shop(const Scenario& scenario);
// Of these, the objects of kinds that the API server may lack.
[[nodiscard]] bool is_of_mesh(const kube::Resource& resource);
[[nodiscard]] Json virtual_service(const Scenario& scenario);
[[nodiscard]] Json destination_rule(const Scenario& scenario);
[[nodiscard]] Json pinned_route(const Scenario& scenario);
[[nodiscard]] Json service(const Scenario& scenario);
// "checkout-v1" for generation "v1".
[[nodiscard]] Json deployment(const std::string& generation, const std::string& version, int replicas,
                              const std::string& variant);
[[nodiscard]] Json stable_deployment(const Scenario& scenario);
[[nodiscard]] Json candidate_deployment(const Scenario& scenario);
[[nodiscard]] Json canary(const Scenario& scenario, const std::string& name, const std::string& target);
[[nodiscard]] Behaviour behaviour(Quality quality);

}  // namespace weir::simulation
