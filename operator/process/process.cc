#include "operator/process/process.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "analysis/judge.h"
#include "operator/base/clock.h"
#include "operator/http/transport.h"
#include "operator/kube/auth.h"
#include "operator/kube/client.h"
#include "operator/kube/store.h"
#include "operator/lead/shards.h"
#include "operator/outside/desk.h"
#include "operator/outside/trials.h"
#include "operator/process/event_sender.h"
#include "operator/process/leases.h"
#include "operator/process/memory.h"
#include "operator/process/metrics_fetch.h"
#include "operator/process/telemetry.h"
#include "operator/process/watches.h"
#include "operator/reconcile/controller.h"
#include "operator/reconcile/kinds.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/reconciler.h"
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
// Trials of built-in queries, and those of all others.
static_assert(kDeskThreads > 2 * static_cast<int>(outside::kMaxTrials));

// Within which the process usually has its shards, and each of their releases had its first round.
constexpr std::chrono::seconds kStartUp{10};

// Threads beside the workers that may wait for an answer of the API server: watches that list, that of the
// Leases too, Events, and the desk's, which read Secrets. Each has a request of its own in flight, so that no
// rollback waits for the end of another's.
int other_callers() { return static_cast<int>(reconcile::watched_kinds().size()) + 2 + kDeskThreads; }

class Operator {
 public:
  Operator(const Options& options, kube::Connection connection, std::stop_token stop)
      : options_(options),
        stop_(std::move(stop)),
        connection_(std::move(connection)),
        transport_(
            http::make_transport(connection_.base_url, connection_.tls, options.threads + other_callers())),
        client_(*transport_, connection_.token, clock_, client_options()),
        watches_(client_, clock_),
        judge_(
            analysis::make_prometheus_judge(options.prometheus, make_metrics_fetch(metrics_, clock_, stop_))),
        events_(client_),
        telemetry_(metrics_, events_, clock_),
        leases_(options, connection_, clock_,
                [this](const std::vector<lead::Shards::Change>& changes) { shards_changed(changes); }),
        analyst_(
            desk_, *judge_, [this](const kube::Key& secret) { return client_.get(kube::kSecrets, secret); },
            [this](const kube::Key& key, const analysis::Judgement& judgement) { judged(key, judgement); }),
        reconciler_(client_, client_.urgent(), stores_, analyst_, clock_, telemetry_.listener(),
                    [this](const kube::Key& service) { return leases_.shards().leads(service); }),
        controller_(
            reconciler_, stores_, clock_,
            [this](const kube::Key& key, const reconcile::Round& round, std::chrono::duration<double> took) {
              telemetry_.rounded(key, round, took);
            },
            [this](const kube::Key& service) { return leases_.shards().begin_round(service); }) {
    reconciler_.allow_cross_namespace_templates(options.cross_namespace_refs);
    reconciler_.trust(options.trusted);
    reconciler_.set_cluster_domain(options.cluster_domain.empty() ? kube::found_cluster_domain()
                                                                  : options.cluster_domain);
  }

  int run() {
    add_watches();
    auto server =
        report::HttpServer::start(options_.listen, {.metrics = [this] { return metrics_text(); },
                                                    .unwell = [] { return std::nullopt; },
                                                    .unready = [this] { return watches_.unready(); }});
    if (!server) {
      log_event(Level::Error, server.error());
      return 1;
    }
    events_.start();
    watches_.start();
    if (watches_.wait_until_ready(stop_)) work();
    watches_.stop();
    log_event(Level::Info, "stopped: every release is resumable from its status");
    return 0;
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

  void add_watches() {
    stores_.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      if (working_) controller_.changed(resource, change);
    });
    leases_.add_watch(watches_);
    for (auto& [kind, store] : stores_.all()) watches_.add(kind, store, options_.name_space);
  }

  // On the shards that come to this process, until asked to stop. Rounds have ended before shards are
  // released.
  void work() {
    working_ = true;
    desk_.start(kDeskThreads);
    controller_.start(options_.threads);
    const lead::ShardsThread thread(leases_.shards());
    if (base::pause(kStartUp, stop_)) give_back_start_up();
    wait_for_stop();
    working_ = false;
    controller_.stop();
    desk_.stop();
  }

  void wait_for_stop() {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait(lock, stop_, [] { return false; });
  }

  void shards_changed(const std::vector<lead::Shards::Change>& changes) {
    std::map<int, std::vector<kube::Key>> releases;
    for (auto& due : reconcile::everything_due(stores_))
      releases[leases_.shards().shard_of(due.service)].push_back(std::move(due.key));
    for (const auto& change : changes) {
      const auto& of_shard = releases[change.shard];
      for (const auto& key : of_shard) {
        // Another may have judged meanwhile: what was asked before a shard was left is no answer now.
        analyst_.forget(key);
        change.held ? controller_.wake(key) : metrics_.forget_canary(key.name_space, key.name);
      }
      Telemetry::shard_changed(change, of_shard.size());
    }
  }

  void judged(const kube::Key& key, const analysis::Judgement& judgement) {
    Telemetry::judged(key, judgement);
    controller_.wake(key);
  }

  std::string metrics_text() {
    metrics_.set_queue_depth(controller_.depth());
    const auto shards = leases_.shards().count();
    metrics_.set_leader(shards.held > 0);
    if (options_.sharding) metrics_.set_shards(shards.held, shards.leaving);
    return metrics_.text();
  }

  const Options& options_;
  std::stop_token stop_;
  base::SystemClock clock_;
  report::Metrics metrics_{WEIR_VERSION};
  kube::Connection connection_;
  std::unique_ptr<http::Transport> transport_;
  kube::Client client_;
  kube::Stores stores_{reconcile::kept_kinds()};
  Watches watches_;
  std::unique_ptr<analysis::Judge> judge_;
  EventSender events_;
  Telemetry telemetry_;
  Leases leases_;
  outside::Desk desk_;
  reconcile::DeskAnalyst analyst_;
  reconcile::Reconciler reconciler_;
  reconcile::Controller controller_;
  std::atomic<bool> working_{false};
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
