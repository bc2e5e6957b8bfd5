// The router door: how traffic is divided between two versions of a Service.
//
// A router is one file or folder beside this header and one row in registry.cc. It is pure: it turns objects
// into objects, and reading and writing them is the reconciler's. Any thread may use it, so it keeps nothing.
// What it must know again after a crash stands in its objects, or in records (strategies::RouteRecord) that
// the caller keeps in the release's status before the object changes. What must propagate stands outside of
// an object's metadata: `age` of routes is counted from the last change of the rest.
// test/unit/routing/contract_test.cc holds every row to what is said here.
#pragma once

#include <expected>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "operator/kube/cluster_domain.h"
#include "operator/kube/store.h"
#include "operator/kube/write.h"
#include "operator/routing/ownership.h"
#include "operator/routing/trust.h"
#include "strategies/plan.h"

namespace weir::routing {

using Json = nlohmann::json;

// What a release divides.
struct Target {
  std::string name_space;
  std::string service;  // that clients call
  std::string
      traffic_host;  // Service that receives traffic during the release: `service`, or Dedicated mode's own
  std::string version_label;
  std::string cluster_domain{kube::kDefaultClusterDomain};  // of the names of Services
  std::string stable_version;
  std::string candidate_version;
  std::string stable_service;  // the versions' own Services
  std::string candidate_service;
  Json stable_labels;  // of the versions' pod templates; null: not known
  Json candidate_labels;
  Json settings;                                 // spec.routing.<name of the router>, already valid; or null
  std::vector<strategies::RouteRecord> records;  // from status
  Maker maker;                                   // of what is made; no uid: nobody knows
  TrustedNamespaces trusted = trusted_by_default();
};

// The objects of one reading, by their kinds; absent ones are left out.
// References stay good while others are added.
class Objects {
 public:
  [[nodiscard]] const std::vector<Json>& of(const kube::Resource& kind) const;
  [[nodiscard]] std::vector<Json>& of(const kube::Resource& kind);
  friend bool operator==(const Objects& one, const Objects& other);

 private:
  using Kind = std::pair<std::string_view, std::string_view>;  // group and plural
  std::map<Kind, std::vector<Json>> kinds_;
};

// Names an object of the release's namespace.
struct ObjectName {
  kube::Resource kind;
  std::string name;
  friend bool operator==(const ObjectName&, const ObjectName&) = default;
};

struct Refusal {
  std::string condition;  // Conflict, TrafficIsolated or Progressing
  std::string reason;     // CamelCase
  std::string message;    // names object, field, value and what would be accepted
};

using kube::Write;

template <typename T>
using Result = std::expected<T, Refusal>;
using Writes = Result<std::vector<Write>>;

class Router {
 public:
  virtual ~Router() = default;

  [[nodiscard]] virtual strategies::Abilities abilities() const = 0;
  [[nodiscard]] virtual strategies::RouterWords words() const = 0;
  // Kinds of which it makes objects, each signed by the release (ownership.h).
  [[nodiscard]] virtual std::span<const kube::Resource> makes() const = 0;
  // Kinds whose objects lead requests somewhere.
  [[nodiscard]] virtual std::span<const kube::Resource> routes() const = 0;
  // Whether requests by `route`, an object of one of those kinds, need what a release made: a Service, or an
  // object of one of the kinds of `makes`. Where that is not clear they do.
  [[nodiscard]] virtual bool needs(const Json& route, const kube::Resource& kind, const Json& made) const = 0;
  // Objects that these records speak of: one may be written although it routes to the Service no more.
  [[nodiscard]] virtual std::vector<ObjectName> recorded(
      const std::vector<strategies::RouteRecord>& records) const = 0;

  // The objects of the caches that bear on the release, and no others: everything below sees only these.
  [[nodiscard]] virtual Objects gather(const Target& target, const kube::Stores& stores) const = 0;

  // A place of a route, of any route of any namespace, that leads to one version's pods and to no others, and
  // that no promotion moves.
  struct Fixed {
    // What follows: the release waits for somebody to mend it, or keeps the version's pods for it, or only
    // warns of it. Of a namespace that isn't trusted it only warns.
    enum class Effect { HoldsRelease, KeepsPods, Warns };
    std::string reason;   // CamelCase
    std::string message;  // names object, field and value, and to whose pods it leads
    std::string remedy;   // a clause: what to write there instead
    Effect effect = Effect::HoldsRelease;
    friend bool operator==(const Fixed&, const Fixed&) = default;
  };

  struct Reading {
    // Ages are left at 0: the caller knows them. A divided destination that somebody's edit has torn, or
    // whose weights no longer add up to its share, counts in `splits` and in `unmanaged`: it is at no weight.
    // Empty: nothing routes to the Service.
    std::optional<strategies::RouteState> routes;
    std::optional<strategies::Foundation> foundation;
    std::vector<ObjectName> route_objects;        // under management: for the age of `routes`, and claims
    std::optional<ObjectName> foundation_object;  // for the age of `foundation`
    std::vector<ObjectName> foundation_objects;   // all that the release may write for it
    std::vector<std::string> not_isolated;        // sentences: routes that may leak traffic
    // The same of what is in namespaces that are not trusted.
    std::vector<std::string> not_isolated_untrusted;
    // Namespaces of the Gateway objects that routes under management name: whoever wrote these trusts them.
    // The gateways' proxies may run in others.
    std::set<std::string> gateway_namespaces;
    // Namespaces whose gateways may lead requests to the Service by a route of a namespace that isn't
    // trusted: what these send says nothing of the routes under management. "*": any.
    std::set<std::string> overridden_gateways;
    std::vector<Refusal> refusals;                // what must be mended before a release can run
    std::vector<strategies::Warning> warnings;    // what a person should know before it begins
    std::vector<Fixed> fixed_to_stable;           // they lead nowhere once stable has no pods
    std::vector<std::string> fixed_to_candidate;  // sentences, of trusted ones; once the candidate has none
    // Routes under management, as messages name them, that give the Service none of their requests: no weight
    // of the candidate changes that.
    std::vector<std::string> idle_routes;
    bool only_idle_routes = false;  // there are such routes, and no others under management
    // The routes under management, as messages name them, if they divide connections and no requests.
    std::vector<std::string> connection_routes;
  };
  [[nodiscard]] virtual Reading read(const Target& target, const Objects& objects) const = 0;

  // Writes after which the foundation is present; empty: it is. Only asked of a router that needs one.
  [[nodiscard]] virtual Writes prepare(const Target& target, const Objects& objects) const = 0;
  // Writes after which every managed destination gives the candidate what `traffic` says of its share; empty:
  // they already do. Every field that is not a weight table stays as it is. Divides whatever can be: what may
  // not go forward is in Reading::refusals, and a rollback must not wait for that.
  [[nodiscard]] virtual Writes route(const Target& target, const Objects& objects,
                                     const strategies::Traffic& traffic) const = 0;
  // Puts every managed destination back; route then restore is the identity but for the version (`promoted`).
  [[nodiscard]] virtual Writes restore(const Target& target, const Objects& objects, bool promoted) const = 0;
  // Moves what the owner's routes name from stable's version to the candidate's (Foundation::pinned).
  [[nodiscard]] virtual Writes move_pinned(const Target& target, const Objects& objects) const = 0;
  // Takes away what `prepare` added, but for what a route names that is not the release's to put back; an
  // object that the operator made goes as a whole.
  [[nodiscard]] virtual Writes clean_up(const Target& target, const Objects& objects,
                                        bool promoted) const = 0;
};

}  // namespace weir::routing
