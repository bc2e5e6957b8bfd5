#include "operator/process/process.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <vector>

#include "analysis/judge.h"
#include "operator/http/transport.h"
#include "operator/kube/auth.h"
#include "operator/kube/client.h"
#include "operator/kube/object.h"
#include "operator/kube/store.h"
#include "operator/kube/watcher.h"
#include "operator/lead/lease.h"
#include "operator/lead/sharding.h"
#include "operator/outside/desk.h"
#include "operator/process/event_sender.h"
#include "operator/process/memory.h"
#include "operator/process/metrics_fetch.h"
#include "operator/reconcile/controller.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/reconciler.h"
#include "operator/reconcile/services.h"
#include "operator/report/http_server.h"
#include "operator/report/log.h"
#include "operator/report/metrics.h"

namespace weir::process {
namespace {

using report::Level;
using report::log_event;

// Questions to the outside that are answered at the same time: each waits for a server.
constexpr int kDeskThreads = 8;
static_assert(kDeskThreads > outside::kMostAtOnce);
// Of the client of the Leases: a request must fail well before the renew deadline.
constexpr std::chrono::milliseconds kLeaseTimeout{4'000};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

double uniform() {
  thread_local std::mt19937 generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

// How the identities of all processes of this pod begin.
std::string pod() {
  const auto uid = variable("POD_UID");
  return variable("POD_NAME") + "_" + (uid.empty() ? "" : uid + "_");
}

// No other process may have it, not even one before it in the same pod.
std::string identity() {
  std::random_device random;
  return pod() + std::to_string(random()) + std::to_string(random());
}

// Threads beside the workers that may wait for an answer of the API server: watches that list, that of the
// Leases too, and Events. Each has a request of its own in flight, so that no rollback waits for the end of
// another's.
int other_callers() { return static_cast<int>(reconcile::watched_kinds().size()) + 2; }

class Operator {
 public:
  Operator(const Options& options, kube::Connection connection, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        connection_(std::move(connection)),
        transport_(
            http::make_transport(connection_.base_url, connection_.tls, options.threads + other_callers())),
        client_(*transport_, connection_.token, clock_, client_options()),
        judge_(
            analysis::make_prometheus_judge(options.prometheus, make_metrics_fetch(metrics_, clock_, stop_))),
        events_(client_),
        analyst_(
            desk_, *judge_,
            [this](const kube::Key& key, const analysis::Judgement& judgement) { judged(key, judgement); }),
        reconciler_(client_, client_.urgent(), stores_, analyst_, clock_, listener(),
                    [this](const kube::Key& service) { return leads(service); }),
        controller_(
            reconciler_, stores_, clock_,
            [this](const kube::Key& key, const reconcile::Round& round, std::chrono::duration<double> took) {
              rounded(key, round, took);
            },
            admission()) {
    reconciler_.allow_cross_namespace_templates(options.cross_namespace_refs);
  }

  int run() {
    auto server = report::HttpServer::start(options_.listen, {.metrics = [this] { return metrics_text(); },
                                                              .unwell = [] { return std::nullopt; },
                                                              .unready = [this] { return unready(); }});
    if (!server) {
      log_event(Level::Error, server.error());
      return 1;
    }
    events_.start();
    prepare_leases();
    start_watchers();
    const int code = work();
    controller_.stop();
    desk_.stop();
    for (auto& watcher : watchers_) watcher->stop();
    log_event(Level::Info, "stopped: every release is resumable from its status");
    return code;
  }

 private:
  kube::ClientOptions client_options() {
    return {
        .base_url = connection_.base_url,
        .requests_per_second = static_cast<double>(options_.qps),
        .burst = options_.burst,
        .observe = [this](std::string_view verb, const kube::Resource& resource, int status, double seconds) {
          metrics_.count_api_request(verb, resource.plural, status, report::Duration(seconds));
        }};
  }

  reconcile::Listener listener() {
    return {.on_event = [this](const canary::Canary& canary,
                               const strategies::Event& event) { tell(canary, event); },
            .on_action = [this](const canary::Canary& canary, const strategies::Action& action,
                                const kube::Result<void>& done) { acted(canary, action, done); },
            .on_status = [this](const canary::Canary& before,
                                const strategies::Status& after) { moved(before, after); },
            .on_check =
                [this](const canary::Canary&, const strategies::CheckRequest& request) {
                  metrics_.observe_step_lateness(clock_.wall() - request.due);
                },
            .on_gone = [this](const kube::Key& key) { metrics_.forget_canary(key.name_space, key.name); },
            .on_claim = [](const canary::Canary& canary, const lead::ManagedObject& part,
                           const kube::Result<void>& done) { claimed(canary, part, done); }};
  }

  int work() {
    if (sharding_) return share(*sharding_);
    return election_ ? lead_by_turns(*election_) : lead();
  }

  [[nodiscard]] std::optional<lead::Lead> leads(const kube::Key& service) const {
    if (sharding_) return sharding_->leads(service);
    return election_ ? election_->leads_in() : lead::leads_alone(service);
  }

  reconcile::Controller::Admission admission() {
    if (!options_.sharding) return {};
    return [this](const kube::Key& service) { return sharding_->begin_round(service); };
  }

  // Leases have a client of their own: they must not wait behind other requests.
  void prepare_leases() {
    if (!options_.sharding && !options_.leader_election) return;
    const auto name_space =
        !options_.lease_namespace.empty() ? options_.lease_namespace : variable("POD_NAMESPACE");
    const lead::LeaseOptions lease{
        .lease = {name_space.empty() ? connection_.name_space : name_space, options_.lease_name},
        .identity = identity(),
        .predecessors = variable("POD_UID").empty() ? "" : pod()};
    lease_transport_ = http::make_transport(connection_.base_url, connection_.tls);
    lease_client_.emplace(
        *lease_transport_, connection_.token, clock_,
        kube::ClientOptions{
            .base_url = connection_.base_url, .timeout = kLeaseTimeout, .requests_per_second = 0});
    if (!options_.sharding) {
      election_.emplace(*lease_client_, clock_, lease);
      return;
    }
    sharding_.emplace(
        *lease_client_, clock_, leases_, lease,
        [this](const std::vector<lead::Sharding::Change>& changes) { shards_changed(changes); });
    leases_.on_change([this](const kube::Change& change) { sharding_->changed(change.key); });
    watch({.resource = kube::kLeases}, leases_, lease.lease.name_space);
  }

  void start_watchers() {
    stores_.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      if (leading_) controller_.changed(resource, change);
    });
    for (auto& [kind, store] : stores_.all()) watch(kind, store, options_.name_space);
    for (auto& watcher : watchers_) watcher->start();
  }

  void watch(const kube::Kind& kind, kube::Store& store, const std::string& name_space) {
    watchers_.push_back(std::make_unique<kube::Watcher>(
        client_, clock_, kind, store, kube::WatcherOptions{.name_space = name_space, .random = uniform}));
  }

  [[nodiscard]] bool synced() const {
    return std::ranges::all_of(watchers_, [](const auto& watcher) { return watcher->state().synced; });
  }

  std::optional<std::string> unready() const {
    for (const auto& watcher : watchers_) {
      const auto state = watcher->state();
      if (!state.synced)
        return "a watch is not synced" + (state.last_error.empty() ? "" : ": " + state.last_error);
    }
    return std::nullopt;
  }

  std::string metrics_text() {
    metrics_.set_queue_depth(controller_.depth());
    if (sharding_) {
      const auto shards = sharding_->count();
      metrics_.set_shards(shards.held, shards.leaving);
      metrics_.set_leader(shards.held > 0);
    }
    return metrics_.text();
  }

  // Waits until every cache is ready; false if asked to stop before.
  bool wait_for_caches() {
    std::unique_lock lock(mutex_);
    while (!synced()) {
      changed_.wait_for(lock, stop_, std::chrono::milliseconds(10), [] { return false; });
      if (stop_.stop_requested()) return false;
    }
    return true;
  }

  int lead() {
    if (!wait_for_caches()) return 0;
    leading_ = true;
    metrics_.set_leader(true);
    log_event(Level::Info, "releasing", {{"canaries", static_cast<std::int64_t>(stores_.canaries.size())}});
    desk_.start(kDeskThreads);
    controller_.wake_all();
    controller_.start(options_.threads);
    drop_start_up_pages();
    wait_for_stop();
    leading_ = false;
    return 0;
  }

  // Until asked to stop, or until leadership is lost.
  void wait_for_stop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, stop_, [this] { return lost_; });
  }

