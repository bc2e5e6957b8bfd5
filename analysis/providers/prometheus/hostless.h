// Failures of requests that had no upstream host, which no workload has to answer for by its name.
//
// Istio's proxies take destination_workload from the peer that answered, or else from the metadata of the
// upstream host (istio/proxy, istio_stats.cc: peerInfo, extractEndpointMetadata), and say "unknown" of it,
// and of destination_workload_namespace, where there is neither. destination_service comes from the cluster.
// By Envoy's router (router.cc, upstream_request.cc) there is
// - no host with UH (none is left: no endpoint, or all ejected), NC (no such cluster), NR (no route), DO
//   (dropped by the control plane's word), with what a filter before the router answers (FI, RL, UAEX …), and
//   with UT and DC of a request that waited for its connection until the end;
// - a host with UO, UF, UC, UR, URX, LR, and with UT and DC otherwise: onPoolFailure and onPoolReady name it.
// With NC and NR there is no cluster either: destination_service is the Host header there, or at a gateway
// "unknown", so that the failure belongs to no Service.
#pragma once

#include <expected>
#include <map>
#include <string>

#include "analysis/check.h"
#include "analysis/providers/prometheus/api.h"
#include "analysis/providers/prometheus/queries.h"
#include "analysis/providers/prometheus/shared_answers.h"

namespace weir::analysis {

class Pasts;

// Up to this length is looked back at what was there before the release, or as far as the window reaches.
inline constexpr Seconds kPast{300};

// What service_query (queries.h) answered of a release's Service, in one window. Proxies that are not trusted
// do not count: whoever configures them could make a release fail, or look as if its past had been worse.
struct ServiceRequests {
  double stable = 0;
  double candidate = 0;
  double hostless = 0;                  // failures without a host, by the Service that divided routes name
  double own = 0;                       // the same by the candidate's own Service
  std::map<std::string, double> flags;  // of `hostless`, by response_flags
  std::map<std::string, double> own_flags;
  double others = 0;   // to other workloads, or to none that is known and with success
  bool usable = true;  // false: a count was no number of requests
  // Of those that routes divide.
  [[nodiscard]] double divided() const { return stable + candidate + hostless; }
  [[nodiscard]] double total() const { return divided() + others; }
};
[[nodiscard]] ServiceRequests service_requests_of(const Vector& answer, const Subject& subject);

// Failures without a host that a release may have to answer for.
struct Hostless {
  double candidate = 0;  // count against the candidate
  double doubtful = 0;   // may be its own: they are new, as far as is known, and may be stable's
  std::string message;   // a sentence without its end: how many, with which flags, and why they are doubtful
  bool usable = true;    // false: a count was no number of requests
};

// Failures are new if their share of the Service's requests is larger than it was before the release, by more
// than chance; what is beyond the old share counts. Where there were none before, and chance may have it so,
// they are in doubt. Where nothing is known of the time before, they are only told of. They are the
// candidate's if it has missed requests of its share meanwhile, and stable none of its own. `before`: the
// same Service's requests before the release.
[[nodiscard]] Hostless attribute(const Subject& subject, const ServiceRequests& now,
                                 const ServiceRequests& before);

// The requests of [end - length, end] to the release's Service. Where the answer for the whole namespace is
// too long, it alone is asked for.
[[nodiscard]] std::expected<ServiceRequests, QueryError> ask_service(SharedAnswers& answers,
                                                                     const Server& server,
                                                                     const Subject& subject, Seconds length,
                                                                     TimePoint end, Named named);

// What the release has to answer for of this time. Of the past, and of the requests that had a host, nothing
// is asked where there are no failures without one.
[[nodiscard]] std::expected<Hostless, QueryError> find_hostless(SharedAnswers& answers, Pasts& pasts,
                                                                const Server& server, const Subject& subject,
                                                                Seconds length, TimePoint end);

// Requests reached the Service, and that none of them reached the candidate is no chance at its weight.
[[nodiscard]] bool passed_by(const Subject& subject, const ServiceRequests& now);

}  // namespace weir::analysis
