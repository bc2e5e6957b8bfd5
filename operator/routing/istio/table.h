// The weight tables of a VirtualService, read as places that the release divides.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "operator/routing/istio/names.h"

namespace weir::routing {

// One destination of the owner, as it is written now.
struct Place {
  enum class Form {
    Owner,   // as its owner wrote it
    Pair,    // two adjacent destinations: stable's subset, then the candidate's
    Broken,  // what somebody's edit left of a pair
  };
  Form form = Form::Owner;
  std::vector<std::size_t> at;  // indices in the table: one of Owner, two of Pair, one or two of Broken
  std::string key;              // of its record
  Json original;                // from the record; null: there is none
  bool recorded = false;        // of Owner: the record says what stands here, or what a promotion made of it
  int share = 0;                // what the owner gives the Service here, of 100
  int total = 0;                // what the destinations at `at` add up to now
  int candidate = 0;            // what the candidate gets now
};

// One `route` array that goes to the Service.
struct Table {
  std::string kind;       // http, tcp or tls
  std::size_t index = 0;  // in spec.<kind>
  std::size_t size = 0;   // destinations
  std::string label;      // spec.http[2] ("api"): for messages
  std::vector<Place> places;
  std::vector<std::string> others;  // subsets of the Service that are neither version's
  std::optional<Refusal> refusal;   // its Owner places cannot be divided
  int scale = 1;                    // of its weights now: an owner's are multiplied by it (shares.h)
  bool settled = true;  // the shares are the owner's; else somebody's edit left no sense, and they are what
                        // stands there
};

// The tables of `virtual_service` that go to the Service and that spec.routing lets the release manage.
[[nodiscard]] std::vector<Table> tables_of(const Target& target, const SubsetNames& names,
                                           const Json& virtual_service);

// Whether spec.routing lets the release manage this object, and this route of it.
[[nodiscard]] bool manages(const Target& target, const Json& virtual_service);
[[nodiscard]] bool manages(const Target& target, const Json& virtual_service, const std::string& kind,
                           const Json& route);

inline constexpr std::initializer_list<const char*> kKinds{"http", "tcp", "tls"};
// spec.http[2] ("api").
[[nodiscard]] std::string route_label(const std::string& kind, std::size_t index, const Json& route);
// Whether a destination entry goes to the Service, or to the Service that takes its traffic during the
// release.
[[nodiscard]] bool goes_to(const Target& target, const Json& virtual_service, const Json& entry);
// Whether any destination of the route does.
[[nodiscard]] bool routes_to(const Target& target, const Json& virtual_service, const Json& route);

}  // namespace weir::routing
