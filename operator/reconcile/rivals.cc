#include "operator/reconcile/rivals.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "operator/reconcile/finished.h"
#include "operator/reconcile/interest.h"
#include "strategies/context.h"

namespace weir::reconcile {
namespace {

using strategies::Phase;

// Whether `mine` is to wait while `other` is there.
bool goes_first(const canary::Canary& other, const canary::Canary& mine) {
  const bool older = std::pair(other.created, other.name) < std::pair(mine.created, mine.name);
  return other.status.phase != Phase::Pending || (!mine.spec.supersede && older);
}

}  // namespace

Rivals find_rivals(const canary::Canary& canary, const kube::Stores& stores) {
  Rivals rivals;
  const auto& service = canary.spec.service.name;
  const auto& name_space = canary.name_space;
  // The other releases of the Service that the term finds, until one of them settles the matter.
  const auto any_release = [&](const std::string& term,
                               const std::function<bool(const canary::Canary&)>& settles) {
    return std::ranges::any_of(stores.canaries.keys_with(term), [&](const kube::Key& key) {
      if (key == kube::Key{name_space, canary.name}) return false;
      const auto stored = stores.canaries.get(key);
      if (!stored || is_over(*stored->object)) return false;
      const auto parsed = canary::parse(*stored->object);
      const auto other =
          parsed ? std::optional(*parsed) : canary::from_record(*stored->object, parsed.error());
      return other && other->spec.service.name == service && settles(*other);
    });
  };
  const auto supersedes = [&](const canary::Canary& other) {
    if (std::pair(other.created, other.name) < std::pair(canary.created, canary.name)) return false;
    rivals.superseded_by = other.name;
    rivals.shares_target = other.spec.target.name == canary.status.target;
    return true;
  };
  const auto waits = [&](const canary::Canary& other) {
    if (!goes_first(other, canary)) return false;
    rivals.waits_for = {
        std::string(strategies::kConflict), std::string(strategies::kOtherRelease),
        "Canary " + other.name + " is releasing Service " + service + ": this one waits until it is over"};
    return true;
  };
  if (any_release(superseding_on(service, name_space), supersedes)) return rivals;
  if (canary.status.phase != Phase::Pending) return rivals;
  (void)(any_release(begun_on(service, name_space), waits) ||
         any_release(waiting_for(service, name_space), waits));
  return rivals;
}

}  // namespace weir::reconcile
