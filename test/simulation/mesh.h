// Models of the proxies, which take configuration late and out of step with each other, and of the clients
// whose requests they route.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "test/simulation/cluster.h"

namespace weir::simulation {

struct MeshOptions {
  int proxies = 3;
  Millis fastest{20};               // a change of configuration takes between this
  Millis slowest{1'500};            // and this to a proxy; below the releases' propagationDelay
  double requests_per_second = 40;  // of each proxy
  double marked_share = 0;          // share of requests that carry header "x-marked: yes"
  std::string name_space = "shop";
  std::string service = "checkout";  // host that clients call
};

// What became of the requests that the clients sent, ever rising.
struct Counts {
  double answered = 0;          // by a pod with success
  double failed = 0;            // by a pod with an error of its own (the Behaviour's error rate)
  double lost = 0;              // no pod answered: no route, no subset, no endpoint, a pod that is gone
  std::vector<double> at_most;  // of the answered: by upper bound of latency, as kBuckets, cumulative
};

// Upper bounds of the latency histogram in milliseconds; the last one is infinite.
inline constexpr std::array<double, 8> kBuckets{10, 25, 50, 100, 250, 500, 1'000, 1e300};

struct Loss {
  Millis at{0};
  int proxy = 0;
  double requests = 0;
  std::string reason;  // "subset v2 of checkout has no endpoint"
};

// Every proxy has routes (VirtualServices), subsets (DestinationRules) and endpoints (EndpointSlices and
// pods' labels) of its own, each kind delivered in order but after a delay of its own: kinds overtake each
// other. Clients send at a steady rate in small batches; a batch is divided exactly by the weights.
class Mesh {
 public:
  Mesh(Executor& executor, ApiServer& server, Cluster& cluster, MeshOptions options, std::uint64_t seed);

  // Begins and ends the clients' traffic.
  void start();
  void stop();

  // By workload; requests that were lost are under "unknown", as Istio reports them.
  [[nodiscard]] const std::map<std::string, Counts>& counts(int proxy) const;
  [[nodiscard]] Counts total(const std::string& workload) const;
  [[nodiscard]] double sent() const;
  [[nodiscard]] double lost() const;
  // The first kLossesKept of them.
  [[nodiscard]] const std::vector<Loss>& losses() const;
  // Share of the last batch, over all proxies, that went to a workload; 0..1.
  [[nodiscard]] double share(const std::string& workload) const;
  [[nodiscard]] const MeshOptions& options() const;
};

}  // namespace weir::simulation
