#include "test/explore/world.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace weir::explore {
namespace {

constexpr int kAll = 100;

// Pods that answer under the version that the release knows.
bool serves(const Workload& workload) {
  return workload.exists && workload.ready > 0 && !workload.relabelled;
}

bool serves_as_another(const Workload& workload) {
  return workload.exists && workload.ready > 0 && workload.relabelled;
}

void keep_at_most(Byte& age, int most) {
  if (age != kNever) age = static_cast<Byte>(std::min<int>(age, most));
}

// Pods are told apart only as long as somebody knows of one that is gone.
void renumber_pods(World& world) {
  const std::array kWorkloads{&Objects::stable, &Objects::candidate};
  const std::array kBehind{&Endpoints::stable, &Endpoints::candidate};
  const std::array kKnown{&Config::stable_behind, &Config::candidate_behind};
  auto& caches = world.caches;
  for (std::size_t i = 0; i < kWorkloads.size(); ++i) {
    auto& workload = world.objects.*kWorkloads[i];
    auto& cached = caches.objects.*kWorkloads[i];
    // Of the rest it makes no difference.
    caches.broken[i] &= caches.endpoints.*kBehind[i];
    int known = caches.endpoints.*kBehind[i];
    for (const auto& proxy : world.proxies) known |= proxy.config.*kKnown[i];
    if (workload.oldest == 0 || cached.oldest == 0 || (known & 1) != 0) continue;
    --workload.oldest;
    --cached.oldest;
    caches.endpoints.*kBehind[i] >>= 1;
    caches.broken[i] >>= 1;
    auto& ages = caches.pod_ages[i];
    std::ranges::rotate(ages, ages.begin() + 1);
    for (auto& proxy : world.proxies) (proxy.config.*kKnown[i]) >>= 1;
  }
}

// What can no longer make a difference once the way is back, or the candidate is promoted.
void forget_analysis(World& world) {
  auto& record = world.record;
  record.step = record.checks = record.failed = 0;
  record.stable_replicas = record.stable_ready = 0;
  record.breaker_age = kNever;
  record.paused = false;
  if (record.pod_template > 0) record.pod_template = 1;
  for (auto* candidate : {&world.objects.candidate, &world.caches.objects.candidate}) {
    candidate->pod_template = 1;
    candidate->rolled_out = true;
  }
  world.passed = world.judged = 0;
  world.question = {};
}

// Ages that no wait of the phase looks at. A deadline counts from when there was progress or from when this
// process came, whichever is later: one age says both.
void forget_ages(World& world) {
  auto& record = world.record;
  auto& watched = world.caches.watched_age;
  const auto phase = world.phase();
  record.progress_age = std::min(record.progress_age, watched);
  if (phase == Phase::RollingBack) record.transition_age = std::min(record.transition_age, watched);
  const bool over = strategies::is_final(phase);
  if (over || phase == Phase::RollingBack || phase == Phase::Finalizing) {
    record.progress_age = 0;
    forget_analysis(world);
  } else {
    record.transition_age = 0;
  }
  if (phase == Phase::RollingBack) {
    record.step_age = kNever;
    record.drifts = 0;
  }
  if (phase != Phase::Finalizing) watched = kLongestDeadline;
  if (record.checks == 0) record.check_age = 0;
  // What it was is told to people only.
  if (over) record = {.started = true, .other_target = record.other_target, .phase = record.phase};
}

std::uint64_t mixed(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93ULL;
  value ^= value >> 29;
  value *= 0x9e3779b97f4a7c15ULL;
  return value ^ (value >> 32);
}

}  // namespace

Byte pods_of(const Workload& workload) {
  if (!workload.exists) return 0;
  return static_cast<Byte>(((1 << workload.ready) - 1) << workload.oldest);
}

Endpoints endpoints_of(const Objects& objects) {
  Endpoints behind;
  if (!objects.service.exists) return behind;
  const auto selects = static_cast<Selects>(objects.service.selects);
  const bool both = selects == Selects::Both;
  if ((both || selects == Selects::Stable) && serves(objects.stable)) behind.stable = pods_of(objects.stable);
  if ((both || selects == Selects::Candidate) && serves(objects.candidate))
    behind.candidate = pods_of(objects.candidate);
  for (const auto* one : {&objects.stable, &objects.candidate}) {
    if (both && serves_as_another(*one)) behind.other = 1;
  }
  return behind;
}

Config config_of(const Objects& objects) {
  const auto behind = endpoints_of(objects);
  const bool divided = objects.routes.exists && objects.routes.form != Form::Owners;
  return {.form = static_cast<Byte>(divided ? objects.routes.form : Form::Owners),
          .weight = divided ? objects.routes.weight : Byte{0},
          .stable_defined = objects.rule.stable,
          .candidate_defined = objects.rule.candidate,
          .stable_behind = behind.stable,
          .candidate_behind = behind.candidate,
          .other_behind = behind.other};
}

bool agree(const Config& one, const Config& other, Part part) {
  Config copied = one;
  copy(other, copied, part);
  return copied == one;
}

