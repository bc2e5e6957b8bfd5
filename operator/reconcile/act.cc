#include "operator/reconcile/act.h"

#include <utility>
#include <variant>

#include "operator/kube/object.h"
#include "operator/reconcile/live.h"
#include "operator/reconcile/orphans.h"
#include "operator/reconcile/writes.h"

namespace weir::reconcile {

using Done = kube::Result<void>;

Done Actor::perform(const strategies::Action& action, const Snapshot& snapshot) {
  if (std::holds_alternative<strategies::RemoveLeftovers>(action)) return remove_leftovers(snapshot);
  if (auto allowed = look_before(action, snapshot, api_); !allowed) return allowed;
  const auto writes = writes_of(action, snapshot, stores_, term_);
  if (!writes) return std::unexpected(writes.error());
  Json written;
  for (const auto& write : *writes) {
    auto answer = send(write);
    if (!answer) return std::unexpected(answer.error());
    written = *std::move(answer);
  }
  const auto* moved = std::get_if<strategies::SetSelector>(&action);
  if (moved == nullptr || !overtaken_by_template(*moved, snapshot, api_)) return {};
  return take_back(snapshot, written);
}

kube::Result<Json> Actor::send(const kube::Write& write) {
  if (write.after.is_null()) return remove(write.kind, write.before);
  auto answer = write.before.is_null() ? api_.create(write.kind, write.after)
                                       : api_.update(write.kind, write.before, write.after);
  if (!answer) return answer;
  if (auto lost = routing::lost_signature(write.after, *answer); write.before.is_null() && !lost.empty())
    return undo_unsigned(write, *answer, lost);
  if (auto* store = stores_.of(write.kind)) store->put(*answer, clock_.steady());
  return answer;
}

kube::Result<Json> Actor::undo_unsigned(const kube::Write& made, const Json& kept, const std::string& lost) {
  if (auto done = api_.remove(made.kind, kept); !done) return std::unexpected(done.error());
  return std::unexpected(kube::Error{
      .code = kube::Code::Invalid,
      .message =
          std::string(made.kind.kind) + " " + kube::metadata_text(made.after, "name") +
          " was made, and as the API server keeps it " + lost +
          ": a mutating webhook or policy changes it, and nobody would know whose the object is; it is "
          "taken away again; exempt the operator's ServiceAccount from that policy"});
}

kube::Result<Json> Actor::remove(const kube::Resource& resource, const Json& object) {
  if (auto answer = api_.remove(resource, object); !answer) return std::unexpected(answer.error());
  // An object with finalizers stays for a while: its watch says when it is gone.
  const auto finalizers = object.value("metadata", Json::object()).value("finalizers", Json::array());
  if (auto* store = stores_.of(resource); store != nullptr && finalizers.empty())
    store->erase(kube::key_of(object), clock_.steady());
  return Json();
}

// A template that was pushed between the look and the write has pods behind the Service, and nobody judged
// it.
Done Actor::take_back(const Snapshot& snapshot, const Json& written) {
  Json after = written;
  after["spec"]["selector"] = snapshot.service["spec"]["selector"];
  const auto answer = send({.kind = kube::kServices, .before = written, .after = std::move(after)});
  if (!answer) return std::unexpected(answer.error());
  return std::unexpected(
      kube::Error{.code = kube::Code::Invalid,
                  .message = "the pod template of " + kube::metadata_text(snapshot.candidate, "name") +
                             " changed while the selector was moved there: the selector is moved back"});
}

Done Actor::remove_leftovers(const Snapshot& snapshot) {
  for (const auto& made : snapshot.leftovers) {
    if (auto done = remove_unused(made, snapshot.target.trusted, api_, stores_, clock_.steady()); !done)
      return std::unexpected(done.error());
  }
  return {};
}

}  // namespace weir::reconcile
