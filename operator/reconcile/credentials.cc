#include "operator/reconcile/credentials.h"

#include <utility>

#include "operator/base/base64.h"
#include "operator/base/json.h"
#include "operator/kube/object.h"

namespace weir::reconcile {

std::map<std::string, std::string> entries_of(const kube::Json& secret) {
  std::map<std::string, std::string> entries;
  const auto& data = base::field(secret, {"data"});
  if (!data.is_object()) return entries;
  for (const auto& [key, value] : data.items()) {
    auto text =
        base::decode_base64(value.is_string() ? value.get<std::string>() : std::string()).value_or("");
    text.resize(text.find_last_not_of("\r\n") + 1);
    entries.emplace(key, std::move(text));
  }
  return entries;
}

std::vector<analysis::Metric> with_credentials(std::vector<analysis::Metric> metrics,
                                               const std::vector<CredentialsRef>& credentials,
                                               const ReadSecret& read_secret) {
  for (const auto& of : credentials) {
    auto& metric = metrics.at(of.metric);
    if (const auto secret = read_secret(of.secret)) {
      metric.secret = entries_of(*secret);
    } else {
      metric.problem = "Secret " + kube::to_string(of.secret) + " of MetricTemplate " + of.template_name +
                       " cannot be read: " + secret.error().message;
    }
  }
  return metrics;
}

}  // namespace weir::reconcile
