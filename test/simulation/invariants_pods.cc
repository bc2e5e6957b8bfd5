// S2 while nothing is written, S3, S4 and S14: traffic is only where pods are, and pods go only when no
// traffic is left.
#include <spdlog/fmt/fmt.h>

#include <algorithm>

#include "operator/kube/object.h"
#include "test/simulation/invariants_checks.h"

namespace weir::simulation::checks {
namespace {

// A version without ready endpoints keeps no weight for longer than this.
constexpr Millis kBreaker{5'000};
constexpr Millis kLookEvery{500};
// Pods that have been away for so long may stay away.
constexpr Millis kAway{10'000};

std::string selected_version(const Json& service, const std::string& label) {
  const auto& selector = member(service, "/spec/selector");
  const auto found = selector.find(label);
  if (!selector.is_object() || found == selector.end() || !found->is_string()) return {};
  return found->get<std::string>();
}

bool lets_through(Selects selects, bool candidate) {
  return selects == Selects::Both || selects == (candidate ? Selects::Candidate : Selects::Stable);
}

}  // namespace

void PodChecks::saw(const Change& change) {
  const auto& kind = change.resource.kind;
  if (kind == kube::kServices.kind) check_selector(change);
  if (kind == kube::kDeployments.kind) check_scale(change);
  if (kind == kube::kCanaries.kind) check_finalizer(change);
}

void PodChecks::check_selector(const Change& change) {
  const auto& known = context_.known;
  const auto* release = known.release();
  if (release == nullptr || change.before.is_null() || change.after.is_null()) return;
  if (kube::metadata_text(change.after, "name") != release->service) return;
  const auto version = selected_version(change.after, release->label);
  if (version.empty() || version == selected_version(change.before, release->label)) return;

  const Millis since = change.at - context_.expectations.reading_age;
  const bool candidate = version == release->candidate_version;
  const auto& other = candidate ? release->stable_version : release->candidate_version;
  const int others = known.least_ready(other, since);
  const int needed = candidate ? std::max(1, others) : std::min(1, others);
  const int ready = known.most_ready(version, since);
  if (ready < needed) {
    context_.findings.add(change.at, "S3",
                          fmt::format("Service {} selects version {} alone, of which {} pods are ready; "
                                      "needed are {}",
                                      release->service, version, ready, needed));
  }
  if (release->over()) check_put_back(change, *release);
  if (candidate) check_routes_before_selector(change, *release);
}

// After the end only a selector that leads to nobody is put back.
void PodChecks::check_put_back(const Change& change, const Release& release) {
  const auto from = selected_version(change.before, release.label);
  const int ready = context_.known.least_ready(from, change.at - context_.expectations.reading_age);
  if (selected_version(change.after, release.label) == release.candidate_version && ready == 0) return;
  context_.findings.add(
      change.at, "S3",
      fmt::format("Service {} is taken from version \"{}\", of which {} pods are ready, after "
                  "the end of the release",
                  release.service, from, ready));
}

void PodChecks::check_routes_before_selector(const Change& change, const Release& release) {
  // Once promoted the selector is only put back to what it was.
  if (release.phase == "Finalizing" || release.phase == "Succeeded") return;
  const Reader reader(context_.known, release);
  for (const auto& [name, edited] : context_.known.virtual_services()) {
    if (may_be_unseen(context_, edited, change.at)) continue;
    for (const auto& share : reader.shares(edited.object, reader.selects())) {
      if (share.candidate_pinned == share.whole) continue;
      context_.findings.add(
          change.at, "S4",
          fmt::format("Service {} selects the candidate while {} gives it {} of {}", release.service,
                      share.route, per_cent(share.candidate_pinned), per_cent(share.whole)));
    }
  }
}

void PodChecks::check_scale(const Change& change) {
  const auto* release = context_.known.release();
  if (release == nullptr || change.before.is_null()) return;
  const bool had = number(change.before, "/spec/replicas", 1) > 0;
  const bool has = !change.after.is_null() && number(change.after, "/spec/replicas", 1) > 0;
  if (!had || has) return;
  const auto name = kube::metadata_text(change.before, "name");
  const bool candidate = name == release->target;
  if (!candidate && name != release->stable) return;
  const auto report = [&](const std::string& message) {
    context_.findings.add(change.at, "S4", "Deployment " + name + " loses its pods " + message);
  };
  if (release->active() && release->phase != (candidate ? "RollingBack" : "Finalizing"))
    return report("in phase " + release->phase);
  const Reader reader(context_.known, *release);
  const auto* service = context_.known.service_object();
  const bool unseen = service != nullptr && may_be_unseen(context_, *service, change.at);
  const auto selects = unseen ? Selects::Nothing : reader.selects();
  if (lets_through(selects, candidate)) report("while Service " + release->service + " selects them");
  for (const auto& [vs, edited] : context_.known.virtual_services()) {
    if (may_be_unseen(context_, edited, change.at)) continue;
    for (const auto& share : reader.shares(edited.object, selects)) {
      const int part = candidate ? share.candidate : share.stable;
      if (part > 0) report(fmt::format("while {} gives them {}", share.route, per_cent(part)));
    }
  }
}

void PodChecks::check_finalizer(const Change& change) {
  if (change.before.is_null()) return;
  const auto release = read_release(change.before);
  const bool removed =
      release.has_finalizer && (change.after.is_null() || !read_release(change.after).has_finalizer);
  // A release that has touched nothing may go at any time.
  if (!removed || release.template_hash.empty() || release.service != context_.known.service()) return;
  const auto report = [&](const std::string& message) {
    context_.findings.add(change.at, "S14",
                          "the finalizer of Canary " + release.key.name + " goes while " + message);
  };
  const Reader reader(context_.known, release);
  for (const auto& [name, edited] : context_.known.virtual_services()) {
    if (may_be_unseen(context_, edited, change.at)) continue;
    for (const auto& share : reader.shares(edited.object, reader.selects())) {
      const int pinned = share.stable_pinned + share.candidate_pinned;
      const bool one = share.stable_pinned == share.whole || share.candidate_pinned == share.whole;
      if (pinned > 0 && !one)
        report(fmt::format("{} is divided: {} and {}", share.route, per_cent(share.stable_pinned),
                           per_cent(share.candidate_pinned)));
    }
  }
  const auto* service = context_.known.service_object();
  if (service == nullptr || may_be_unseen(context_, *service, change.at)) return;
  const auto version = selected_version(service->object, release.label);
  const Millis since = change.at - context_.expectations.reading_age;
  // Pods that go with their namespace do not come back.
  const auto goes = [this](const std::string& of) {
    return context_.expectations.namespace_ends && context_.known.has_no_workload(of);
  };
  const auto has_pods = [&](const std::string& of) {
    return !goes(of) && context_.known.most_ready(of, since) > 0;
  };
  if (!has_pods(release.stable_version) && !has_pods(release.candidate_version)) return;
  if (version.empty()) return report("Service " + release.service + " selects every version");
  if (goes(version)) return;
  // Pods that stay away are waited for until the progress deadline, and no longer.
  if (context_.known.most_ready(version, change.at - kAway) == 0) return;
  if (context_.known.most_ready(version, since) == 0)
    report("no pod of version " + version + ", which Service " + release.service + " selects, is ready");
}

void PodChecks::look(Millis now) {
  if (now < next_look_) return;
  next_look_ = now + kLookEvery;
  if (!context_.expectations.calm) {
    calm_since_.reset();
  } else if (!calm_since_) {
    calm_since_ = now;
  }
  const auto* release = context_.known.release();
  if (release == nullptr) return;
  if (phase_ != std::pair(release->uid, release->phase)) {
    phase_ = {release->uid, release->phase};
    phase_since_ = now;
  }
  const bool guarded = release->phase == "Progressing" || release->phase == "Promoting";
  if (!guarded || !calm_since_ || now - std::max(*calm_since_, phase_since_) <= kBreaker) return;
  check_dead(now, *release, true);
  // While suspended the candidate's weight does not rise, even so.
  if (!release->suspended) check_dead(now, *release, false);
}

void PodChecks::check_dead(Millis now, const Release& release, bool candidate) {
  const auto& version = candidate ? release.candidate_version : release.stable_version;
  const auto& other = candidate ? release.stable_version : release.candidate_version;
  const auto traffic = release.traffic_service();
  const auto dead_since = context_.known.endpoints(traffic, version).zero_since();
  if (!dead_since || now - *dead_since <= kBreaker) return;
  if (context_.known.endpoints(traffic, other).lowest(now - kBreaker) == 0) return;
  const Reader reader(context_.known, release);
  for (const auto& [name, edited] : context_.known.virtual_services()) {
    // What a person keeps changing is put back with a delay.
    if (edited.changed_by == 0) continue;
    for (const auto& share : reader.shares(edited.object, reader.selects())) {
      const int part = candidate ? share.candidate_pinned : share.stable_pinned;
      if (part == 0) continue;
      context_.findings.add(
          now, "S2",
          fmt::format("{} gives {} to version {}, which has had no ready endpoint behind "
                      "Service {} for {} s",
                      share.route, per_cent(part), version, traffic, (now - *dead_since).count() / 1'000));
    }
  }
}

}  // namespace weir::simulation::checks
