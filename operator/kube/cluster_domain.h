// The domain of a cluster: what the full names of its Services end in.
#pragma once

#include <string>
#include <string_view>

namespace weir::kube {

inline constexpr std::string_view kDefaultClusterDomain = "cluster.local";

// The domain that a pod's resolver completes names of Services with (`search shop.svc.DOMAIN …`); empty:
// `resolv_conf` names none.
[[nodiscard]] std::string cluster_domain_in(std::string_view resolv_conf);

// That of this pod, by its /etc/resolv.conf; kDefaultClusterDomain where none can be found.
[[nodiscard]] std::string found_cluster_domain();

// Whether this can be a cluster's domain: lower-case DNS labels with dots between them.
[[nodiscard]] bool is_cluster_domain(std::string_view text);

}  // namespace weir::kube
