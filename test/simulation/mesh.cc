#include "test/simulation/mesh.h"

#include <algorithm>
#include <optional>
#include <type_traits>

#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

constexpr Millis kBatch{250};
constexpr const char* kUnknown = "unknown";

bool names_subsets(const Json& virtual_service) {
  const auto table = virtual_service.is_null() ? std::nullopt : read_table(virtual_service);
  return table && std::ranges::any_of(table->routes, [](const Route& route) {
           return std::ranges::any_of(route.destinations,
                                      [](const Destination& one) { return !one.subset.empty(); });
         });
}

// Latencies lie evenly between half and one and a half of their average.
double share_within(double bound, Millis average) {
  const auto length = static_cast<double>(average.count());
  if (length <= 0) return 1;
  return std::clamp((bound - length / 2) / length, 0.0, 1.0);
}

}  // namespace

Mesh::Mesh(Executor& executor, ApiServer& server, Cluster& cluster, MeshOptions options, std::uint64_t seed)
    : executor_(executor),
      cluster_(cluster),
      options_(std::move(options)),
      delays_(seed, "mesh delays"),
      errors_(seed, "mesh errors"),
      proxies_(static_cast<std::size_t>(options_.proxies)) {
  server.on_change([this](const Change& change) { take(change); });
}

void Mesh::start() {
  if (!configured_) {
    for (Proxy& proxy : proxies_) {
      proxy.config = proxy.before = newest_;
      follow(proxy);
    }
  }
  configured_ = true;
  sending_ = true;
  if (batch_due_) return;
  batch_due_ = true;
  executor_.after(kBatch, [this] { send_batch(); });
}

const std::map<std::string, Counts>& Mesh::counts(int proxy) const {
  return proxies_[static_cast<std::size_t>(proxy)].counts;
}

const std::map<Told, double>& Mesh::told(int proxy) const {
  return proxies_[static_cast<std::size_t>(proxy)].told;
}

Counts Mesh::total(const std::string& workload) const {
  Counts sum{.at_most = std::vector<double>(kBuckets.size())};
  for (const Proxy& proxy : proxies_) {
    const auto found = proxy.counts.find(workload);
    if (found == proxy.counts.end()) continue;
    sum.answered += found->second.answered;
    sum.failed += found->second.failed;
    sum.lost += found->second.lost;
    for (std::size_t i = 0; i < found->second.at_most.size(); ++i) sum.at_most[i] += found->second.at_most[i];
  }
  return sum;
}

double Mesh::share(const std::string& workload) const {
  double all = 0;
  double its = 0;
  for (const Proxy& proxy : proxies_) {
    for (const auto& [name, requests] : proxy.last_batch) {
      all += requests;
      if (name == workload) its += requests;
    }
  }
  return all > 0 ? its / all : 0;
}

void Mesh::take(const Change& change) {
  if (change.resource == kube::kVirtualServices) {
    if (!names_subsets(change.after)) {
      for (Proxy& proxy : proxies_) proxy.refuses = false;
    }
    if (names_subsets(change.before) != names_subsets(change.after)) put_back_ = names_subsets(change.before);
    take_as(&Config::tables, change, read_table);
  }
  if (change.resource == kube::kDestinationRules) take_as(&Config::rules, change, read_rule);
  if (change.resource == kube::kEndpointSlices) {
    take_as(&Config::slices, change, [this](const Json& slice) { return read_slice(slice, cluster_); });
  }
}

template <typename T, typename Read>
void Mesh::take_as(Kind<T> Config::* kind, const Change& change, const Read& read) {
  const bool gone = change.after.is_null();
  const kube::Key key = kube::key_of(gone ? change.before : change.after);
  const auto object = gone ? std::nullopt : read(change.after);
  T value = *(newest_.*kind).value;
  if (object) {
    value.insert_or_assign(key, *object);
  } else {
    value.erase(key);
  }
  if (value == *(newest_.*kind).value) return;
  (newest_.*kind).value = std::make_shared<const T>(std::move(value));
  if (!configured_) return;
  for (Proxy& proxy : proxies_) deliver(proxy, kind);
}

template <typename T>
void Mesh::deliver(Proxy& proxy, Kind<T> Config::* kind) {
  Kind<T>& held = proxy.config.*kind;
  held.last = std::max(held.last, executor_.now() + delays_.between(options_.fastest, options_.slowest));
  executor_.at(held.last, [this, &proxy, kind, value = (newest_.*kind).value, turn = proxy.turn] {
    constexpr bool kRoutes = std::is_same_v<T, Tables>;
    if (proxy.turn != turn || proxy.stands || (kRoutes && proxy.refuses)) return;
    if (kRoutes) proxy.before = proxy.config;
    (proxy.config.*kind).value = value;
    follow(proxy);
  });
}

void Mesh::catch_up(Proxy& proxy) {
  proxy.stands = proxy.refuses = false;
  ++proxy.turn;
  proxy.config = newest_;
  follow(proxy);
}

