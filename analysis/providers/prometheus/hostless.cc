#include "analysis/providers/prometheus/hostless.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/binomial.h"
#include "analysis/providers/prometheus/pasts.h"
#include "analysis/split.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

constexpr double kPerCent = 100;
// Of the failures: fewer requests that a version misses are the error of what Prometheus extrapolates.
constexpr double kLeastMissed = 0.1;

// Whether destination_service is a name of this Service of the namespace.
bool is_to(const Series& series, std::string_view service, std::string_view name_space) {
  auto host = label_of(series, kHost);
  host = host.substr(0, host.find(':'));
  const auto dot = host.find('.');
  if (service.empty() || host.substr(0, dot) != service) return false;
  if (dot == std::string_view::npos) return label_of(series, kSourceNamespace) == name_space;
  auto rest = host.substr(dot + 1);
  if (!rest.starts_with(name_space)) return false;
  rest.remove_prefix(name_space.size());
  return rest.empty() || rest == ".svc" || rest.starts_with(".svc.");
}

using Flags = std::map<std::string, double>;

// "response_flags UH 38, NC 2", the most first.
std::string listed(const Flags& flags) {
  std::vector<std::pair<std::string, double>> all(flags.begin(), flags.end());
  std::ranges::stable_sort(all, std::ranges::greater{}, &std::pair<std::string, double>::second);
  std::string text = "response_flags ";
  for (const auto& [name, count] : all) {
    if (!text.ends_with(' ')) text += ", ";
    text += name + ' ' + format_number(std::round(count));
  }
  return text;
}

// "100 requests to Service checkout found no upstream host (response_flags UH 100), ".
std::string told(double count, const std::string& services, const Flags& flags) {
  return format_number(std::round(count)) + " requests to " + services + " found no upstream host (" +
         listed(flags) + "), ";
}

std::string told_of_own(const Subject& subject, const ServiceRequests& now) {
  return told(now.own, "Service " + subject.candidate_service, now.own_flags) + "and this Service leads to " +
         subject.target + " alone: they count against it";
}

std::string told_of_all(const Subject& subject, const ServiceRequests& now) {
  if (now.own <= 0) return told(now.hostless, "Service " + subject.service, now.flags);
  auto flags = now.flags;
  for (const auto& [name, count] : now.own_flags) flags[name] += count;
  return told(now.hostless + now.own, "Services " + subject.service + " and " + subject.candidate_service,
              flags);
}

// Those whose requests service_requests_of counts.
std::vector<std::string> own_services(const Subject& subject) {
  std::vector<std::string> own{divided_service(subject)};
  if (!subject.candidate_service.empty()) own.push_back(subject.candidate_service);
  return own;
}

// More of now's requests failed so than before's, by more than chance.
bool exceeds(const ServiceRequests& now, const ServiceRequests& before) {
  const double k = std::round(now.hostless);
  const double n = k + std::round(before.hostless);
  const double scale = std::max(n / kMostTrials, 1.0);
  return upper_tail(std::round(k / scale), std::round(n / scale),
                    now.total() / (now.total() + before.total())) < kSplitAlpha;
}

// A version that got so many requests got fewer than its share of all, by more than chance.
bool misses(double got, double share, const ServiceRequests& now) {
  if (share * now.divided() - got <= kLeastMissed * now.hostless) return false;
  const double scale = std::max(now.divided() / kMostTrials, 1.0);
  const double n = std::round(now.divided() / scale);
  return lower_tail(std::min(std::round(got / scale), n), n, share) < kSplitAlpha;
}

// The candidate misses requests, and stable none.
bool only_candidate_misses(const Subject& subject, const ServiceRequests& now) {
  const double share = std::clamp(subject.weight / kPerCent, 0.0, 1.0);
  return misses(now.candidate, share, now) && !misses(now.stable, 1 - share, now);
}

}  // namespace

