// Models of the proxies, which take configuration late and out of step with each other, and of the clients
// whose requests they route.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "test/simulation/cluster.h"
#include "test/simulation/proxy_config.h"

namespace weir::simulation {

struct MeshOptions {
  int proxies = 3;
  Millis fastest{20};               // a change of configuration takes between this
  Millis slowest{1'500};            // and this to a proxy; below the releases' propagationDelay
  double requests_per_second = 40;  // of each proxy
  double marked_share = 0;          // share of requests that carry header "x-marked: yes"
  std::string name_space = "shop";
  std::string service = "checkout";      // host that clients call
  std::string domain = "cluster.local";  // of the cluster
  std::vector<std::string> elsewhere{
      "legacy"};  // hosts outside the cluster, each its own workload: they answer
};

// What became of the requests that the clients sent, ever rising.
struct Counts {
  double answered = 0;          // by a pod with success
  double failed = 0;            // by a pod with an error of its own (the Behaviour's error rate)
  double lost = 0;              // no pod answered: no route, no subset, no endpoint, or a pod that is gone
  std::vector<double> at_most;  // of answered and failed: by upper bound of latency, as kBuckets, cumulative
};

// What Istio's labels say of some requests. The Service is that of the cluster that was chosen; without one,
// the host that the client called.
struct Told {
  std::string service;
  std::string workload;  // "unknown" where no upstream host was chosen
  int code = 200;
  std::string flags = "-";
  friend auto operator<=>(const Told&, const Told&) = default;
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
  static constexpr std::size_t kLossesKept = 20;

  // Borrows all. Knows only of objects that are put into `server` afterwards; `cluster` must be made before.
  // Must outlive all tasks of `executor`.
  Mesh(Executor& executor, ApiServer& server, Cluster& cluster, MeshOptions options, std::uint64_t seed);

  // Begins and ends the clients' traffic. What is there when it begins for the first time, all proxies have.
  void start();
  void stop() { sending_ = false; }

  // What goes wrong with a proxy, for a while. It stands still, and takes what it has missed at once at the
  // end; it refuses changes of routes alone, until somebody mends that, at the latest when the routes are as
  // their owner wrote them; it comes back with what it had before its last change of routes, and then stands
  // still.
  void stand(int proxy, Millis lasting);
  void refuse_routes(int proxy, Millis lasting);
  void come_back_old(int proxy, Millis lasting);

  // The breaker of the Service's owner (outlierDetection) trips at every proxy: no request goes to the
  // workload's pods for a while.
  void eject(const std::string& workload, Millis lasting);

  // By workload, as Istio reports it: requests that were lost are under that of the pod which was to answer,
  // and under "unknown" if none was.
  [[nodiscard]] const std::map<std::string, Counts>& counts(int proxy) const;
  [[nodiscard]] const std::map<Told, double>& told(int proxy) const;
  [[nodiscard]] Counts total(const std::string& workload) const;
  [[nodiscard]] double sent() const { return sent_; }
  [[nodiscard]] double lost() const { return lost_; }
  // The first kLossesKept of them.
  [[nodiscard]] const std::vector<Loss>& losses() const { return losses_; }
  // Share of the last batch, over all proxies, that went to a workload; 0..1.
  [[nodiscard]] double share(const std::string& workload) const;
  [[nodiscard]] const MeshOptions& options() const { return options_; }

 private:
  // One kind of configuration, as somebody has it.
  template <typename T>
  struct Kind {
    std::shared_ptr<const T> value = std::make_shared<const T>();
    Millis last{0};  // when the newest change that is known of arrives
  };
  struct Config {
    Kind<Tables> tables;
    Kind<Rules> rules;
    Kind<Slices> slices;
  };
  struct Proxy {
    Config config;
    Config before;           // the last change of routes
    bool stands = false;     // takes nothing
    bool refuses = false;    // takes no routes
    std::uint64_t turn = 0;  // what was on its way before it caught up is void
    // Of requests that are not marked, and of those that are; as `config` has it.
    std::array<std::vector<Way>, 2> ways;
    std::map<std::string, Counts> counts;
    std::map<Told, double> told;
    std::map<std::string, double> last_batch;  // requests by workload
  };

  void take(const Change& change);
  template <typename T, typename Read>
  void take_as(Kind<T> Config::* kind, const Change& change, const Read& read);
  template <typename T>
  void deliver(Proxy& proxy, Kind<T> Config::* kind);
  void follow(Proxy& proxy) const;
  void catch_up(Proxy& proxy);

  void send_batch();
  void send(int proxy, const Way& way, double requests);
  void answer(Proxy& proxy, const Told& by, const Behaviour& behaviour, double requests);
  void lose(int proxy, const Told& as, double requests, const std::string& reason);

  Executor& executor_;
  Cluster& cluster_;
  const MeshOptions options_;
  Random delays_;
  Random errors_;
  Config newest_;
  std::vector<Proxy> proxies_;
  std::set<std::string> ejected_;  // workloads
  // Routes are as their owner wrote them again: no count tells those from routes of a subset, once all
  // requests go one way.
  bool put_back_ = false;
  bool configured_ = false;  // traffic has begun once: from then on changes take their time
  bool sending_ = false;
  bool batch_due_ = false;
  double sent_ = 0;
  double lost_ = 0;
  std::vector<Loss> losses_;
};

}  // namespace weir::simulation
