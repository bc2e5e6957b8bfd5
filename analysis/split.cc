#include "analysis/split.h"

#include <algorithm>
#include <cmath>

#include "analysis/binomial.h"
#include "analysis/threshold.h"

namespace weir::analysis {
namespace {

constexpr double kPerCent = 100;
// Proxies that a message names.
constexpr std::size_t kNamed = 3;

std::string numbers(const Sent& sent) {
  return format_number(sent.candidate) + " of " + format_number(sent.total());
}

std::string share(const Sent& sent) {
  return format_number(std::round(10 * kPerCent * sent.candidate / sent.total()) / 10) + " %";
}

// "; not followed by gateway-1 with 31 of 310 and gateway-2 with 8 of 90", most requests first.
std::string named(std::vector<Sent> proxies) {
  if (proxies.empty()) return {};
  std::ranges::stable_sort(proxies, std::ranges::greater{}, &Sent::total);
  std::string text = "; not followed by ";
  const auto shown = std::min(proxies.size(), kNamed);
  for (std::size_t i = 0; i < shown; ++i)
    text += (i > 0 ? ", " : "") + proxies[i].proxy + " with " + numbers(proxies[i]);
  if (proxies.size() > shown) text += ", and " + std::to_string(proxies.size() - shown) + " more";
  return text;
}

std::vector<Sent> only(const std::vector<Sent>& all, bool trusted) {
  std::vector<Sent> found;
  std::ranges::copy_if(all, std::back_inserter(found),
                       [trusted](const Sent& each) { return each.trusted == trusted; });
  return found;
}

Sent sum_of(const std::vector<Sent>& all) {
  Sent sum;
  for (const auto& each : all) {
    sum.candidate += each.candidate;
    sum.stable += each.stable;
  }
  return sum;
}

// Of proxies that are not trusted.
std::string named_untrusted(const std::vector<Sent>& lagging, const Sent& untrusted) {
  const std::string whose = "namespaces that are not trusted";
  if (!lagging.empty()) return named(lagging) + ", of " + whose;
  return "; not followed by the proxies of " + whose + ", with " + numbers(untrusted) + " altogether";
}

}  // namespace

Division divide(int weight, double candidate, double stable, double alpha) {
  const double p = std::clamp(weight / kPerCent, 0.0, 1.0);
  double k = std::max(std::round(candidate), 0.0);
  double n = k + std::max(std::round(stable), 0.0);
  if (n > kMostTrials) {
    k = std::round(k * (kMostTrials / n));
    n = kMostTrials;
  }
  if (n > 0 && std::min(lower_tail(k, n, p), upper_tail(k, n, p)) < alpha / 2) return Division::Differs;
  // At 0 and at 100 % both ends differ at once: there it is the proxy that sends half that must be noticed.
  const bool one_sided = p <= 0 || p >= 1;
  const double unnoticed = one_sided ? std::pow(0.5, n) : std::max(std::pow(p, n), std::pow(1 - p, n));
  return unnoticed < alpha / 2 ? Division::Agrees : Division::NotCounted;
}

Split compare_split(const Subject& subject, const std::vector<Sent>& sent, const std::string& since) {
  const auto others = only(sent, /*trusted=*/false);
  const Sent of_trusted = sum_of(only(sent, /*trusted=*/true));
  const Sent of_others = sum_of(others);
  const Sent all = sum_of(sent);
  if (all.total() <= 0)
    return {.message = "no requests from proxies to Service " + subject.service + " were counted " + since};
  // Each is one look of many.
  const double alpha = kSplitAlpha / static_cast<double>(sent.size() + (others.empty() ? 1 : 2));
  const auto division = [&](const Sent& each) {
    return divide(subject.weight, each.candidate, each.stable, alpha);
  };
  const auto counted = [&](const Sent& of) {
    return subject.target + " got " + numbers(of) + " requests (" + share(of) + ") " + since +
           ", where the routes give it " + std::to_string(subject.weight) + " %";
  };
  std::vector<Sent> lagging;
  std::ranges::copy_if(sent, std::back_inserter(lagging),
                       [&](const Sent& each) { return division(each) == Division::Differs; });
  const bool only_others = only(lagging, /*trusted=*/true).empty();
  if (division(of_trusted) == Division::Differs || !only_others)
    return {.division = Division::Differs, .message = counted(of_trusted) + named(std::move(lagging))};
  if (!lagging.empty() || division(of_others) == Division::Differs)
    return {.division = Division::UntrustedDiffers,
            .message = counted(all) + named_untrusted(lagging, of_others)};
  if (division(all) == Division::NotCounted)
    return {.message = counted(all) + ": too few to tell whether proxies follow"};
  return {.division = Division::Agrees, .message = counted(all)};
}

}  // namespace weir::analysis