ServiceRequests service_requests_of(const Vector& answer, const Subject& subject) {
  ServiceRequests requests;
  for (const auto& series : answer.series) {
    const bool divided = is_to(series, divided_service(subject), subject.name_space);
    if (!divided && !is_to(series, subject.candidate_service, subject.name_space)) continue;
    if (!is_trusted(series, subject)) continue;
    const double count = series.value;
    requests.usable = requests.usable && counts_requests(count);
    const auto workload = label_of(series, kWorkload);
    if (workload == kUnknownWorkload && failed(series)) {
      (divided ? requests.hostless : requests.own) += count;
      const auto flags = label_of(series, kFlags);
      auto& counts = divided ? requests.flags : requests.own_flags;
      if (count > 0) counts[flags.empty() ? "-" : std::string(flags)] += count;
    } else if (divided) {
      auto& known = workload == subject.target ? requests.candidate : requests.others;
      (workload == subject.stable ? requests.stable : known) += count;
    }
  }
  return requests;
}

Hostless attribute(const Subject& subject, const ServiceRequests& now, const ServiceRequests& before) {
  Hostless found{.candidate = now.own};
  const bool known = before.total() > 0;
  const bool is_new = known && exceeds(now, before);
  const bool remarked = now.hostless > 0 && !known;
  const bool blamed = now.hostless > 0 && known && (is_new || before.hostless <= 0);
  if (blamed) {
    const double usual = before.hostless / before.total() * now.total();
    const bool sure = is_new && subject.divided && only_candidate_misses(subject, now);
    (sure ? found.candidate : found.doubtful) += std::max(now.hostless - usual, 0.0);
  }
  if (!blamed && !remarked) {
    if (now.own > 0) found.message = told_of_own(subject, now);
    return found;
  }
  found.message = told_of_all(subject, now);
  if (remarked) {
    found.message += "and nothing is known of the time before the release: ";
    found.message += now.own > 0 ? "only those of its own Service" : "they do not";
    found.message += " count against " + subject.target;
  } else if (found.doubtful <= 0) {
    found.message += "more than before the release: they count against " + subject.target;
  } else if (!is_new) {
    found.message += "and too little is known of those before the release to tell whether this is new";
  } else if (!subject.divided) {
    found.message +=
        "more than before the release, and not all requests to it are divided: whose they are cannot be told";
  } else {
    found.message += "more than before the release, and it cannot be told whose they are";
  }
  return found;
}

std::expected<ServiceRequests, QueryError> ask_service(SharedAnswers& answers, const Server& server,
                                                       const Subject& subject, Seconds length, TimePoint end,
                                                       Named named) {
  auto answer = answers.ask(server, service_query(subject, length, named), end);
  if (!*answer && answer->error().kind == QueryError::Kind::TooLarge) {
    answer = answers.ask(server, service_query(subject, length, named, own_services(subject)), end);
  }
  if (!*answer) return std::unexpected(answer->error());
  return service_requests_of(**answer, subject);
}

std::expected<Hostless, QueryError> find_hostless(SharedAnswers& answers, Pasts& pasts, const Server& server,
                                                  const Subject& subject, Seconds length, TimePoint end) {
  if (subject.weight <= 0) return Hostless{};
  const auto none = ask_service(answers, server, subject, length, end, Named::Hostless);
  if (!none) return std::unexpected(none.error());
  if (!none->usable) return Hostless{.usable = false};
  if (none->hostless <= 0 && none->own <= 0) return Hostless{};
  const auto now = ask_service(answers, server, subject, length, end, Named::All);
  if (!now) return std::unexpected(now.error());
  const auto before = pasts.of(server, subject, std::max(length, kPast));
  if (!before) return std::unexpected(before.error());
  if (!now->usable || !before->usable) return Hostless{.usable = false};
  return attribute(subject, *now, *before);
}

bool passed_by(const Subject& subject, const ServiceRequests& now) {
  if (!subject.divided || now.candidate > 0) return false;
  const double share = std::clamp(subject.weight / kPerCent, 0.0, 1.0);
  return std::pow(1 - share, std::round(now.divided())) < kSplitAlpha;
}

}  // namespace weir::analysis
