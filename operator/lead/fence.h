// Keeps writes that were sent and never answered from landing later.
//
// Every write carries the resourceVersion that was read. Still, one whose answer never came (a time-out, a
// broken connection, a process that died, or stood still while another took over) may be carried out at any
// time after, as long as its object stays as it was: a weight may rise after a rollback has begun. So, before
// a release is decided on, each object that such a write may be on its way to is claimed (epoch.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/base/clock.h"
#include "operator/kube/api.h"
#include "operator/lead/holdings.h"

namespace weir::lead {

using kube::Json;

// The leadership of this process over the releases of a Service. Empty: it does not lead them, and must write
// nothing for them. Thread-safe.
using LeadershipOf = std::function<std::optional<Leadership>(const kube::Key& service)>;
[[nodiscard]] inline std::optional<Leadership> leads_alone(const kube::Key& /*service*/) {
  return Leadership{};
}

// An object that a release writes, or owns.
struct ManagedObject {
  kube::Resource resource;
  std::shared_ptr<const Json> object;  // never null
  bool of_user = true;                 // else made by the operator, or the Canary
  bool late = false;                   // written only once the release is promoted or taken back
};

// What a leader that looks after a release in its present phase may have been writing to.
enum class WrittenTo { Nothing, EarlyObjects, AllObjects, NothingAnyMore };

// One reading of a release: its Canary, and all that it may write to, the Canary among it.
struct Reading {
  const Json& canary;
  const std::vector<ManagedObject>& objects;
  WrittenTo written_to = WrittenTo::Nothing;
};

// What this process knows of the writes to each release's objects. Thread-safe; does no I/O.
class Fence {
 public:
  explicit Fence(LeadershipOf leadership) : leadership_(std::move(leadership)) {}

  [[nodiscard]] std::optional<Leadership> lead(const kube::Key& service) const {
    return leadership_(service);
  }

  // Whether an object of the release carries a claim or a status of a later term: another leads, and this
  // process has not learnt it yet. Once the lease is renewed nevertheless, that is of a Lease that was made
  // anew since, and is taken over.
  [[nodiscard]] bool overtaken(const kube::Key& release, const Reading& reading, const Leadership& lead);

  // Whether `latest`, a term that an object of the release names, is that of a leader after the one of
  // `term`.
  [[nodiscard]] bool is_later(const kube::Key& release, std::int64_t latest, std::int64_t term);

  // What must be claimed before the release is decided on, in this order; empty: nothing. The Canary comes
  // first: if what is read of it is old, its claim is refused, and nothing else of a release that may be over
  // is marked. Two reasons:
  //  - the release is past Pending and this process did not bring it there in this term: everything that the
  //    one before it may have been writing to;
  //  - a write of ours was not answered, and the object is still as it was before it.
  // Nothing of a release in Pending, which has written to no object but its Canary, nor of one that is over.
  [[nodiscard]] std::vector<ManagedObject> due(const kube::Key& release, const Reading& reading,
                                               std::int64_t term);

  // This process brought the release out of Pending in this term: no other has written to its objects.
  void began(const kube::Key& release, std::int64_t term);
  // A write to the object was carried out: all that were sent before it have failed or will.
  void carried_out(const kube::Key& release, const kube::Resource& resource, const Json& object);
  // Whether the write to `object`, as it was read, was or will be carried out is not known.
  void unanswered(const kube::Key& release, const kube::Resource& resource, const Json& object);
  // The release is over or gone.
  void forget(const kube::Key& release);

 private:
  using Id = std::pair<std::string_view, kube::Key>;  // plural of the kind, and the object's key
  struct Known {
    std::optional<std::int64_t> term;  // that the rest is about; empty: the release was not seen past Pending
    std::optional<WrittenTo> taken_over;
    std::int64_t accepted = 0;                           // term of claims that is not another leader's
    std::optional<base::Clock::Steady> overtaken_since;  // the last renewal before a later claim was seen
    std::set<Id> written;                                // of a release taken over: by us, in this term
    // The newest resourceVersion that a write without an answer was made from; empty: not comparable.
    std::map<Id, std::optional<std::uint64_t>> open;
  };
  [[nodiscard]] static Id id_of(const kube::Resource& resource, const Json& object);
  [[nodiscard]] static bool must_claim(Known& known, const ManagedObject& managed);

  LeadershipOf leadership_;
  std::mutex mutex_;
  std::map<kube::Key, Known> known_;
};

// The API for one round of one release: writes only while this process leads in the round's term (else
// Code::Cancelled, and nothing is sent), and tells the fence how each write was answered. Not thread-safe.
class FencedApi final : public kube::Api {
 public:
  // Borrows `api` and `fence`. `service` is that of the release.
  FencedApi(kube::Api& api, Fence& fence, kube::Key release, kube::Key service, std::int64_t term)
      : api_(api), fence_(fence), release_(std::move(release)), service_(std::move(service)), term_(term) {}

  [[nodiscard]] kube::Result<Json> get(const kube::Resource& resource, const kube::Key& key) override;
  [[nodiscard]] kube::Result<std::vector<Json>> list(const kube::Resource& resource,
                                                     std::string_view name_space,
                                                     std::string_view label_selector) override;
  // A creation carries no version that could be refused, and a process whose machine stood still believes in
  // a lease that is long over: who leads is read from the Canary just before. One that is not answered leaves
  // nothing to claim: what it makes late bears the release's signature, and is found and removed.
  [[nodiscard]] kube::Result<Json> create(const kube::Resource& resource, const Json& object) override;
  [[nodiscard]] kube::Result<Json> update(const kube::Resource& resource, const Json& before,
                                          const Json& after) override;
  [[nodiscard]] kube::Result<Json> update_status(const kube::Resource& resource, const Json& before,
                                                 const Json& after) override;
  [[nodiscard]] kube::Result<void> remove(const kube::Resource& resource, const Json& object) override;

  // Whether any write was sent that the server may have carried out: one that changes nothing is not sent.
  [[nodiscard]] bool sent() const { return sent_; }

 private:
  // Why nothing may be written to the object; empty: it may.
  [[nodiscard]] std::optional<kube::Error> deposed(const kube::Resource& resource, const Json& object) const;
  // Why nothing may be made for the release, as its Canary is now; empty: it may.
  [[nodiscard]] std::optional<kube::Error> overtaken(const kube::Resource& resource, const Json& object);
  kube::Result<Json> noted(const kube::Resource& resource, const Json& before, kube::Result<Json> answer);

  kube::Api& api_;
  Fence& fence_;
  const kube::Key release_;
  const kube::Key service_;
  const std::int64_t term_;
  bool sent_ = false;
};

}  // namespace weir::lead
