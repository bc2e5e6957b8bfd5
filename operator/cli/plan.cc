#include "operator/cli/plan.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <utility>

#include "operator/base/json.h"
#include "operator/base/time.h"
#include "operator/cli/canary_file.h"
#include "operator/cli/status.h"
#include "operator/kube/object.h"
#include "operator/offline/world.h"
#include "operator/reconcile/reconciler.h"

namespace weir::cli {
namespace {

template <typename T>
using Expected = std::expected<T, std::string>;

// A release of 100 steps takes a few hundred; more means that the release goes round in circles.
constexpr int kMaxRounds = 5000;

// Answers at once that every check has passed.
class PassingAnalyst final : public reconcile::Analyst {
 public:
  [[nodiscard]] bool knows(const kube::Key& release, const reconcile::Question& question) const override {
    const auto known = questions_.find(release);
    return known != questions_.end() && known->second.same_as(question);
  }
  void ask(const kube::Key& release, reconcile::Question question) override {
    questions_.insert_or_assign(release, std::move(question));
    asked_ = true;
  }
  [[nodiscard]] std::optional<strategies::Verdict> answer(const kube::Key& release) const override {
    const auto found = questions_.find(release);
    if (found == questions_.end()) return std::nullopt;
    return reconcile::to_verdict(found->second, {.outcome = analysis::Outcome::Pass});
  }
  void forget(const kube::Key& release) override { questions_.erase(release); }

  // Whether a new question has come since the last call.
  [[nodiscard]] bool take_asked() { return std::exchange(asked_, false); }

 private:
  std::map<kube::Key, reconcile::Question> questions_;
  bool asked_ = false;
};

class Planner {
 public:
  Planner(kube::Key key, std::string_view cluster_domain, routing::TrustedNamespaces trusted)
      : key_(std::move(key)),
        reconciler_(world_.api, world_.api, world_.stores, analyst_, world_.clock, listener()) {
    reconciler_.allow_cross_namespace_templates(true);
    reconciler_.set_cluster_domain(std::string(cluster_domain));
    reconciler_.trust(std::move(trusted));
  }

  offline::World& world() { return world_; }

  Expected<Plan> run() {
    const auto start = world_.clock.steady();
    for (int round = 0; round < kMaxRounds; ++round) {
      const reconcile::Round result = reconciler_.reconcile(key_);
      const bool acted = std::exchange(acted_, false);
      const bool wrote = !world_.take_writes().empty() || acted;
      if (result.error) return std::unexpected(result.error->message);
      const strategies::Status status = this->status();
      if (status.phase == strategies::Phase::Failed) return std::unexpected(status.message);
      if (status.phase == strategies::Phase::Succeeded) {
        plan_.duration = std::chrono::duration_cast<std::chrono::milliseconds>(world_.clock.steady() - start);
        return std::move(plan_);
      }
      if (wrote || analyst_.take_asked()) continue;
      // Before the first write only others can change what the release waits for, and here there are none.
      if (status.phase == strategies::Phase::Pending || !result.requeue_after)
        return std::unexpected(status.message);
      world_.clock.advance(std::max(*result.requeue_after, std::chrono::milliseconds{1}));
    }
    return std::unexpected(
        fmt::format("the release is not over after {} rounds: {}", kMaxRounds, status().message));
  }

 private:
  [[nodiscard]] strategies::Status status() {
    const auto found = world_.api.find(kube::kCanaries, key_);
    return found ? canary::status_from(found->value("status", Json::object())) : strategies::Status{};
  }

  reconcile::Listener listener() {
    return {.on_event =
                [this](const canary::Canary&, const strategies::Event& event) {
                  if (event.severity != strategies::Severity::Warning) return;
                  if (std::ranges::find(plan_.warnings, event.message) != plan_.warnings.end()) return;
                  plan_.warnings.push_back(event.message);
                },
            .on_action = [this](const canary::Canary&, const strategies::Action& action,
                                const kube::Result<void>&) { take(action); },
            .on_status = {},
            .on_gone = {}};
  }

  void take(const strategies::Action& action) {
    const std::string why = fmt::format("{}: {}", to_string(status().phase), describe(action));
    for (const offline::Write& write : world_.take_writes()) {
      acted_ = true;
      if (write.verb == offline::Verb::UpdateStatus || write.resource == kube::kCanaries) continue;
      const bool removed = write.verb == offline::Verb::Remove;
      Json object = offline::as_written(removed ? write.before : write.after);
      Json& annotations = object["metadata"]["annotations"];
      annotations[kStepAnnotation] = std::to_string(plan_.writes.size() + 1);
      annotations[kWhyAnnotation] = why;
      if (removed) annotations[kActionAnnotation] = "delete";
      plan_.writes.push_back(std::move(object));
    }
  }