void Mesh::stand(int proxy, Millis lasting) {
  auto& one = proxies_[static_cast<std::size_t>(proxy)];
  one.stands = true;
  executor_.after(lasting, [this, &one] { catch_up(one); });
}

void Mesh::refuse_routes(int proxy, Millis lasting) {
  if (put_back_) return;
  auto& one = proxies_[static_cast<std::size_t>(proxy)];
  one.refuses = true;
  executor_.after(lasting, [this, &one] {
    if (one.refuses) catch_up(one);
  });
}

void Mesh::come_back_old(int proxy, Millis lasting) {
  auto& one = proxies_[static_cast<std::size_t>(proxy)];
  one.config = one.before;
  follow(one);
  stand(proxy, lasting);
}

void Mesh::eject(const std::string& workload, Millis lasting) {
  ejected_.insert(workload);
  executor_.after(lasting, [this, workload] { ejected_.erase(workload); });
}

void Mesh::follow(Proxy& proxy) const {
  const kube::Key service{options_.name_space, options_.service};
  for (const bool marked : {false, true}) {
    proxy.ways[marked ? 1 : 0] =
        ways(*proxy.config.tables.value, *proxy.config.rules.value, *proxy.config.slices.value, service,
             marked, options_.elsewhere, options_.domain);
  }
}

void Mesh::send_batch() {
  batch_due_ = sending_;
  if (!sending_) return;
  const double seconds = std::chrono::duration<double>(kBatch).count();
  const double requests = options_.requests_per_second * seconds;
  for (int proxy = 0; proxy < options_.proxies; ++proxy) {
    Proxy& sender = proxies_[static_cast<std::size_t>(proxy)];
    sender.last_batch.clear();
    for (const Way& way : sender.ways[0]) send(proxy, way, requests * (1 - options_.marked_share));
    for (const Way& way : sender.ways[1]) send(proxy, way, requests * options_.marked_share);
    sent_ += requests;
  }
  executor_.after(kBatch, [this] { send_batch(); });
}

void Mesh::send(int proxy, const Way& way, double requests) {
  requests *= way.share;
  if (requests <= 0) return;
  Told told{.service = way.service.empty() ? options_.service : way.service};
  const auto lose_all = [&](const std::string& flag, const std::string& why) {
    lose(proxy, {told.service, kUnknown, flag == "NR" ? 404 : 503, flag}, requests, why);
  };
  if (!way.lost.empty()) return lose_all(way.flag, way.lost);
  Proxy& sender = proxies_[static_cast<std::size_t>(proxy)];
  if (!way.elsewhere.empty()) {
    told.workload = way.elsewhere;
    return answer(sender, told, Behaviour{}, requests);
  }
  std::vector<const Endpoint*> endpoints;
  for (const auto& endpoint : way.endpoints) {
    if (!ejected_.contains(endpoint.workload)) endpoints.push_back(&endpoint);
  }
  if (endpoints.empty()) return lose_all("UH", "every endpoint of " + told.service + " is ejected");
  const double each = requests / static_cast<double>(endpoints.size());
  for (const auto* endpoint : endpoints) {
    const Pod* pod = cluster_.at(endpoint->address);
    told.workload = pod == nullptr ? endpoint->workload : pod->workload;
    if (pod == nullptr) {
      if (told.workload.empty()) told.workload = kUnknown;
      lose(proxy, {told.service, told.workload, 503, "UF"}, each,
           "nothing answers at endpoint " + endpoint->address);
    } else {
      answer(sender, told, cluster_.behaviour(*pod), each);
    }
  }
}

void Mesh::answer(Proxy& proxy, const Told& by, const Behaviour& behaviour, double requests) {
  Counts& counts = proxy.counts[by.workload];
  double rate = behaviour.error_rate;
  if (rate > 0 && rate < 1) {
    // Some more or fewer than expected, and on average as many.
    const double spread = std::min(rate / 2, 1 - rate);
    rate += spread * (2 * errors_.uniform() - 1);
  }
  counts.failed += requests * rate;
  counts.answered += requests * (1 - rate);
  proxy.told[{by.service, by.workload, 500, by.flags}] += requests * rate;
  proxy.told[{by.service, by.workload, 200, by.flags}] += requests * (1 - rate);
  counts.at_most.resize(kBuckets.size());
  for (std::size_t i = 0; i < kBuckets.size(); ++i) {
    counts.at_most[i] += requests * share_within(kBuckets[i], behaviour.latency);
  }
  proxy.last_batch[by.workload] += requests;
}

void Mesh::lose(int proxy, const Told& as, double requests, const std::string& reason) {
  Proxy& sender = proxies_[static_cast<std::size_t>(proxy)];
  sender.counts[as.workload].lost += requests;
  sender.told[as] += requests;
  sender.last_batch[kUnknown] += requests;
  lost_ += requests;
  if (losses_.size() < kLossesKept) losses_.push_back({executor_.now(), proxy, requests, reason});
}

}  // namespace weir::simulation
