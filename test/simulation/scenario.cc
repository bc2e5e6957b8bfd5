#include "test/simulation/scenario.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "operator/reconcile/kinds.h"

namespace weir::simulation {
namespace {

// Within which the operator notices that a kind has come: a release that waits for it is not given up before.
constexpr Millis kNoticed{35'000};

constexpr double kFailingRate = 0.2;
constexpr int kUsualShare = 80;
constexpr Millis kSlowLatency{800};
// Proxies have a change within this share of the delay that the release allows for.
constexpr double kSlowestShare = 0.9;

std::string to_text(Quality quality) {
  switch (quality) {
    case Quality::Good:
      return "good";
    case Quality::Failing:
      return "failing";
    case Quality::Slow:
      return "slow";
    case Quality::NeverReady:
      return "never ready";
  }
  return "";
}

std::string to_text(Routes routes) {
  switch (routes) {
    case Routes::Single:
      return "one route";
    case Routes::Shared:
      return "a route shared with another host";
    case Routes::Marked:
      return "a second route for marked requests";
  }
  return "";
}

std::string to_text(Pinned pinned) {
  switch (pinned) {
    case Pinned::None:
      return "";
    case Pinned::Mirror:
      return "a mirror to stable's subset";
    case Pinned::UnlistedRoute:
      return "an unlisted route to stable's subset";
    case Pinned::MoreLabels:
      return "a route to a subset of stable's with more labels";
  }
  return "";
}

// The owner's own subset for stable.
constexpr const char* kLive = "live";

std::string duration(Millis time) { return fmt::format("{}ms", time.count()); }

Json meta(const std::string& name) { return {{"name", name}, {"namespace", kNamespace}}; }

std::string host_of(const Scenario& scenario) {
  return scenario.long_hosts ? fmt::format("{}.{}.svc.{}", scenario.service, kNamespace, scenario.domain)
                             : scenario.service;
}

Json to_service(const Scenario& scenario, int weight) {
  Json destination{{"destination", {{"host", host_of(scenario)}, {"port", {{"number", 80}}}}}};
  if (weight < 100) destination["weight"] = weight;
  return destination;
}

// Subsets for a host that names no Service.
Json meant_rule(const Scenario& scenario) {
  const auto host = fmt::format("{}.{}", scenario.service, kNamespace);
  Json subsets = Json::array();
  for (const char* version : {"v1", "v2"})
    subsets.push_back({{"name", version}, {"labels", {{"version", version}}}});
  return {{"metadata", meta("meant")}, {"spec", {{"host", host}, {"subsets", subsets}}}};
}

Json further_service(const std::string& name, Json selector) {
  auto further = service(Scenario{});
  further["metadata"] = meta(name);
  further["spec"]["selector"] = std::move(selector);
  return further;
}

std::string surroundings(const Scenario& scenario) {
  std::string text;
  if (scenario.domain != "cluster.local") text += ", domain " + scenario.domain;
  if (scenario.long_hosts) text += ", hosts in full";
  if (scenario.meant_rule) text += ", a rule for a host that is nobody's";
  if (!scenario.divides) text += ", provider noop";
  if (scenario.service_of_all) text += ", a Service of all pods";
  if (scenario.service_of_stable) text += ", a Service of stable's pods alone";
  if (scenario.third) text += ", a third Deployment";
  if (scenario.routes == Routes::Shared && scenario.share != kUsualShare)
    text += fmt::format(" of which it has {}", scenario.share);
  if (scenario.stable_version != "v1")
    text += fmt::format(", versions {} and {}", scenario.stable_version, scenario.candidate_version);
  if (scenario.service != kApp) text += ", Service " + scenario.service;
  if (scenario.canary != kCandidate) text += ", Canary " + scenario.canary;
  if (scenario.guards) text += ", guarded afterwards";
  if (scenario.restless) text += ", pods that come and go";
  if (scenario.pinned != Pinned::None) text += ", " + to_text(scenario.pinned);
  if (scenario.pinned_comes > Millis(0)) text += fmt::format(" after {} ms", scenario.pinned_comes.count());
  return text;
}

std::string_view to_text(Judge judge) {
  switch (judge) {
    case Judge::Threshold:
      return "ranges";
    case Judge::Comparing:
      return "ranges and evidence";
    case Judge::Certifying:
      return "ranges and certificates";
  }
  return "";
}

std::string_view to_text(Replicas replicas) {
  switch (replicas) {
    case Replicas::TakeTurns:
      return "by turns";
    case Replicas::Alone:
      return "alone";
    case Replicas::Share:
      return "sharing the releases";
  }
  return "";
}

}  // namespace

bool Scenario::promotes() const {
  return quality == Quality::Good || (skip_analysis && quality != Quality::NeverReady);
}

bool Scenario::is_held() const { return pinned != Pinned::None && after_promotion != "Keep"; }

std::string Scenario::describe() const {
  return fmt::format(
      "a {} candidate, {}, {}{}{}, steps {}, interval {} ms, threshold {}, propagation {} ms, {} and {} "
      "pods, "
      "{} {}{}, "
      "{} process(es) {}, {}, the mesh's definitions are {}{}",
      to_text(quality), dedicated ? "Dedicated" : "Placeholder", to_text(routes),
      own_rule ? ", the owner's own rule" : "", surroundings(*this), fmt::join(steps, "/"), interval.count(),
      threshold, propagation_delay.count(), stable_pods, candidate_pods, after_promotion,
      scale_down_delay.count(), skip_analysis ? ", analysis skipped" : "", processes, to_text(replicas),
      to_text(judge), mesh_version,
      mesh_comes > Millis(0) ? fmt::format(" and come after {} ms", mesh_comes.count()) : "");
}

Scenario draw_scenario(Random& random) {
  Scenario drawn;
  const double kind = random.uniform();
  drawn.quality = kind < 0.6    ? Quality::Good
                  : kind < 0.8  ? Quality::Failing
                  : kind < 0.92 ? Quality::Slow
                                : Quality::NeverReady;
  drawn.dedicated = random.chance(0.3);
  drawn.routes = random.pick(std::vector{Routes::Single, Routes::Single, Routes::Shared, Routes::Marked});
  drawn.own_rule = random.chance(0.4);
  drawn.steps = random.pick(std::vector<std::vector<int>>{{50}, {10, 50}, {20, 40, 60}, {5, 100}});
  drawn.interval = random.between(3s, 6s) / 1'000 * 1'000;
  drawn.threshold = static_cast<int>(random.between(1, 3));
  drawn.propagation_delay = random.between(1'500ms, 3'000ms);
  drawn.stable_pods = static_cast<int>(random.between(1, 3));
  drawn.candidate_pods = static_cast<int>(random.between(1, 3));
  drawn.after_promotion = random.pick(std::vector<std::string>{"Scale", "Scale", "Keep", "Delete"});
  drawn.scale_down_delay = random.between(0ms, 8'000ms) / 1'000 * 1'000;
  drawn.progress_deadline = random.between(40s, 90s) / 1'000 * 1'000;
  drawn.skip_analysis = random.chance(0.05);
  drawn.processes = random.chance(0.3) ? 2 : 1;
  drawn.judge = random.pick(
      std::vector{Judge::Threshold, Judge::Threshold, Judge::Threshold, Judge::Comparing, Judge::Certifying});
  return drawn;
}

void draw_surroundings(Random& random, Scenario& scenario) {
  scenario.domain = random.pick(std::vector<std::string>{"cluster.local", "cluster.local", "corp.internal"});
  scenario.long_hosts = random.chance(0.3);
  scenario.meant_rule = random.chance(0.15);
}

void draw_neighbours(Random& random, Scenario& scenario) {
  scenario.service_of_all = random.chance(0.2);
  scenario.service_of_stable = random.chance(0.15);
  scenario.third = random.chance(scenario.dedicated ? 0.2 : 0.04);
}

void draw_names(Random& random, Scenario& scenario) {
  scenario.share = random.pick(std::vector<int>{80, 80, 80, 1, 3, 33, 50, 99});
  struct Versions {
    const char *stable, *candidate;
  };
  const auto versions = random.pick(std::vector<Versions>{{"v1", "v2"},
                                                          {"v1", "v2"},
                                                          {"v1", "v2"},
                                                          {"v1", "v2"},
                                                          {"2.4.1", "2.5.0"},
                                                          {"2024_W1", "2024_W2"},
                                                          {"v1.0", "v1-0"}});
  scenario.stable_version = versions.stable;
  scenario.candidate_version = versions.candidate;
  if (random.chance(0.15))
    scenario.service = "payments-reconciliation-and-settlement-gateway-europe-west-one";
  if (random.chance(0.15))
    scenario.canary = "checkout-v2-as-the-pipeline-of-the-team-that-owns-the-checkout-has-named-it";
}

void draw_definitions(Random& random, Scenario& scenario) {
  scenario.mesh_version = random.pick(std::vector<std::string>{"v1", "v1", "v1", "v1beta1", "v1alpha3"});
  if (random.chance(0.15)) scenario.mesh_comes = random.between(1ms, scenario.progress_deadline - kNoticed);
}

void draw_pinned(Random& random, Scenario& scenario) {
  if (!random.chance(0.12) || !scenario.divides) return;
  scenario.pinned = random.pick(std::vector{Pinned::Mirror, Pinned::UnlistedRoute, Pinned::MoreLabels});
  const bool late = random.chance(0.5);
  const auto comes = random.between(1s, 40s);
  scenario.own_rule = true;
  // A listed route that stays with stable is not promoted, whoever keeps stable's pods; and while its rule is
  // away there is no time to be.
  if (scenario.pinned == Pinned::MoreLabels) {
    if (scenario.after_promotion == "Keep") scenario.after_promotion = "Scale";
    scenario.skip_analysis = false;
  }
  if (late && scenario.pinned != Pinned::MoreLabels && scenario.mesh_comes == Millis(0))
    scenario.pinned_comes = comes;
}

bool is_of_mesh(const kube::Resource& resource) {
  const auto& kinds = reconcile::all_kinds();
  return std::ranges::find(kinds, resource, &kube::Kind::resource)->optional;
}

void draw_replicas(Random& random, Scenario& scenario) {
  const double how = random.uniform();
  if (how < 0.3) {
    scenario.replicas = Replicas::Share;
    scenario.processes = static_cast<int>(random.between(2, 3));
  } else if (how < 0.4) {
    scenario.replicas = Replicas::Alone;
    scenario.processes = 1;
  }
}

void draw_router(Random& random, Scenario& scenario) {
  if (!random.chance(0.06)) return;
  scenario.divides = false;
  scenario.dedicated = scenario.own_rule = scenario.meant_rule = false;
  scenario.routes = Routes::Single;
  scenario.judge = Judge::Threshold;
  scenario.skip_analysis = true;
  scenario.mesh_comes = Millis(0);
}

// Half of the pods stay ready for every propagation delay that is drawn.
void draw_restlessness(Random& random, Scenario& scenario) {
  if (!random.chance(0.08)) return;
  scenario.restless = true;
  scenario.stable_pods = scenario.candidate_pods = 5;
}

MeshOptions mesh_options(const Scenario& scenario) {
  MeshOptions options;
  options.slowest = std::chrono::duration_cast<Millis>(scenario.propagation_delay * kSlowestShare);
  options.marked_share = scenario.routes == Routes::Marked ? 0.25 : 0;
  options.name_space = kNamespace;
  options.service = scenario.service;
  // The less the Service has of them, the more requests there are: what decides is how many it gets.
  if (scenario.routes == Routes::Shared) options.requests_per_second *= 1.0 * kUsualShare / scenario.share;
  options.domain = scenario.domain;
  return options;
}

std::vector<Written> shop(const Scenario& scenario) {
  std::vector<Written> written{{kube::kDeployments, stable_deployment(scenario)},
                               {kube::kServices, service(scenario)}};
  if (scenario.divides) written.emplace_back(kube::kVirtualServices, virtual_service(scenario));
  if (scenario.service_of_all)
    written.emplace_back(kube::kServices, further_service("checkout-admin", {{"app", kApp}}));
  if (scenario.service_of_stable) {
    written.emplace_back(
        kube::kServices,
        further_service("checkout-grpc", {{"app", kApp}, {"version", scenario.stable_version}}));
  }
  if (scenario.third) written.emplace_back(kube::kDeployments, deployment("v0", "v0", 1, "third"));
  if (scenario.own_rule) written.emplace_back(kube::kDestinationRules, destination_rule(scenario));
  if (scenario.pinned != Pinned::None && scenario.pinned_comes == Millis(0))
    written.emplace_back(kube::kVirtualServices, pinned_route(scenario));
  if (scenario.meant_rule) written.emplace_back(kube::kDestinationRules, meant_rule(scenario));
  return written;
}

Json virtual_service(const Scenario& scenario) {
  Json http = Json::array();
  if (scenario.routes == Routes::Marked) {
    http.push_back({{"name", "marked"},
                    {"match", {{{"headers", {{"x-marked", {{"exact", "yes"}}}}}}}},
                    {"route", {to_service(scenario, 100)}},
                    {"timeout", "3s"}});
  }
  Json route = Json::array();
  if (scenario.routes == Routes::Shared) {
    route.push_back(to_service(scenario, scenario.share));
    route.push_back({{"destination", {{"host", "legacy"}}}, {"weight", 100 - scenario.share}});
  } else {
    route.push_back(to_service(scenario, 100));
  }
  http.push_back({{"name", "all"}, {"route", route}, {"retries", {{"attempts", 0}}}});
  return {{"metadata", meta(kApp)}, {"spec", {{"hosts", {host_of(scenario)}}, {"http", http}}}};
}

Json pinned_route(const Scenario& scenario) {
  const Json live{{"host", host_of(scenario)}, {"subset", kLive}};
  const bool mirrors = scenario.pinned == Pinned::Mirror;
  Json route{{"route", Json::array({{{"destination", mirrors ? Json{{"host", "legacy"}} : live}}})}};
  if (mirrors) route["mirror"] = live;
  return {{"metadata", meta(kPinnedHost)},
          {"spec", {{"hosts", {kPinnedHost}}, {"http", Json::array({std::move(route)})}}}};
}

Json destination_rule(const Scenario& scenario) {
  Json subsets = Json::array({{{"name", "canary-users"}, {"labels", {{"app", kApp}}}}});
  if (scenario.pinned != Pinned::None) {
    Json labels{{"version", scenario.stable_version}};
    if (scenario.pinned == Pinned::MoreLabels) labels["app"] = kApp;
    subsets.push_back({{"name", kLive}, {"labels", std::move(labels)}});
  }
  return {{"metadata", meta(kApp)},
          {"spec",
           {{"host", host_of(scenario)},
            {"trafficPolicy", {{"connectionPool", {{"tcp", {{"maxConnections", 100}}}}}}},
            {"subsets", std::move(subsets)}}}};
}

Json service(const Scenario& scenario) {
  return {{"metadata", meta(scenario.service)},
          {"spec",
           {{"selector", {{"app", kApp}, {"version", scenario.stable_version}}},
            {"ports", {{{"name", "http"}, {"port", 80}, {"targetPort", 8080}, {"protocol", "TCP"}}}},
            {"type", "ClusterIP"}}}};
}

Json deployment(const std::string& generation, const std::string& version, int replicas,
                const std::string& variant) {
  // As Helm's charts have it: the Deployment selects its pods by something else than their version.
  const Json selector{{"app", kApp}, {"instance", generation}};
  Json labels = selector;
  labels["version"] = version;
  const Json container{{"name", "app"},
                       {"image", "checkout:" + version},
                       {"lifecycle", {{"preStop", {{"sleep", {{"seconds", 5}}}}}}}};
  return {{"metadata", meta(std::string(kApp) + "-" + generation)},
          {"spec",
           {{"replicas", replicas},
            {"selector", {{"matchLabels", selector}}},
            {"template",
             {{"metadata", {{"labels", labels}, {"annotations", {{"simulation/behaviour", variant}}}}},
              {"spec", {{"containers", {container}}}}}}}}};
}

Json stable_deployment(const Scenario& scenario) {
  return deployment("v1", scenario.stable_version, scenario.stable_pods, "stable");
}

Json candidate_deployment(const Scenario& scenario) {
  return deployment("v2", scenario.candidate_version, scenario.candidate_pods, "candidate");
}

Json canary(const Scenario& scenario, const std::string& name, const std::string& target) {
  Json spec{{"targetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", target}}},
            {"service", {{"name", scenario.service}}},
            {"routing", {{"propagationDelay", duration(scenario.propagation_delay)}}},
            {"analysis",
             {{"interval", duration(scenario.interval)},
              {"threshold", scenario.threshold},
              {"breakerSeconds", 10},
              {"stepWeights", scenario.steps},
              {"metrics",
               {{{"name", "request-success-rate"}, {"thresholdRange", {{"min", 99}}}},
                {{"name", "request-duration"}, {"thresholdRange", {{"max", 500}}}}}}}},
            {"stable",
             {{"afterPromotion", scenario.after_promotion},
              {"scaleDownDelay", duration(scenario.scale_down_delay)}}},
            {"progressDeadlineSeconds", scenario.progress_deadline.count() / 1'000}};
  if (scenario.dedicated) spec["service"]["mode"] = "Dedicated";
  if (!scenario.divides) spec["routing"]["provider"] = "noop";
  if (scenario.pinned == Pinned::UnlistedRoute)
    spec["routing"]["istio"]["virtualServices"] = Json::array({{{"name", kApp}}});
  if (scenario.skip_analysis) spec["skipAnalysis"] = true;
  if (scenario.guards) spec["guardAfterPromotion"] = true;
  // A certificate that few requests are enough for: steps are short, and the traffic is little.
  if (scenario.judge != Judge::Threshold) {
    spec["analysis"]["judge"] = {{"type", "sequential"},
                                 {"beta", 0.5},
                                 {"minSamples", 5},
                                 {"advanceEarly", scenario.judge == Judge::Certifying}};
  }
  return {{"metadata", meta(name)}, {"spec", spec}};
}

Behaviour behaviour(Quality quality) {
  switch (quality) {
    case Quality::Good:
      return {};
    case Quality::Failing:
      return {.error_rate = kFailingRate};
    case Quality::Slow:
      return {.latency = kSlowLatency};
    case Quality::NeverReady:
      return {.never_ready = true};
  }
  return {};
}

}  // namespace weir::simulation