  const kube::Key key_;
  offline::World world_;
  PassingAnalyst analyst_;
  reconcile::Reconciler reconciler_;
  Plan plan_;
  bool acted_ = false;
};

std::string steps_text(const strategies::Spec& spec) {
  if (spec.skip_analysis) return "analysis is skipped";
  std::string text;
  for (const auto& step : spec.program.steps) text += fmt::format("{} %, ", step.traffic.candidate.percent());
  text += "then promotion at ";
  for (const auto& traffic : spec.program.promotion) {
    text += fmt::format("{}{} %", text.ends_with("at ") ? "" : ", ", traffic.candidate.percent());
  }
  return text;
}

void summarize(const Plan& plan, std::ostream& err) {
  const auto& spec = plan.release.spec;
  const auto& status = plan.release.status;
  for (const std::string& warning : plan.warnings) err << "warning: " << warning << "\n";
  err << fmt::format("{}/{}: Service {} from {} ({}) to {} ({}) in {} writes\n", plan.release.name_space,
                     plan.release.name, spec.service.name, status.stable.name, status.stable.version,
                     status.candidate.name, status.candidate.version, plan.writes.size());
  err << "steps: " << steps_text(spec) << "\n";
  err << fmt::format(
      "time: at least {}, if every check passes (interval {}, propagation {}, scale-down delay {})\n",
      short_duration(plan.duration), base::format_duration(spec.interval),
      base::format_duration(spec.routing.propagation_delay),
      base::format_duration(spec.stable.scale_down_delay));
  if (!spec.guard_after_promotion) return;
  err << fmt::format("afterwards: a selector of Service {} that leads to no ready pod is moved back to {}\n",
                     spec.service.name, status.candidate.version);
}

// A release that a person wants back is taken back before it begins, for the annotation's text alone.
Expected<void> check_not_taken_back(const std::vector<offline::Document>& documents) {
  const std::string annotation(canary::kRollbackAnnotation);
  for (const auto& document : documents) {
    const auto* resource = offline::resource_of(document.object);
    if (resource == nullptr || *resource != kube::kCanaries) continue;
    const auto& value = base::field(document.object, {"metadata", "annotations", annotation.c_str()});
    if (value.is_null()) continue;
    return std::unexpected(fmt::format(
        "{}: metadata.annotations[\"{}\"] of Canary {} is {}: the operator takes a release back whose Canary "
        "has this annotation; accepted is a Canary without it",
        document.position("metadata.annotations." + annotation), annotation, base::name_of(document.object),
        value.dump()));
  }
  return {};
}

// Metrics for which it depends on the operator's flags whether a release may have them.
void warn_of_other_namespaces(Plan& plan) {
  for (const auto& metric : plan.release.metrics) {
    const auto& space = metric.template_namespace;
    if (space.empty() || space == plan.release.name_space) continue;
    plan.warnings.push_back(fmt::format(
        "metric {} names MetricTemplate {}/{} (templateRef.namespace \"{}\"): an operator does not begin "
        "such a release (CrossNamespaceReference) unless it runs with --cross-namespace-refs, as the chart's "
        "noCrossNamespaceRefs: false has it; by default only those of namespace {} are accepted",
        metric.metric.name, space, metric.template_name, space, plan.release.name_space));
  }
}

}  // namespace

Expected<Plan> make_plan(const std::vector<offline::Document>& documents, const std::string& name_space,
                         std::string_view cluster_domain, routing::TrustedNamespaces trusted) {
  const auto release = find_canary(documents, name_space);
  if (!release) return std::unexpected(release.error());
  if (const auto begins = check_not_taken_back(documents); !begins) return std::unexpected(begins.error());
  const kube::Key key{release->name_space, release->name};
  Planner planner(key, cluster_domain, std::move(trusted));
  if (const auto filled = planner.world().fill(documents, name_space); !filled)
    return std::unexpected(filled.error());
  auto plan = planner.run();
  if (!plan) return std::unexpected(plan.error() + "; " + documents_seen(documents, name_space));
  if (const auto found = planner.world().api.find(kube::kCanaries, key)) {
    if (auto over = canary::parse(*found)) plan->release = std::move(*over);
  }
  warn_of_other_namespaces(*plan);
  return plan;
}

int plan(const Arguments& arguments, Console& console) {
  const std::string output = arguments.value("output", "yaml");
  if (output != "yaml" && output != "json")
    return refuse(console, fmt::format("-o {}: plan accepts yaml and json", output));
  const auto files = files_of(arguments);
  if (files.empty())
    return refuse(console, "no file to plan: usage is kubectl weir plan -f FILE..., - for standard input");

  const auto domain = arguments.value("cluster-domain", kube::kDefaultClusterDomain);
  if (!kube::is_cluster_domain(domain))
    return refuse(console, base::not_accepted("cluster-domain", domain, "a DNS name such as cluster.local"));

  const auto named = arguments.value("trusted-namespaces", routing::kTrustedByDefault);
  auto trusted = routing::read_trusted(named);
  if (!trusted)
    return refuse(console, base::not_accepted("trusted-namespaces", named,
                                              "names of namespaces with commas between them"));

  const auto documents = offline::read_yaml(files, console.in);
  if (!documents) return refuse(console, documents.error());
  const auto plan =
      make_plan(*documents, arguments.value("namespace", "default"), domain, *std::move(trusted));
  if (!plan) return refuse(console, plan.error());
  if (output == "yaml") {
    console.out << offline::to_yaml(plan->writes);
  } else {
    console.out << Json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", plan->writes}}.dump(2) << "\n";
  }
  summarize(*plan, console.err);
  return kFine;
}

}  // namespace weir::cli
