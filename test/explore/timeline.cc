#include "test/explore/timeline.h"

#include <array>
#include <string_view>
#include <utility>

#include "strategies/plan.h"

namespace weir::explore {
namespace {

using Line = std::pair<std::string, std::string>;  // of what, and how it is

std::string number(int value) { return std::to_string(value); }

std::string text_of(const Workload& workload) {
  if (!workload.exists) return "gone";
  return number(workload.ready) + " of " + number(workload.replicas) + " pods ready, template " +
         number(workload.pod_template) + (workload.rolled_out ? "" : " not rolled out") +
         (workload.relabelled ? ", of another version" : "");
}

std::string text_of(const Service& service) {
  if (!service.exists) return "gone";
  constexpr std::array<std::string_view, 4> kSelects{"both versions", "stable", "the candidate", "nobody"};
  return "selects " + std::string(kSelects[service.selects]);
}

std::string text_of(Form form, int weight) {
  switch (form) {
    case Form::Owners:
      return "as their owner wrote them";
    case Form::Pair:
      return number(weight) + " % to the candidate";
    case Form::Torn:
      return "without the candidate's destination";
  }
  return "";
}

std::string text_of(const Rule& rule) {
  if (rule.kind == RuleKind::None) return "gone";
  return std::string(rule.kind == RuleKind::Made ? "made by the operator" : "its owner's") + ", defines " +
         (rule.stable ? (rule.candidate ? "both versions" : "stable")
                      : (rule.candidate ? "the candidate" : "none"));
}

std::string text_of(const Canary& canary) {
  if (canary.gone) return "gone";
  return std::string(canary.finalizer ? "with its finalizer" : "without finalizer") +
         (canary.deleting ? ", being deleted" : "") + (canary.suspend ? ", suspended" : "") +
         (canary.rollback_asked ? ", rollback asked for" : "") +
         (canary.other_target ? ", of another target" : "");
}

std::string text_of(const Record& record) {
  if (!record.started) return "none";
  return std::string(strategies::to_string(static_cast<Phase>(record.phase))) + ", step " +
         number(record.step) + ", weight " + number(record.weight) + ", failed checks " +
         number(record.failed) + (record.breaker_age != kNever ? ", breaker tripped" : "");
}

std::string text_of(const Config& config) {
  std::string behind;
  for (const auto& [is, name] :
       {std::pair{config.stable_behind, " stable"}, std::pair{config.candidate_behind, " candidate"},
        std::pair{config.other_behind, " others"}}) {
    if (is) behind += name;
  }
  return "routes " + text_of(static_cast<Form>(config.form), config.weight) + "; rule defines" +
         (config.stable_defined ? " stable" : "") + (config.candidate_defined ? " candidate" : "") +
         "; endpoints" + behind;
}

std::vector<Line> lines_of(const World& world) {
  const auto& objects = world.objects;
  std::vector<Line> lines{
      {"Canary", text_of(objects.canary)},
      {"status", text_of(world.record)},
      {"Service", text_of(objects.service)},
      {"own Services",
       std::string(objects.own.stable ? "stable's " : "") + (objects.own.candidate ? "candidate's" : "")},
      {"routes", objects.routes.exists ? text_of(objects.routes.form, objects.routes.weight) : "gone"},
      {"rule", text_of(objects.rule)},
      {"stable", text_of(objects.stable)},
      {"candidate", text_of(objects.candidate)}};
  for (std::size_t i = 0; i < world.proxies.size(); ++i)
    lines.emplace_back(i == 0 ? "proxy A" : "proxy B", text_of(world.proxies[i].config));
  return lines;
}

void append_changes(std::vector<std::string>& lines, const World& before, const World& after) {
  const auto was = lines_of(before);
  const auto is = lines_of(after);
  for (std::size_t i = 0; i < is.size(); ++i) {
    if (was[i] != is[i]) lines.push_back("         " + is[i].first + ": " + is[i].second);
  }
}

void append_writes(std::vector<std::string>& lines, const Step& step) {
  const World* before = &step.before;
  for (std::size_t i = 0; i < step.writes; ++i) {
    const auto& write = step.round->writes[i];
    lines.push_back("       " + std::string(to_string(write.deed)));
    append_changes(lines, *before, write.after);
    before = &write.after;
  }
}

}  // namespace

std::vector<std::string> timeline_of(const Finding& finding, const Limits& limits, const Decide& decide) {
  std::vector<std::string> lines;
  World world = first_world(limits.edits, limits.crashes);
  int units = 0;
  for (const auto& [of, is] : lines_of(world)) lines.push_back("         " + of + ": " + is);
  for (const auto& event : finding.way) {
    lines.push_back("t=" + number(units) + (units < 10 ? "    " : "   ") + describe(event));
    if (event.kind == Kind::Time) ++units;
    std::optional<World> next;
    each_step(world, decide, [&](const Step& step) {
      if (step.event != event || next) return;
      next = step.next;
      append_writes(lines, step);
      if (step.round == nullptr) append_changes(lines, step.before, step.after);
    });
    if (!next) break;  // never: the way was found by the same steps
    world = *next;
  }
  lines.push_back("BROKEN " + finding.breach.name + ": " + finding.breach.message);
  return lines;
}

}  // namespace weir::explore
