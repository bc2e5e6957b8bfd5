// How traffic is divided between two versions of a Service. Pure: providers turn objects into objects;
// reading and writing them is the reconciler's.
#pragma once

#include <expected>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "strategies/plan.h"

namespace weir::routing {

using Json = nlohmann::json;

// What a release divides. Names of hosts are matched as Istio does: short, namespace-qualified, or FQDN.
struct Target {
  std::string name_space;
  std::string service;  // that clients call
  std::string
      traffic_host;  // Service that receives traffic during the release: `service`, or Dedicated mode's own
  std::string version_label;
  std::string stable_version;
  std::string candidate_version;
  strategies::RoutingSpec routing;
  std::vector<strategies::RouteRecord> records;  // from status
  Json owner;                                    // ownerReference put on objects that are made
};

// The objects of one reading; absent ones are left out. Rules of every namespace that is visible.
struct Objects {
  std::vector<Json> virtual_services;
  std::vector<Json> destination_rules;
};

struct Refusal {
  std::string condition;  // Conflict, TrafficIsolated or Progressing
  std::string reason;     // CamelCase
  std::string message;    // names object, field, value and what would be accepted
};

// One object to write: `before` is null for one to make, `after` is null for one to delete.
struct Write {
  bool destination_rule = false;  // else a VirtualService
  Json before;
  Json after;
};

template <typename T>
using Result = std::expected<T, Refusal>;

class Provider {
 public:
  virtual ~Provider() = default;

  struct Reading {
    // Ages are left at 0: the caller knows them. A divided destination that somebody's edit has torn, or
    // whose weights no longer add up to its share, counts in `splits` and in `unmanaged`: it is at no weight.
    std::optional<strategies::RouteState> routes;
    std::optional<strategies::SubsetState> subsets;
    std::vector<std::string> virtual_services;   // names of those under management, for ages and watches
    std::string destination_rule;                // name; empty: none yet
    std::vector<std::string> destination_rules;  // names of all that the release may write
    std::vector<std::string> not_isolated;       // sentences
    std::vector<Refusal> refusals;               // what must be mended before a release can run
  };
  [[nodiscard]] virtual Reading read(const Target& target, const Objects& objects) const = 0;

  // Writes after which every managed destination gives the candidate `weight` of its share; empty: they
  // already do. Every field that is not a weight table stays as it is. Divides whatever can be: what may not
  // go forward is in Reading::refusals, and a rollback must not wait for that.
  [[nodiscard]] virtual Result<std::vector<Write>> route(const Target& target, const Objects& objects,
                                                         strategies::Weight weight) const = 0;
  // Puts every managed destination back; route then restore is the identity but for the version (`promoted`).
  [[nodiscard]] virtual Result<std::vector<Write>> restore(const Target& target, const Objects& objects,
                                                           bool promoted) const = 0;
  [[nodiscard]] virtual Result<std::vector<Write>> ensure_subsets(const Target& target,
                                                                  const Objects& objects) const = 0;
  [[nodiscard]] virtual Result<std::vector<Write>> move_pinned_subsets(const Target& target,
                                                                       const Objects& objects) const = 0;
  // Takes away the subsets that were added; a rule that the operator made goes as a whole.
  [[nodiscard]] virtual Result<std::vector<Write>> remove_subsets(const Target& target,
                                                                  const Objects& objects,
                                                                  bool promoted) const = 0;
};

}  // namespace weir::routing
