// What the checks know of the world: read from every change, by rules of their own, apart from the operator's
// code that they check.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/simulation/api_server.h"
#include "test/simulation/cluster_objects.h"

namespace weir::simulation::checks {

// A live reading is as old as the request that made it.
inline constexpr Millis kReadingAge{2'000};

// A Canary, as far as the checks need it.
struct Release {
  kube::Key key;
  std::string uid;
  std::int64_t generation = 0;
  std::int64_t observed_generation = 0;
  bool has_finalizer = false;

  std::string service;
  std::string label;  // spec.service.versionLabel
  bool dedicated = false;
  bool suspended = false;
  bool skips_analysis = false;
  bool has_ttl = false;
  bool guards = false;                          // guardAfterPromotion
  bool deletes_stable = false;                  // afterPromotion: Delete
  bool passes_without_value = false;            // some metric passes when there is no data or no provider
  std::string stable_subset, candidate_subset;  // as spec.routing.istio.subsets names them
  // Names of VirtualServices and of their routes that take part; empty: all.
  std::map<std::string, std::set<std::string>> managed;
  Millis interval{60'000};
  Millis propagation{5'000};

  std::string phase;  // empty: no status yet
  int weight = 0;
  int step = 0;
  int steps = 0;
  int checks_in_step = 0;
  int failed_checks = 0;
  std::string target, stable;                     // names of Deployments
  std::string stable_version, candidate_version;  // values of the label
  std::string template_hash;
  std::string identity;  // status.identity while the release runs

  // It has begun, so that objects may be as it wrote them, and is not over.
  [[nodiscard]] bool active() const;
  [[nodiscard]] bool over() const { return phase == "Succeeded" || phase == "Failed"; }
  std::string made_traffic;  // name of the Service that it made for both versions; empty: none yet
  // The Service that the divided routes name.
  [[nodiscard]] std::string traffic_service() const {
    if (!dedicated) return service;
    return made_traffic.empty() ? service + "-weir" : made_traffic;
  }
};
[[nodiscard]] Release read_release(const Json& canary);

// A number over the last seconds.
class Level {
 public:
  void set(Millis at, int value);
  [[nodiscard]] int now() const { return past_.empty() ? 0 : past_.back().second; }
  // At any time from `since` on.
  [[nodiscard]] int highest(Millis since) const;
  [[nodiscard]] int lowest(Millis since) const;
  // Since when it is zero; empty: it is not.
  [[nodiscard]] std::optional<Millis> zero_since() const;

 private:
  std::deque<std::pair<Millis, int>> past_;
};

// An object of a person that the operator edits.
struct Edited {
  Json object;           // as it is; null: it is gone
  Json owners;           // as its owner wrote it last
  bool as_given = true;  // owners is exactly what was there before the release; else the owner edited it
                         // since, and numbers that mean the same may be written in another way
  bool unclear = false;  // the owner's edit tore what the release had divided: nobody can say what is meant
  Writer changed_by = 0;
  Millis changed_at{0};
};

struct Workload {
  std::string name;
  Labels labels;         // of its pods
  Labels labels_before;  // until `template_since`
  Json pod_template;
  Json template_before;  // until `template_since`; null: it had none
  Millis template_since{0};
  Level ready;
  bool gone = false;
};

struct GoneCanary {
  Release release;  // as it was last
  Millis at{0};
};

class Known {
 public:
  Known(std::string name_space, std::string service, std::string domain)
      : name_space_(std::move(name_space)), service_(std::move(service)), domain_(std::move(domain)) {}

  // To be called after the checks have seen the change.
  void take(const Change& change);

  [[nodiscard]] const std::string& name_space() const { return name_space_; }
  [[nodiscard]] const std::string& service() const { return service_; }
  [[nodiscard]] const std::string& domain() const { return domain_; }  // of the cluster
  // The release of the Service that is active, else the one that was last; null: there was none.
  [[nodiscard]] const Release* release() const { return release_ ? &*release_ : nullptr; }
  // When that release began to write to objects.
  [[nodiscard]] Millis began_at() const { return began_at_; }
  [[nodiscard]] const std::map<kube::Key, Release>& canaries() const { return canaries_; }
  [[nodiscard]] const std::vector<GoneCanary>& gone() const { return gone_; }
  // Those of the namespace.
  [[nodiscard]] const std::map<std::string, Edited>& virtual_services() const { return virtual_services_; }
  [[nodiscard]] const std::map<std::string, Edited>& rules() const { return rules_; }
  [[nodiscard]] const std::map<std::string, Edited>& services() const { return services_; }
  [[nodiscard]] const Edited* service_object() const;
  [[nodiscard]] const Workload* workload(const std::string& name) const;

  // What a subset of this name meant when a rule last defined it; the name itself if none ever did.
  [[nodiscard]] std::string version_called(const std::string& subset) const;

  // Ready pods of a version, by its Deployments' status.
  [[nodiscard]] int most_ready(const std::string& version, Millis since) const;
  [[nodiscard]] int least_ready(const std::string& version, Millis since) const;
  // No Deployment makes pods of the version any more.
  [[nodiscard]] bool has_no_workload(const std::string& version) const;
  // Ready endpoints of a version behind a Service.
  [[nodiscard]] const Level& endpoints(const std::string& service, const std::string& version) const;

 private:
  struct Slice {
    std::string service;
    std::vector<std::string> pods;  // of ready endpoints
  };

  void take_canary(const Change& change);
  void take_edited(std::map<std::string, Edited>& all, const Change& change);
  void take_deployment(const Change& change);
  void take_pod(const Change& change);
  void take_slice(const Change& change);
  void count_endpoints(const std::string& service, Millis at);
  void choose_release();
  void find_traffic_service();
  void settle();
  [[nodiscard]] const std::string& label() const;

  const std::string name_space_;
  const std::string service_;
  const std::string domain_;
  std::map<kube::Key, Release> canaries_;
  std::vector<GoneCanary> gone_;
  std::optional<Release> release_;
  Millis began_at_{0};
  std::map<std::string, Edited> virtual_services_, rules_, services_;
  std::map<std::string, std::string> versions_;  // by subset
  std::string made_traffic_;
  std::map<std::string, Workload> workloads_;
  std::map<std::string, Labels> pods_;
  std::map<std::string, Slice> slices_;
  std::map<std::string, std::map<std::string, Level>> endpoints_;  // by Service and version
};

// ---- reading JSON ----

[[nodiscard]] std::string text(const Json& object, const char* pointer);
[[nodiscard]] std::int64_t number(const Json& object, const char* pointer, std::int64_t otherwise = 0);
// "1m30s", "500ms"; empty: it is no duration.
[[nodiscard]] std::optional<Millis> duration(const std::string& text);
// RFC 3339 in UTC, since 1970.
[[nodiscard]] std::optional<Millis> time_of(const std::string& text);
[[nodiscard]] bool is_of_a_canary(const Json& object);  // by its annotations; older ones by ownerReferences

}  // namespace weir::simulation::checks
