// Models of the controllers that answer the operator's writes: Deployments become pods, pods become
// endpoints.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "test/simulation/api_server.h"
#include "test/simulation/random.h"

namespace weir::simulation {

// How the pods of one pod template behave.
struct Behaviour {
  Millis start{1'000};       // from creation to ready
  bool never_ready = false;  // they crash: CrashLoopBackOff
  double error_rate = 0;     // of requests answered with 500
  Millis latency{20};        // of an answer
};

struct Pod {
  std::string name;
  std::string address;
  std::string workload;  // the Deployment's name
  std::string version;   // value of the pod's label "version"
  std::map<std::string, std::string> labels;
  std::string template_hash;
  bool ready = false;
  bool terminating = false;  // no longer an endpoint, but serves until it stops
  bool running = false;      // its process answers connections
};

// Watches Deployments and Services of `server` and keeps their status, Pods and EndpointSlices in step, each
// after a delay of its own as the real controllers do: Deployment controller, kubelet, EndpointSlice
// controller. A pod that has to go leaves the endpoints first and stops kGrace later.
class Cluster {
 public:
  static constexpr Millis kGrace{8'000};  // longer than any propagation delay of a scenario

  // Borrows all.
  Cluster(Executor& executor, ApiServer& server, std::uint64_t seed);

  // Of the pods of one Deployment; for templates that carry annotation `key`="behaviour" see `revise`.
  void set_behaviour(const std::string& workload, Behaviour behaviour);
  [[nodiscard]] const Behaviour& behaviour(const std::string& workload) const;

  // Faults. Each pod of the workload is unready (and does not answer if `crash`) for a while.
  void disturb(const std::string& workload, Millis duration, bool crash);
  // One pod goes at once, without a grace period; another one is made.
  void kill_one(const std::string& workload);

  // The pod behind an address; null: nothing answers there.
  [[nodiscard]] const Pod* at(const std::string& address) const;
  [[nodiscard]] std::vector<const Pod*> pods_of(const std::string& workload) const;
  [[nodiscard]] int ready_pods(const std::string& workload) const;

 private:
  Executor& executor_;
  ApiServer& server_;
  Random random_;
  std::map<std::string, Behaviour> behaviours_;
  std::map<std::string, Pod> pods_;  // by name
};

}  // namespace weir::simulation