  int lead_by_turns(lead::Election& election) {
    if (!wait_for_caches()) return 0;
    const lead::ElectionThread thread(election, [this](bool leading) {
      const std::scoped_lock lock(mutex_);
      elected_ = elected_ || leading;
      lost_ = elected_ && !leading;
      changed_.notify_all();
    });
    {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop_, [this] { return elected_; })) return 0;
    }
    log_event(Level::Info, "leading", {{"lease", options_.lease_name}});
    const int code = lead();
    controller_.stop();
    if (!stop_.stop_requested()) {
      log_event(Level::Error, "leadership was lost: another operator goes on with every release");
      return 1;
    }
    return code;
  }

  // Works on what becomes this replica's, until asked to stop.
  int share(lead::Sharding& sharding) {
    if (!wait_for_caches()) return 0;
    leading_ = true;
    log_event(Level::Info, "sharing the releases", {{"shards", lead::kShards}});
    desk_.start(kDeskThreads);
    controller_.start(options_.threads);
    const lead::ShardingThread thread(sharding);
    wait_for_stop();
    leading_ = false;
    controller_.stop();
    return 0;
  }

  void shards_changed(const std::vector<lead::Sharding::Change>& changes) {
    std::map<int, std::vector<kube::Key>> releases;
    for (const auto& stored : stores_.canaries.list("")) {
      const int shard = lead::shard_of(reconcile::service_of(*stored.object));
      releases[shard].push_back(kube::key_of(*stored.object));
    }
    for (const auto& change : changes) {
      for (const auto& key : releases[change.shard]) {
        // Another may have judged meanwhile: what was asked before a shard was left is no answer now.
        analyst_.forget(key);
        change.held ? controller_.wake(key) : metrics_.forget_canary(key.name_space, key.name);
      }
      log_event(Level::Info, change.held ? "shard taken over" : "shard left",
                {{"shard", change.shard},
                 {"term", change.term},
                 {"canaries", static_cast<std::int64_t>(releases[change.shard].size())},
                 {"reason", change.why}});
    }
  }

  void tell(const canary::Canary& canary, const strategies::Event& event) {
    log_event(event.severity == strategies::Severity::Warning ? Level::Warning : Level::Info, event.message,
              {{"canary", canary.name},
               {"namespace", canary.name_space},
               {"phase", to_string(canary.status.phase)},
               {"step", canary.status.step},
               {"weight", canary.status.canary_weight.percent()},
               {"reason", event.reason}});
    events_.send({canary.name_space, canary.name, canary.uid}, event, clock_.wall());
  }

  void acted(const canary::Canary& canary, const strategies::Action& action, const kube::Result<void>& done) {
    const auto what = describe(action);
    if (done) {
      return log_event(Level::Info, what, {{"canary", canary.name}, {"namespace", canary.name_space}});
    }
    log_event(Level::Warning, what + " failed",
              {{"canary", canary.name}, {"namespace", canary.name_space}, {"error", done.error().message}});
    // A conflict is the normal way to learn that an object changed; all else a person may have to mend.
    if (done.error().code == kube::Code::Conflict) return;
    events_.send({canary.name_space, canary.name, canary.uid},
                 {strategies::Severity::Warning, "WriteFailed", what + ": " + done.error().message},
                 clock_.wall());
  }

  static void claimed(const canary::Canary& canary, const lead::ManagedObject& part,
                      const kube::Result<void>& done) {
    const auto what = "claim " + std::string(part.resource.kind) + " " +
                      kube::to_string(kube::key_of(*part.object)) + " against late writes";
    if (done) {
      return log_event(Level::Info, what, {{"canary", canary.name}, {"namespace", canary.name_space}});
    }
    log_event(Level::Warning, what + " failed",
              {{"canary", canary.name}, {"namespace", canary.name_space}, {"error", done.error().message}});
  }

  void moved(const canary::Canary& before, const strategies::Status& after) {
    metrics_.set_canary({.name_space = before.name_space,
                         .name = before.name,
                         .target = after.target,
                         .stable = after.stable.name,
                         .phase = after.phase,
                         .weight = after.canary_weight});
    if (after.checks != before.status.checks) {
      for (const auto& check : after.checks) metrics_.count_check(before.name_space, before.name, check);
    }
    if (strategies::is_final(after.phase) && after.phase != before.status.phase && after.started_at) {
      metrics_.count_release(before.name_space, after.phase == strategies::Phase::Succeeded,
                             clock_.wall() - *after.started_at);
    }
  }

  void judged(const kube::Key& key, const analysis::Judgement& judgement) {
    for (const auto& warning : judgement.warnings) {
      log_event(Level::Warning, warning, {{"canary", key.name}, {"namespace", key.name_space}});
    }
    controller_.wake(key);
  }

  void rounded(const kube::Key& key, const reconcile::Round& round, std::chrono::duration<double> took) {
    metrics_.count_reconcile(!round.error, took);
    if (!round.error || round.error->code == kube::Code::Conflict) return;
    log_event(Level::Warning, "round failed",
              {{"canary", key.name}, {"namespace", key.name_space}, {"error", round.error->message}});
  }

  const Options& options_;
  std::stop_token stop_;
  base::SystemClock clock_;
  report::Metrics metrics_{WEIR_VERSION};
  kube::Connection connection_;
  std::unique_ptr<http::Transport> transport_;
  kube::Client client_;
  kube::Stores stores_{reconcile::kept_kinds()};
  std::unique_ptr<analysis::Judge> judge_;
  EventSender events_;
  // Set before the watches start, at most one of the last two: without both this process is alone.
  std::unique_ptr<http::Transport> lease_transport_;
  std::optional<kube::Client> lease_client_;
  kube::Store leases_{reconcile::form_of(kube::kLeases)};  // of sharding
  std::optional<lead::Election> election_;
  std::optional<lead::Sharding> sharding_;
  outside::Desk desk_;
  reconcile::DeskAnalyst analyst_;
  reconcile::Reconciler reconciler_;
  reconcile::Controller controller_;
  std::vector<std::unique_ptr<kube::Watcher>> watchers_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::atomic<bool> leading_{false};
  bool elected_ = false;
  bool lost_ = false;
};

}  // namespace

int run(const Options& options, const std::stop_token& stop) {
  const base::SystemClock clock;
  auto connection = kube::load_connection({.kubeconfig = options.kubeconfig, .context = options.context},
                                          clock, kube::process_environment());
  if (!connection) {
    log_event(Level::Error, connection.error());
    return 1;
  }
  log_event(Level::Info, "starting",
            {{"version", WEIR_VERSION},
             {"server", http::origin(connection->base_url)},
             {"prometheus", options.prometheus}});
  return Operator(options, std::move(*connection), stop).run();
}

}  // namespace weir::process
