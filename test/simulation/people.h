// What people and their tools do to the objects of a release, sensible or not.
#pragma once

#include <map>
#include <string>

#include "test/simulation/cluster.h"
#include "test/simulation/faults.h"
#include "test/simulation/mesh.h"

namespace weir::simulation {

// How the pods of both versions will be.
void set_up_pods(Cluster& cluster, const Scenario& scenario);
// What a fault of the family of pods does.
void disturb_pods(Cluster& cluster, const Fault& fault);
// What one of the family of proxies does to a release in this phase.
void disturb_proxies(Mesh& mesh, const Fault& fault, const std::string& phase);

// Borrows all. Each act is what `kubectl` would do at this moment; an object that is not there is left alone.
class People {
 public:
  People(Executor& executor, ApiServer& server, const Scenario& scenario);

  // Begins a fault of people, and leaves those of others alone; what is taken away comes back after
  // `fault.lasting`.
  void act(const Fault& fault);
  // Writes to the Service, and changes nothing that matters.
  void touch_service();
  // What they have begun to mend is not yet as it is to be.
  [[nodiscard]] bool is_mending() const { return mending_; }

 private:
  using Act = void (*)(People& people, const Fault& fault);
  static const std::map<Kind, Act> kActs;

  void scale(const char* name, int replicas);
  void remove_for_a_while(const kube::Resource& resource, const std::string& name, Millis duration,
                          Json again);
  void change_template(const char* variant);
  void relabel_stable(const Fault& fault);
  void relabel(const char* name, const char* version);
  void edit_weights(int candidate);
  void revert_routes(Millis every, Millis until);
  void remove_rule(Millis duration);
  void remove_service(Millis duration);
  void remove_own_service(int which);
  void remove_own_services_of(const std::string& version);
  void edit_canary(const char* pointer, const Json& value);
  void suspend_canary(Millis duration);
  void delete_canary(const Fault& fault);
  void force_canary_away(Millis until_mended);
  void remake_canary();
  void delete_namespace(const Fault& fault);
  void write_foreign_rule();
  void write_foreign_route(const std::string& subset);
  // 0: it waits; 1: it supersedes; 2: so, with the same target.
  void make_second(int how);
  void make_successor(bool goes_by_itself);
  [[nodiscard]] bool release_runs();
  [[nodiscard]] Json find(const kube::Resource& resource, const std::string& name);
  void put(const kube::Resource& resource, const Json& object, const char* manager = "kubectl");

  Executor& executor_;
  ApiServer& server_;
  const Scenario& scenario_;
  int revisions_ = 0;
  bool mending_ = false;
};

inline constexpr const char* kSecondCanary = "checkout-v3";

}  // namespace weir::simulation
