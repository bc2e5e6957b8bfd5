// Credentials of metrics servers. A release's question says where they are kept; they are read when the
// question's turn comes, for that one answer.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "analysis/check.h"
#include "operator/kube/api.h"

namespace weir::reconcile {

// Where one metric's are kept.
struct CredentialsRef {
  std::size_t metric = 0;     // its place among the question's
  kube::Key secret;           // in the namespace of the MetricTemplate
  std::string template_name;  // of the MetricTemplate that names it
  friend bool operator==(const CredentialsRef&, const CredentialsRef&) = default;
};

// May block as long as a request does. Called by any thread.
using ReadSecret = std::function<kube::Result<kube::Json>(const kube::Key&)>;

// What a Secret holds, decoded, and without the newlines in which a file that it was made from often ends,
// and which no header may hold.
[[nodiscard]] std::map<std::string, std::string> entries_of(const kube::Json& secret);

// The metrics with the Secrets' entries: each provider knows what they are for. Where a Secret cannot be read
// the metric's `problem` says so.
[[nodiscard]] std::vector<analysis::Metric> with_credentials(std::vector<analysis::Metric> metrics,
                                                             const std::vector<CredentialsRef>& credentials,
                                                             const ReadSecret& read_secret);

}  // namespace weir::reconcile