void copy(const Config& from, Config& to, Part part) {
  switch (part) {
    case Part::Routes:
      to.form = from.form;
      to.weight = from.weight;
      return;
    case Part::Rule:
      to.stable_defined = from.stable_defined;
      to.candidate_defined = from.candidate_defined;
      return;
    case Part::Endpoints:
      to.stable_behind = from.stable_behind;
      to.candidate_behind = from.candidate_behind;
      to.other_behind = from.other_behind;
      return;
  }
}

World first_world(int edits, int crashes) {
  World world;
  world.edits_left = static_cast<Byte>(edits);
  world.crashes_left = static_cast<Byte>(crashes);
  world.caches.objects = world.objects;
  world.caches.endpoints = endpoints_of(world.objects);
  world.caches.pod_ages[0] = {kDelay, kDelay, 0};
  for (auto& proxy : world.proxies) proxy.config = config_of(world.objects);
  make_canonical(world);
  return world;
}

void note_change(const Objects& before, World& world, bool foreign) {
  const auto was = config_of(before);
  const auto now = config_of(world.objects);
  const auto& objects = world.objects;
  if (before.service != objects.service) world.note_news(Aged::Service, true);
  if (before.routes != objects.routes) world.note_news(Aged::Routes, true);
  if (before.rule != objects.rule) world.note_news(Aged::Rule, true);
  const auto behind = endpoints_of(before);
  const auto is_behind = endpoints_of(objects);
  if (behind != is_behind) world.note_news(Aged::Endpoints, true);
  auto& broken = world.caches.broken;
  broken[0] = static_cast<Byte>(broken[0] | (behind.stable & ~is_behind.stable));
  broken[1] = static_cast<Byte>(broken[1] | (behind.candidate & ~is_behind.candidate));
  for (auto& proxy : world.proxies) {
    for (const auto part : kParts) {
      const auto at = static_cast<std::size_t>(part);
      if (agree(proxy.config, now, part)) {
        proxy.lag[at] = kNever;
        proxy.foreign[at] = false;
      } else if (!agree(was, now, part)) {
        if (proxy.lag[at] == kNever) proxy.lag[at] = 0;
        proxy.foreign[at] = proxy.foreign[at] || foreign;
      }
    }
  }
}

void make_canonical(World& world) {
  auto& record = world.record;
  forget_ages(world);
  record.checks = static_cast<Byte>(std::min<int>(record.checks, kMostChecks));
  record.drifts = static_cast<Byte>(std::min<int>(record.drifts, 3));
  keep_at_most(record.step_age, kStepAge);
  keep_at_most(record.transition_age, kDeadline);
  keep_at_most(record.progress_age, kLongestDeadline);
  keep_at_most(record.breaker_age, kBreaker);
  keep_at_most(record.check_age, kInterval);
  auto& caches = world.caches;
  for (auto* age : {&caches.service_age, &caches.routes_age, &caches.rule_age}) keep_at_most(*age, kDelay);
  for (auto& ages : caches.pod_ages) {
    for (auto& age : ages) keep_at_most(age, kDelay);
  }
  renumber_pods(world);
  keep_at_most(caches.watched_age, kLongestDeadline);
  keep_at_most(world.question.age, kInterval);
  if (world.question.answer == Answer::None) world.question = {};
  // Nobody knows one proxy from the other.
  if (world.proxies[1] < world.proxies[0]) std::swap(world.proxies[0], world.proxies[1]);
}

bool same(const World& one, const World& other) { return std::memcmp(&one, &other, sizeof one) == 0; }

std::uint64_t fingerprint(const World& world) {
  std::array<std::uint64_t, (sizeof(World) + 7) / 8> words{};
  std::memcpy(words.data(), &world, sizeof world);
  std::uint64_t hash = 0x51afd7ed558ccd25ULL;
  for (const auto word : words) hash = std::rotl(hash ^ mixed(word ^ hash), 23) * 0x9fb21c651e98df25ULL;
  return mixed(hash);
}

Way way_of(const Config& config, const Objects& objects) {
  const auto answers = [](Byte known, const Workload& workload) {
    return serves(workload) && (known & pods_of(workload)) != 0;
  };
  const bool stable = answers(config.stable_behind, objects.stable);
  const bool candidate = answers(config.candidate_behind, objects.candidate);
  const bool other =
      config.other_behind > 0 && (serves_as_another(objects.stable) || serves_as_another(objects.candidate));
  if (config.form == static_cast<Byte>(Form::Owners)) {
    const int targets =
        (config.stable_behind > 0) + (config.candidate_behind > 0) + (config.other_behind > 0);
    if (targets == 0) return {.candidate = 0, .lost = kAll};
    const int answering = stable + candidate + other;
    return {.candidate = config.candidate_behind > 0 ? kAll / targets : 0,
            .lost = kAll - kAll * answering / targets};
  }
  const int share = config.form == static_cast<Byte>(Form::Pair) ? config.weight : 0;
  Way way{.candidate = share, .lost = 0};
  if (!stable || !config.stable_defined) way.lost += kAll - share;
  if (!candidate || !config.candidate_defined) way.lost += share;
  return way;
}

}  // namespace weir::explore
