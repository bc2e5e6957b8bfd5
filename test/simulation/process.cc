#include "test/simulation/process.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <stop_token>
#include <utility>

#include "operator/kube/object.h"
#include "operator/lead/lease.h"
#include "operator/lead/rendezvous.h"
#include "operator/reconcile/orphans.h"

namespace weir::simulation {
namespace {

constexpr const char* kBaseUrl = "https://kubernetes.default.svc";
constexpr const char* kPrometheusUrl = "http://prometheus.monitoring:9090";
constexpr const char* kLeaseNamespace = "weir-system";
constexpr std::int64_t kNoTerm = -1;
constexpr int kWorkers = 2;
// As the chart has them: an event reaches its watch within this.
constexpr Millis kWatchFastest{1};
constexpr Millis kWatchSlowest{40};
constexpr Millis kBookmarks{60'000};
constexpr Millis kAnalystStart{1};
constexpr Millis kLeaseTimeout{4'000};

kube::ClientOptions client_options(Millis timeout) {
  return {.base_url = kBaseUrl, .timeout = timeout, .requests_per_second = 0};
}

}  // namespace

Process::Process(const Surroundings& around, Writer id, int pod, Replicas replicas, std::uint64_t seed)
    : around_(around),
      id_(id),
      pod_(pod),
      random_(seed, "process " + std::to_string(id)),
      life_(around.executor, around.clock),
      wire_(around.executor, around.server, life_, id, around.treat,
            [this] {
              const auto led = lead();
              return led ? led->term : kNoTerm;
            }),
      token_(std::make_shared<kube::Token>("")),
      client_(wire_, token_, life_.clock, client_options(kube::ClientOptions{}.timeout)),
      lease_client_(wire_, token_, life_.clock, client_options(kLeaseTimeout)),
      shards_(shards_of(replicas)),
      watches_leases_(replicas == Replicas::Share),
      judge_(analysis::make_prometheus_judge(kPrometheusUrl,
                                             [this](const analysis::Request& request) {
                                               life_.check();
                                               auto answer = around_.prometheus.fetch(request.url);
                                               life_.check();
                                               return answer;
                                             })),
      analyst_(
          desk_, *judge_, [this](const kube::Key& secret) { return client_.get(kube::kSecrets, secret); },
          [this](const kube::Key& key, const analysis::Judgement& judgement) {
            if (around_.tells) around_.tell("judged: " + judgement.message);
            controller_.wake(key);
          }),
      reconciler_(client_, client_, stores_, analyst_, life_.clock, listener(),
                  [this](const kube::Key& service) { return shards_->leads(service); }),
      controller_(
          reconciler_, stores_, life_.clock,
          [this](const kube::Key&, const reconcile::Round& round, std::chrono::duration<double>) {
            if (round.error && around_.tells) around_.tell("round failed: " + round.error->message);
          },
          [this](const kube::Key& service) { return shards_->begin_round(service); }) {
  reconciler_.set_cluster_domain(around_.domain);
}

std::unique_ptr<lead::Shards> Process::shards_of(Replicas replicas) {
  const auto on_changes = [this](const std::vector<lead::Shards::Change>& changes) {
    shards_changed(changes);
  };
  if (replicas == Replicas::Alone) return std::make_unique<lead::Shards>(life_.clock, on_changes);
  const bool share = replicas == Replicas::Share;
  auto shards =
      std::make_unique<lead::Shards>(lease_client_, life_.clock, leases_,
                                     lead::LeaseOptions{.lease = {kLeaseNamespace, "weir"},
                                                        .shards = share ? lead::kShards : 1,
                                                        .identity = fmt::format("weir-{}_{}", pod_, id_),
                                                        .predecessors = fmt::format("weir-{}_", pod_)},
                                     on_changes);
  if (share) leases_.on_change([&to = *shards](const kube::Change& change) { to.changed(change.key); });
  return shards;
}

std::optional<lead::Leadership> Process::lead() const {
  return shards_->leads({kNamespace, around_.service});
}

reconcile::Listener Process::listener() {
  reconcile::Listener listener{.on_check = [this](const canary::Canary&, const strategies::CheckRequest&) {
    around_.executor.after(kAnalystStart, [this] { life_.enter([this] { judge(); }); });
  }};
  if (!around_.tells) return listener;
  listener.on_event = [this](const canary::Canary& canary, const strategies::Event& event) {
    around_.tell(canary.name + ": " + event.reason + ": " + event.message);
  };
  listener.on_action = [this](const canary::Canary& canary, const strategies::Action& action,
                              const kube::Result<void>& done) {
    around_.tell(canary.name + ": " + describe(action) + (done ? "" : ": failed: " + done.error().message));
  };
  return listener;
}

void Process::start() {
  life_.enter([this] {
    stores_.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      if (working_) controller_.changed(resource, change);
    });
    for (auto& [kind, store] : stores_.all()) watch(kind, store);
    if (watches_leases_) watch({.resource = kube::kLeases}, leases_);
  });
}

void Process::watch(const kube::Kind& kind, kube::Store& store) {
  auto watching = std::make_unique<Watching>();
  watching->resource = kind.resource;
  watching->watcher =
      std::make_unique<kube::Watcher>(client_, life_.clock, kind, store,
                                      kube::WatcherOptions{.random = [this] { return random_.uniform(); }});
  watches_.push_back(std::move(watching));
  come_back(*watches_.back(), Millis(0));
}

void Process::come_back(Watching& watching, Millis delay) {
  const std::uint64_t turn = ++watching.turn;
  watching.next = around_.executor.now() + delay;
  around_.executor.after(delay, [this, &watching, turn] {
    life_.enter([this, &watching, turn] {
      if (watching.turn == turn && !watching.stepping) step(watching);
    });
  });
}

void Process::step(Watching& watching) {
  const auto plural = watching.resource.plural;
  watching.stepping = true;
  const Millis delay = watching.watcher->step({});
  watching.stepping = false;
  if (!working_ && synced()) {
    working_ = true;
    step_shards();
  }
  // A watch that goes well stays open in reality: it is taken up again when it has something to bring.
  const bool open = wire_.watching(plural);
  come_back(watching, open ? kBookmarks : std::max(delay, Millis(1)));
  if (open && around_.server.newest(watching.resource, Millis(0)) > wire_.seen(plural)) {
    tell_of_news(watching.resource);
  }
}

void Process::tell_of_news(const kube::Resource& resource) {
  if (life_.dead()) return;
  for (auto& watching : watches_) {
    if (watching->resource != resource || watching->stepping || !wire_.watching(resource.plural)) continue;
    const Millis delay = random_.between(kWatchFastest, kWatchSlowest) + wire_.watch_delay(resource.plural);
    // Never put off by more news: a watch under constant change would bring nothing.
    if (around_.executor.now() + delay < watching->next) come_back(*watching, delay);
  }
}

void Process::delay_watches(Random& random, Millis most, Millis duration) {
  for (const auto& row : reconcile::watched_kinds()) {
    const std::string plural(row.kind.resource.plural);
    wire_.delay_watch(plural, random.between(Millis(0), most));
    around_.executor.after(duration, [this, plural] { wire_.delay_watch(plural, Millis(0)); });
  }
}

void Process::break_watches() {
  wire_.drop_watches();
  for (auto& watching : watches_) {
    if (!watching->stepping) come_back(*watching, Millis(0));
  }
}

bool Process::synced() const {
  return std::ranges::all_of(watches_,
                             [](const auto& watching) { return watching->watcher->state().synced; });
}

void Process::step_shards() {
  if (stepping_shards_) return;
  stepping_shards_ = true;
  const Millis delay = shards_->step();
  stepping_shards_ = false;
  come_back_to_shards(delay);
}

void Process::come_back_to_shards(Millis delay) {
  around_.executor.after(delay, [this, turn = ++shards_turn_] {
    life_.enter([this, turn] {
      if (turn == shards_turn_) step_shards();
    });
  });
}

void Process::shards_changed(const std::vector<lead::Shards::Change>& changes) {
  for (const auto& change : changes) {
    for (const auto& [key, service] : reconcile::everything_due(stores_)) {
      if (shards_->shard_of(service) != change.shard) continue;
      analyst_.forget(key);
      if (change.held) controller_.wake(key);
    }
    if (!around_.tells || change.shard != shards_->shard_of({kNamespace, around_.service})) continue;
    around_.tell(fmt::format("process {} {} in term {}: {}", id_, change.held ? "leads" : "leads no longer",
                             change.term, change.why));
  }
}

void Process::pump() {
  if (life_.dead() || !working_) return;
  if (!stepping_shards_ && shards_->take_poke()) come_back_to_shards(Millis(0));
  if (at_work_ >= kWorkers) return;
  const auto due = controller_.next_due();
  if (!due) return;
  const auto wait = std::chrono::ceil<Millis>(*due - life_.clock.steady());
  const Millis when = around_.executor.now() + std::max(wait, Millis(0));
  if (next_work_ && *next_work_ <= when) return;
  next_work_ = when;
  around_.executor.at(when, [this] { life_.enter([this] { work(); }); });
}

void Process::work() {
  next_work_.reset();
  if (!working_ || at_work_ >= kWorkers) return;
  ++at_work_;
  (void)controller_.step();
  --at_work_;
}

void Process::judge() {
  // One thread asks: whoever is at it, waiting for an answer, takes the next question too.
  if (judging_) return;
  judging_ = true;
  while (desk_.step()) {
  }
  judging_ = false;
}

}  // namespace weir::simulation
