#include "operator/process/leases.h"

#include <cstdlib>
#include <random>
#include <utility>

#include "operator/lead/lease.h"
#include "operator/lead/rendezvous.h"
#include "operator/reconcile/kinds.h"

namespace weir::process {
namespace {

// A request must fail well before the renew deadline.
constexpr std::chrono::milliseconds kTimeout{4'000};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
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

std::string name_space_of(const Options& options, const kube::Connection& connection) {
  if (!options.lease_namespace.empty()) return options.lease_namespace;
  const auto own = variable("POD_NAMESPACE");
  return own.empty() ? connection.name_space : own;
}

}  // namespace

Leases::Leases(const Options& options, const kube::Connection& connection, const base::Clock& clock,
               lead::Shards::OnChanges on_changes)
    : name_space_(name_space_of(options, connection)), store_(reconcile::form_of(kube::kLeases)) {
  if (!options.sharding && !options.leader_election) {
    shards_ = std::make_unique<lead::Shards>(clock, std::move(on_changes));
    return;
  }
  // A client of their own: they must not wait behind other requests.
  transport_ = http::make_transport(connection.base_url, connection.tls);
  client_.emplace(
      *transport_, connection.token, clock,
      kube::ClientOptions{.base_url = connection.base_url, .timeout = kTimeout, .requests_per_second = 0});
  shards_ = std::make_unique<lead::Shards>(
      *client_, clock, store_,
      lead::LeaseOptions{.lease = {name_space_, options.lease_name},
                         .shards = options.sharding ? lead::kShards : 1,
                         .identity = identity(),
                         .predecessors = variable("POD_UID").empty() ? "" : pod()},
      std::move(on_changes));
  watched_ = options.sharding;
  if (!watched_) return;
  store_.on_change([this](const kube::Change& change) { shards_->changed(change.key); });
}

void Leases::add_watch(Watches& watches) {
  if (watched_) watches.add({.resource = kube::kLeases}, store_, name_space_);
}

}  // namespace weir::process
