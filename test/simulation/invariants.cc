#include "test/simulation/invariants.h"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <string>

#include "operator/kube/object.h"

namespace weir::simulation {
namespace {

// The operator's marks, by the last part of their names.
constexpr std::array<const char*, 2> kMarks{"epoch", "noop-weight"};

}  // namespace

Invariants::Invariants(const Expectations& expectations)
    : expectations_(expectations),
      known_(expectations.name_space, expectations.service, expectations.domain),
      status_({known_, expectations, findings_}),
      pods_({known_, expectations, findings_}),
      leadership_({known_, expectations, findings_}) {}

Invariants::Invariants(const Executor& executor, ApiServer& server, const Mesh& mesh,
                       const Expectations& expectations)
    : Invariants(expectations) {
  executor_ = &executor;
  mesh_ = &mesh;
  server.on_change([this](const Change& change) { saw(change); });
}

void Invariants::saw(const Change& change) {
  if (change.writer > 0) {
    const checks::Context context{known_, expectations_, findings_};
    check_objects(context, change);
    check_weights(context, change);
    check_pinned(context, change);
    status_.saw(change);
    pods_.saw(change);
    leadership_.saw(change);
  }
  known_.take(change);
}

void Invariants::look() { look(executor_->now(), mesh_->lost(), mesh_->losses()); }

void Invariants::look(Millis now, double lost, const std::vector<Loss>& losses) {
  pods_.look(now);
  if (lost <= lost_) return;
  if (!expectations_.requests_may_be_lost) {
    const auto why = losses_ < losses.size()
                         ? fmt::format("at proxy {}: {}", losses[losses_].proxy, losses[losses_].reason)
                         : std::string("no reason is kept");
    findings_.add(now, "lost",
                  fmt::format("{:.2f} requests were not answered by any pod; {}", lost - lost_, why));
  }
  lost_ = lost;
  losses_ = losses.size();
}

std::vector<Violation> Invariants::check_end(bool promoted) const {
  std::vector<Violation> found;
  const auto* release = known_.release();
  if (release == nullptr) return found;
  const auto add = [&](std::string message) { found.push_back({{}, "L1", std::move(message)}); };
  for (auto& sentence : left_behind(known_, *release, promoted)) add(std::move(sentence));
  for (const auto* all : {&known_.virtual_services(), &known_.rules(), &known_.services()}) {
    for (const auto& [name, edited] : *all) {
      if (edited.object.is_null()) continue;
      const auto what = checks::text(edited.object, "/kind") + " " + name;
      for (const std::string mark : kMarks) {
        if (!member(edited.object, ("/metadata/annotations/weir.dev~1" + mark).c_str()).is_null())
          add(what + " still has annotation weir.dev/" + mark);
      }
      if (checks::is_of_a_canary(edited.object)) add(what + ", which the release made, is still there");
    }
  }
  const auto* service = known_.service_object();
  const auto wanted = promoted ? checks::Selects::Candidate : checks::Selects::Stable;
  if (service != nullptr && checks::Reader(known_, *release).selects(service->object) != wanted) {
    add(fmt::format("Service {} selects {}, not version {}", release->service,
                    member(service->object, "/spec/selector").dump(),
                    promoted ? release->candidate_version : release->stable_version));
  }
  return found;
}

}  // namespace weir::simulation
