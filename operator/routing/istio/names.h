// What the names of subsets mean to one release, and which ones its divided routes use.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/routing/istio/rules.h"
#include "operator/routing/istio/settings.h"

namespace weir::routing {

// Whether there is any record of any VirtualService: the release has begun to divide routes.
[[nodiscard]] bool has_route_records(const Target& target);

// What the release calls the subset of a version: as the version, where Istio takes that for a name; else, in
// lower case and with dashes, with a hash: "2-4-1-0f1e2d3c". The subset's label has the version itself.
[[nodiscard]] std::string subset_of_version(std::string_view version);

class SubsetNames {
 public:
  // Borrows both.
  SubsetNames(const Target& target, const Rules& rules);

  // A subset of a divided destination. A name that no rule defines means what the release would call so.
  [[nodiscard]] bool is_stable(std::string_view subset) const;
  [[nodiscard]] bool is_candidate(std::string_view subset) const;
  // Whether the rule that divided routes rest on defines it.
  [[nodiscard]] bool is_defined(std::string_view subset) const;
  // The same for a destination as its owner wrote it.
  [[nodiscard]] bool owner_stable(std::string_view subset) const;
  [[nodiscard]] bool owner_candidate(std::string_view subset) const;
  // The record says that the operator added it.
  [[nodiscard]] bool added(std::string_view subset) const;

  // What the record of a VirtualService's destination says that stood there. Null where there is none, or it
  // is no destination.
  [[nodiscard]] const Json& original_of(const std::string& object, const std::string& key) const;

  // Says that an owner's destination names a subset that is stable's: a promotion has to move it.
  void pin(const std::string& subset) { pinned_.insert(subset); }
  [[nodiscard]] const std::set<std::string>& pinned() const { return pinned_; }
  // Says that a place which the release does not put back names the subset: it is not taken away.
  void keep(const std::string& subset) { kept_.insert(subset); }
  [[nodiscard]] const std::set<std::string>& kept() const { return kept_; }
  // Pinned subsets that keep their name and get the candidate's labels at the promotion. Others are
  // `replaced`: the route gets the name of the candidate's subset, the owner's or the one that takes the
  // pinned one's place.
  [[nodiscard]] bool moves(const std::string& subset) const;
  // The pinned subset that is called as its version is: the candidate's takes its place. Empty: there is
  // none.
  [[nodiscard]] std::string replaced() const;
  // What a destination pinned to `subset` names after a promotion.
  [[nodiscard]] std::string promoted(const std::string& subset) const;

  // What the divided routes name. A pinned subset that moves is not used: it must carry nothing when it
  // moves.
  [[nodiscard]] std::string stable() const;
  [[nodiscard]] std::string candidate() const;
  // The same for a route that is written now: of names that the rule has not, another of the version that it
  // has.
  [[nodiscard]] std::string usable_stable() const;
  [[nodiscard]] std::string usable_candidate() const;

 private:
  // One of `owner_candidates_` that nothing is pinned to; empty: none.
  [[nodiscard]] std::string owner_candidate_subset() const;
  [[nodiscard]] std::string chosen(const std::string& asked, const std::string& version) const;
  [[nodiscard]] std::string usable(const std::string& name, const std::string& version) const;
  [[nodiscard]] bool means(const Subsets& subsets, std::string_view subset, const std::string& asked,
                           const std::string& version) const;

  const Target& target_;
  const Subsets& traffic_;  // of the rule of the divided routes
  const Subsets& owner_;    // of the rule of the routes as their owner wrote them
  std::map<std::pair<std::string, std::string>, Json> records_;  // of VirtualServices, by object and key
  std::set<std::string> originals_;                              // subsets that recorded destinations name
  std::vector<std::string> owner_candidates_;  // the candidate's, that the owner's rule has of its own accord
  std::set<std::string> pinned_;
  std::set<std::string> kept_;
};

}  // namespace weir::routing
