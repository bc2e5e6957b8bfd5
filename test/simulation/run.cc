#include "test/simulation/run.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "operator/base/json.h"
#include "operator/kube/object.h"
#include "operator/lead/shards.h"
#include "test/simulation/afterwards.h"
#include "test/simulation/people.h"
#include "test/simulation/process.h"

namespace weir::simulation {
namespace {

constexpr Millis kSettling{4'000};  // before the operator starts: stable is up and serves
constexpr Millis kSlice{250};
constexpr Millis kLatestFault{150'000};  // a write that has not come by then comes no more
constexpr Millis kAftermath{70'000};     // for late writes and what they are answered by
constexpr Millis kReplaced{2'000};       // a process that has died is back within this
constexpr Millis kLongOnTheWay{35'000};
constexpr Millis kLastMoment{1'000};
constexpr Millis kScrapeInterval{1'000};
constexpr Millis kCalmAfter{15'000};  // of faults
constexpr int kLonger = 3;            // times the progress deadline, for the way there and back
constexpr Millis kWaitLimit{240'000};
constexpr Millis kNamespaceGone{60'000};  // after the last fault, and the last of its objects
constexpr Millis kSaidWithin{40'000};     // also by a process that has to be replaced first

bool is_final(const std::string& phase) { return phase == "Succeeded" || phase == "Failed"; }

class Run {
 public:
  Run(const Plan& plan, bool with_timeline)
      : plan_(plan),
        tells_(with_timeline),
        random_(plan.seed, "run"),
        clock_(executor_),
        server_(executor_, clock_),
        cluster_(executor_, server_, plan.seed),
        mesh_(executor_, server_, cluster_, mesh_options(plan.scenario), plan.seed),
        prometheus_(executor_, clock_, mesh_, kScrapeInterval),
        people_(executor_, server_, plan.scenario),
        request_faults_(plan.seed),
        expectations_{.service = plan.scenario.service, .domain = plan.scenario.domain},
        invariants_(executor_, server_, mesh_, expectations_) {
    expectations_.skip_analysis = plan.scenario.skip_analysis;
    server_.on_change([this](const Change& change) { changed(change); });
    executor_.after_each([this] { after_task(); });
  }

  Outcome go() {
    set_up();
    const Millis began = executor_.now();
    schedule_faults();
    while (!violated() && !finished()) {
      if (executor_.now() > limit(began)) {
        violate("L3", fmt::format("the release is not over: {}", state()));
        break;
      }
      advance(kSlice);
    }
    if (!violated()) check_end();
    return conclude();
  }

 private:
  void set_up() {
    set_up_pods(cluster_, plan_.scenario);
    set_up_shop();
    executor_.run_until(kSettling);
    mesh_.start();
    for (int i = 0; i < plan_.scenario.processes; ++i) start_process(++pods_);
    advance(2s);
    server_.put(kube::kDeployments, candidate_deployment(plan_.scenario));
    server_.put(kube::kCanaries, canary(plan_.scenario, plan_.scenario.canary, kCandidate));
    if (plan_.scenario.mesh_comes > Millis(0))
      executor_.after(plan_.scenario.mesh_comes, [this] { install_mesh(); });
    if (plan_.scenario.pinned_comes > Millis(0))
      executor_.after(plan_.scenario.pinned_comes, [this] { add_pinned_route(); });
  }

  void set_up_shop() {
    for (const auto& [resource, object] : shop(plan_.scenario)) {
      if (!is_of_mesh(resource)) server_.put(resource, object);
    }
    if (plan_.scenario.mesh_comes == Millis(0)) return install_mesh();
    server_.definitions().remove(kube::kVirtualServices.group);
  }

  void add_pinned_route() {
    if (!namespace_deleted_) server_.put(kube::kVirtualServices, pinned_route(plan_.scenario));
  }

  // Definitions first, as it must be, and with them what the owners have written.
  void install_mesh() {
    server_.definitions().install(kube::kVirtualServices.group, plan_.scenario.mesh_version);
    for (const auto& [resource, object] : shop(plan_.scenario)) {
      if (is_of_mesh(resource)) server_.put(resource, object);
    }
  }

  void start_process(int pod) {
    const Surroundings around{.executor = executor_,
                              .server = server_,
                              .clock = clock_,
                              .prometheus = prometheus_,
                              .treat = [this](const http::Request& request) { return treat(request); },
                              .tell = [this](const std::string& line) { tell(line); },
                              .tells = tells_,
                              .domain = plan_.scenario.domain,
                              .service = plan_.scenario.service};
    const auto id = static_cast<Writer>(processes_.size()) + 1;
    processes_.push_back(std::make_unique<Process>(around, id, pod, plan_.scenario.replicas, plan_.seed));
    living_.push_back(processes_.back().get());
    living_.back()->start();
  }

  void after_task() {
    for (auto* process : std::vector(living_)) {
      if (process->life().dead()) {
        std::erase(living_, process);
        tell(fmt::format("process {} is dead", process->id()));
        // Another container of the same pod, or another pod.
        const int pod = random_.chance(0.5) ? process->pod() : ++pods_;
        executor_.after(random_.between(500ms, kReplaced), [this, pod] { start_process(pod); });
      } else {
        process->pump();
      }
    }
    invariants_.look();
  }

  void advance(Millis by) {
    const bool quiet = request_faults_.clear() && executor_.now() > calm_from_;
    expectations_.calm = quiet && !living_.empty();
    executor_.run_until(executor_.now() + by);
  }

  // ---- faults ----

  void schedule_faults() {
    begun_at_ = executor_.now();
    for (const auto& fault : plan_.faults) {
      if (fault.write == 0) executor_.at(begun_at_ + fault.at, [this, &fault] { begin(fault); });
    }
  }

  Treatment treat(const http::Request& request) {
    auto treatment = request_faults_.treat(request);
    if (!is_write(request) || !is_of_release(request)) return treatment;
    ++writes_;
    if (tells_) tell(brief(request));
    for (const auto& fault : plan_.faults) {
      if (fault.write != writes_ || executor_.now() > begun_at_ + kLatestFault) continue;
      if (fault.kind == Kind::KillBeforeWrite || fault.kind == Kind::KillAfterWrite) {
        (fault.kind == Kind::KillBeforeWrite ? treatment.kill_before : treatment.kill_after) = true;
        note(fault);
      } else {
        executor_.after(Millis(0), [this, &fault] { begin(fault); });
      }
    }
    return treatment;
  }

  void note(const Fault& fault) {
    tell("FAULT " + describe(fault));
    ++outcome_.faults[fault.kind];
    last_fault_ = std::max(last_fault_, executor_.now() + fault.lasting);
    calm_from_ = last_fault_ + kCalmAfter;
    expectations_.calm = false;
    if (keeps_writes_on_the_way(fault.kind)) expectations_.reading_age = kLongOnTheWay;
    const auto excused = excuse(fault);
    const bool uncounted = goes_uncounted(fault, plan_.scenario, plan_.faults);
    expectations_.requests_may_be_lost |= excused.loss || uncounted;
    may_roll_back_ |= excused.rollback;
    must_not_promote_ |= fault.kind == Kind::TemplateChangedToBad;
    third_may_answer_ |= uncounted || (!plan_.scenario.dedicated && takes_the_division_away(fault.kind));
  }

  Process* some_process() {
    const auto leader = std::ranges::find_if(living_, [](Process* process) { return process->leading(); });
    if (leader != living_.end()) return *leader;
    return living_.empty() ? nullptr : living_.front();
  }

  void begin(const Fault& fault) {
    // What happens to a release that is over is its owner's affair, and has its own time.
    if (over(plan_.scenario.canary) || family_of(fault.kind) == Family::Afterwards) return;
    note(fault);
    switch (family_of(fault.kind)) {
      case Family::Process:
      case Family::Watch:
        if (auto* process = some_process()) disturb(*process, fault);
        return;
      case Family::Requests:
        request_faults_.begin(fault);
        return executor_.after(fault.lasting, [this, kind = fault.kind] { request_faults_.end(kind); });
      case Family::Prometheus:
        prometheus_.set(weather_of(fault.kind));
        return executor_.after(fault.lasting, [this] { prometheus_.set(Weather::Fair); });
      case Family::Pod:
        return disturb_pods(cluster_, fault);
      case Family::People:
      case Family::Deletion:
      case Family::Foreign:
        if (family_of(fault.kind) != Family::Foreign) last_meddling_ = executor_.now();
        namespace_deleted_ |= fault.kind == Kind::NamespaceDeleted;
        expectations_.namespace_ends = namespace_deleted_;
        forced_ |= fault.kind == Kind::CanaryForced;
        remade_ |= fault.kind == Kind::CanaryRemade;
        return people_.act(fault);
      case Family::Replica:
        return disturb_replica(fault);
      case Family::Proxy:
        return disturb_proxies(mesh_, fault, phase_of(plan_.scenario.canary));
      case Family::Afterwards:
        return;
    }
  }

  void disturb_replica(const Fault& fault) {
    if (fault.kind == Kind::MemberLeaseDeleted) {
      const auto leases =
          server_.objects().select(kube::kLeases, "", std::string(lead::kMemberLabel)).value();
      if (!leases.empty()) (void)server_.erase(kube::kLeases, kube::key_of(*random_.pick(leases)));
      return;
    }
    if (living_.empty()) return;
    auto& process = *random_.pick(living_);
    if (fault.kind == Kind::CutOff) process.wire().cut_off(fault.lasting);
    if (fault.kind == Kind::ReplicaStands) process.life().freeze(fault.lasting, false);
  }

  void disturb(Process& process, const Fault& fault) {
    if (fault.kind == Kind::Kill) process.life().kill();
    if (fault.kind == Kind::Freeze) process.life().freeze(fault.lasting, false);
    if (fault.kind == Kind::Suspend) process.life().freeze(fault.lasting, true);
    if (fault.kind == Kind::WallJump) process.life().clock.jump(Millis(fault.number));
    if (fault.kind == Kind::WatchesBreak || fault.kind == Kind::WatchesGone) {
      if (fault.kind == Kind::WatchesGone) server_.compact();
      process.break_watches();
    }
    if (fault.kind == Kind::StaleCaches) process.delay_watches(random_, Millis(fault.number), fault.lasting);
  }

  // ---- what came of it ----

  [[nodiscard]] std::string phase_of(const std::string& name) {
    const auto found = server_.objects().find(kube::kCanaries, {kNamespace, name});
    return found ? base::text(*found, {"status", "phase"}) : "gone";
  }
  [[nodiscard]] bool over(const std::string& name) {
    const auto phase = phase_of(name);
    return phase == "gone" || is_final(phase);
  }
  [[nodiscard]] bool finished() {
    const auto& canary = plan_.scenario.canary;
    if (!over(canary) || people_.is_mending()) return false;
    if (namespace_deleted_ && phase_of(canary) != "gone") return false;
    if (over_at_ == Millis(0)) over_at_ = executor_.now();
    return over(kSecondCanary) && executor_.now() > last_fault_;
  }
  [[nodiscard]] Millis limit(Millis began) const {
    return std::max(began, last_fault_) + kLatestFault + plan_.scenario.progress_deadline * kLonger +
           kWaitLimit;
  }
  [[nodiscard]] std::string state() {
    const auto found = server_.find(kube::kCanaries, {kNamespace, plan_.scenario.canary});
    return phase_of(plan_.scenario.canary) + ": " + base::text(found, {"status", "message"});
  }
  [[nodiscard]] bool violated() const {
    return !invariants_.violations().empty() || !outcome_.violations.empty();
  }
  void violate(const char* name, std::string message) {
    outcome_.violations.push_back({.at = executor_.now(), .name = name, .message = std::move(message)});
  }

  [[nodiscard]] bool selects_candidate() {
    return base::text(server_.find(kube::kServices, {kNamespace, plan_.scenario.service}),
                      {"spec", "selector", "version"}) == plan_.scenario.candidate_version;
  }

  [[nodiscard]] bool has_begun() {
    const auto found = server_.find(kube::kCanaries, {kNamespace, plan_.scenario.canary});
    return !base::text(found, {"status", "candidate", "templateHash"}).empty();
  }

  // A namespace that is deleted waits for no release.
  void check_namespace() {
    if (over_at_ > last_fault_ + kNamespaceGone)
      violate("L4", fmt::format("a deleted namespace waited for its Canary for {} s",
                                (over_at_ - last_fault_).count() / 1'000));
  }

  void check_end() {
    if (namespace_deleted_) check_namespace();
    const auto phase = phase_of(plan_.scenario.canary);
    const bool promoted =
        phase == "Succeeded" || ((forced_ || (remade_ && !has_begun())) && selects_candidate());
    const bool second = phase_of(kSecondCanary) != "gone";
    const bool promotes = plan_.scenario.promotes();
    const bool goes_on = promotes && !may_roll_back_ && !plan_.scenario.is_held();
    if (goes_on && phase != "Succeeded") violate("L1", "a good release ended " + state());
    // Another template may get ready pods where the first had none, and nobody judges it.
    const bool bad = must_not_promote_ ? !plan_.scenario.skip_analysis : !promotes;
    if (bad && plan_.scenario.quality != Quality::Good && phase == "Succeeded")
      violate("L2", "a bad release was promoted");
    if (violated()) return;
    advance(kAftermath);
    if (violated()) return;
    // What people did while the last write was on its way is theirs to mend.
    if (!second && over_at_ - last_meddling_ > kLastMoment) {
      for (auto& violation : invariants_.check_end(promoted)) outcome_.violations.push_back(violation);
      const char* serving = promoted ? kCandidate : kStable;
      // Pods that get another version are another release's, and without stable there is no way back.
      const bool departed = promoted && is_relabelled(server_, plan_.scenario) &&
                            server_.find(kube::kDeployments, {kNamespace, kStable}).is_null();
      const bool serves = cluster_.ready_pods(serving) > 0 && !departed;
      if (!third_may_answer_ && mesh_.total(kThird).answered > 0)
        violate("S17", fmt::format("requests reached {}, which is no version of the release", kThird));
      if (!violated() && serves && mesh_.share(serving) < 0.999 && plan_.scenario.routes != Routes::Shared) {
        violate("L1", fmt::format("{} serves {:.1f} % of the traffic at the end", serving,
                                  100 * mesh_.share(serving)));
      }
    }
    if (!violated() && !second) check_departure();
    if (!violated()) check_succession();
    if (!violated()) check_silence();
    if (!violated()) check_afterwards();
  }

  // A promotion whose pods were given another version says so.
  void check_departure() {
    const bool stands = phase_of(plan_.scenario.canary) == "Succeeded";
    if (!stands || !is_relabelled(server_, plan_.scenario)) return;
    if (const auto wrong = unsaid(server_, plan_.scenario)) violate("L8", *wrong);
  }

  // What a later release has promoted stays so when its Canary is gone, ready or not.
  void check_succession() {
    const auto fault = std::ranges::find(plan_.faults, Kind::SuccessionForgotten, &Fault::kind);
    const bool stands = phase_of(plan_.scenario.canary) == "Succeeded" && phase_of(kSecondCanary) == "gone";
    if (fault == plan_.faults.end() || !stands) return;
    note(*fault);
    people_.act(*fault);
    const Millis end = limit(executor_.now());
    while (!violated() && !over(kSecondCanary) && executor_.now() < end) advance(kSlice);
    if (!over(kSecondCanary)) violate("L3", "a later release is not over");
    if (violated()) return;
    // Where nobody is behind the Service it has nothing to begin from, and ends by its deadline.
    const bool succeeded = phase_of(kSecondCanary) == "Succeeded";
    if (succeeded && fault->number % 2 == 0)
      (void)server_.erase(kube::kCanaries, {kNamespace, kSecondCanary});
    advance(kCalmAfter);
    if (violated() || !succeeded) return;
    cluster_.disturb(kSecondCanary, kSaidWithin, false);
    auto* process = fault->number > 1 ? some_process() : nullptr;
    if (process != nullptr) process->life().kill();
    people_.touch_service();
    advance(kSaidWithin);
    if (violated()) return;
    if (const auto wrong = taken_back(server_, plan_.scenario, kSecondCanary)) violate("L9", *wrong);
  }

  // A promotion whose Service is written to afterwards says so, or has it as it was.
  void check_afterwards() {
    const auto fault = std::ranges::find(plan_.faults, Kind::ManifestsReapplied, &Fault::kind);
    const bool stands = phase_of(plan_.scenario.canary) == "Succeeded" && phase_of(kSecondCanary) == "gone";
    if (fault == plan_.faults.end() || !stands) return;
    note(*fault);
    people_.act(*fault);
    auto* process = fault->number > 0 ? some_process() : nullptr;
    if (process != nullptr) process->life().kill();
    advance(kSaidWithin);
    if (violated()) return;
    if (const auto wrong = unsaid(server_, plan_.scenario)) violate("L8", *wrong);
    if (!violated()) check_silence();
  }

  void check_silence() {
    mesh_.stop();
    const int before = writes_;
    executor_.run_until(executor_.now() + plan_.silence);
    if (writes_ != before) violate("L5", fmt::format("{} writes after all was over", writes_ - before));
  }

  Outcome conclude() {
    for (const auto& violation : invariants_.violations()) outcome_.violations.push_back(violation);
    for (const auto& violation : outcome_.violations)
      tell(fmt::format("VIOLATION {}: {}", violation.name, violation.message));
    outcome_.phase = phase_of(plan_.scenario.canary);
    outcome_.writes = writes_;
    outcome_.simulated = executor_.now();
    outcome_.requests = mesh_.sent();
    outcome_.lost = mesh_.lost();
    // Nothing of a process may be under way when it is taken away.
    for (auto& process : processes_) process->life().kill();
    return std::move(outcome_);
  }

  void changed(const Change& change) {
    for (auto* process : living_) process->tell_of_news(change.resource);
  }

  void tell(const std::string& line) {
    if (tells_) outcome_.timeline.push_back(to_text(executor_.now() - begun_at_) + "  " + line);
  }

  const Plan& plan_;
  const bool tells_;
  Random random_;
  Executor executor_;
  ClusterClock clock_;
  ApiServer server_;
  Cluster cluster_;
  Mesh mesh_;
  Prometheus prometheus_;
  People people_;
  RequestFaults request_faults_;
  Expectations expectations_;
  int pods_ = 0;
  std::vector<std::unique_ptr<Process>> processes_;  // all that ever were: what they sent may still arrive
  std::vector<Process*> living_;
  Invariants invariants_;
  Outcome outcome_;
  int writes_ = 0;
  Millis begun_at_{0};
  Millis last_fault_{0};
  Millis calm_from_{0};
  Millis last_meddling_{0};
  Millis over_at_{0};  // when the release was first seen to be over; 0: not yet
  bool may_roll_back_ = false;
  bool must_not_promote_ = false;
  bool third_may_answer_ = false;
  bool namespace_deleted_ = false;
  bool forced_ = false;  // the Canary went without its release being undone
  bool remade_ = false;  // it went, and another of its name finds nothing to release if it was promoted
};

}  // namespace

Outcome run(const Plan& plan, bool with_timeline) { return Run(plan, with_timeline).go(); }

}  // namespace weir::simulation
