// Models of the controllers that answer the operator's writes: Deployments become pods, pods become
// endpoints.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "test/simulation/api_server.h"
#include "test/simulation/cluster_objects.h"
#include "test/simulation/random.h"

namespace weir::simulation {

// How the pods of one pod template behave.
struct Behaviour {
  Millis start{1'000};       // from creation to ready, give or take a fifth
  bool never_ready = false;  // they crash: CrashLoopBackOff
  double error_rate = 0;     // of requests answered with 500
  Millis latency{20};        // of an answer, on average
};

// Watches Deployments and Services of `server` and keeps their status, Pods and EndpointSlices in step, each
// after a delay of its own as the real controllers do: Deployment controller, kubelet, EndpointSlice
// controller. A pod that has to go leaves the endpoints first and stops kGrace later. A Deployment with a new
// template gets a new pod before an old one goes, one after another.
class Cluster {
 public:
  static constexpr Millis kGrace{8'000};  // longer than any propagation delay of a scenario

  // Borrows all. Knows only of objects that are put into `server` afterwards. Must outlive all tasks of
  // `executor`.
  Cluster(Executor& executor, ApiServer& server, std::uint64_t seed);

  // Of the pods of one Deployment. `variant` is the value of its template's annotation
  // "simulation/behaviour"; empty: of every template that has no Behaviour of its own. What a pod answers
  // changes at once, how it starts with the next pod.
  void set_behaviour(const std::string& workload, Behaviour behaviour) {
    set_behaviour(workload, "", behaviour);
  }
  void set_behaviour(const std::string& workload, const std::string& variant, Behaviour behaviour);
  [[nodiscard]] const Behaviour& behaviour(const Pod& pod) const;

  // Faults. Each pod of the workload that is ready is unready (and does not answer if `crash`) for a while.
  void disturb(const std::string& workload, Millis duration, bool crash);
  // From now on, again and again, one ready pod of the workload after the other is not ready for a moment. It
  // answers all the while.
  void stir(const std::string& workload, Millis every);
  // One pod goes at once, without a grace period; another one is made.
  void kill_one(const std::string& workload);

  // The pod that answers at an address; null: nothing answers there.
  [[nodiscard]] const Pod* at(const std::string& address) const;
  // All that are not gone, in the order of their names; terminating ones too.
  [[nodiscard]] std::vector<const Pod*> pods_of(const std::string& workload) const;
  [[nodiscard]] int ready_pods(const std::string& workload) const;

 private:
  // What the controllers know of objects.
  struct Deployment {
    std::string uid;
    int replicas = 1;
    std::string template_hash;
    std::string variant;
    Labels labels;  // of the template
    friend bool operator==(const Deployment&, const Deployment&) = default;
  };
  struct Slice {
    std::string name;
    Json endpoints;
  };

  void take(const Change& change);
  void take_deployment(const Change& change);
  void take_service(const Change& change);
  void take_lost_slice(const Json& slice);
  void collect(const Change& change);

  void wake_deployment(const kube::Key& key);
  void sync_deployment(const kube::Key& key);
  void roll(const kube::Key& key, const Deployment& wanted);
  void write_status(const kube::Key& key, const Deployment& wanted);
  [[nodiscard]] std::vector<Pod*> active_pods(const kube::Key& key);

  void make_pod(const kube::Key& key, const Deployment& wanted);
  void start(const std::string& name);
  void terminate(Pod& pod);
  void remove(const std::string& name);
  void recover(const std::string& name);
  void stir_next(const std::string& workload, Millis every, int after);
  // The pod's object, its endpoints and its Deployment follow what has changed of it.
  void show(const Pod& pod);
  void wake_all_of(const Pod& pod);

  void wake_service(const kube::Key& key);
  void sync_service(const kube::Key& key);
  [[nodiscard]] std::string suffix();

  Executor& executor_;
  ApiServer& server_;
  Random random_;
  std::map<std::pair<std::string, std::string>, Behaviour> behaviours_;  // by workload and variant
  std::map<kube::Key, Deployment> deployments_;
  std::map<kube::Key, Labels> services_;  // their selectors
  std::map<kube::Key, Slice> slices_;     // by Service
  std::set<kube::Key> woken_deployments_;
  std::set<kube::Key> woken_services_;
  std::map<std::string, Pod> pods_;               // by name
  std::map<std::string, std::string> pod_names_;  // by address
  int made_ = 0;                                  // pods, ever
};

}  // namespace weir::simulation
