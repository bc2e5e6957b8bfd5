// An API on which one write goes astray: its caller gets no answer, and it is carried out later, or at once.
// Or no read is answered.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "operator/offline/memory_api.h"

namespace weir::reconcile {

class LateApi final : public kube::Api {
 public:
  using Json = kube::Json;
  explicit LateApi(kube::Api& api) : api_(api) {}

  // Whether this write goes astray.
  std::function<bool(offline::Verb, const kube::Resource&, const Json& after)> astray;
  bool at_once = false;  // it is carried out, and only its answer is lost
  kube::Code code = kube::Code::Timeout;
  bool deaf = false;  // no read is answered
  int writes = 0;     // that were sent
  int reads = 0;
  std::optional<offline::Verb> lost;  // what went astray
  // Carries it out; the server's answer.
  std::function<kube::Result<void>()> land;

  kube::Result<Json> get(const kube::Resource& resource, const kube::Key& key) override {
    ++reads;
    if (deaf) return std::unexpected(no_answer());
    return api_.get(resource, key);
  }
  kube::Result<std::vector<Json>> list(const kube::Resource& resource, std::string_view name_space,
                                       std::string_view selector) override {
    ++reads;
    if (deaf) return std::unexpected(no_answer());
    return api_.list(resource, name_space, selector);
  }
  kube::Result<Json> create(const kube::Resource& resource, const Json& object) override {
    return send(offline::Verb::Create, resource, object, [=, this] { return api_.create(resource, object); });
  }
  kube::Result<Json> update(const kube::Resource& resource, const Json& before, const Json& after) override {
    return send(offline::Verb::Update, resource, after,
                [=, this] { return api_.update(resource, before, after); });
  }
  kube::Result<Json> update_status(const kube::Resource& resource, const Json& before,
                                   const Json& after) override {
    return send(offline::Verb::UpdateStatus, resource, after,
                [=, this] { return api_.update_status(resource, before, after); });
  }
  kube::Result<void> remove(const kube::Resource& resource, const Json& object) override {
    const auto answer = send(offline::Verb::Remove, resource, object, [=, this]() -> kube::Result<Json> {
      if (auto removed = api_.remove(resource, object); !removed) return std::unexpected(removed.error());
      return Json();
    });
    if (!answer) return std::unexpected(answer.error());
    return {};
  }

 private:
  [[nodiscard]] kube::Error no_answer() const { return {.code = code, .message = "no answer in time"}; }
  kube::Result<Json> send(offline::Verb verb, const kube::Resource& resource, const Json& after,
                          const std::function<kube::Result<Json>()>& write) {
    ++writes;
    if (lost || !astray || !astray(verb, resource, after)) return write();
    lost = verb;
    land = [write]() -> kube::Result<void> {
      if (auto answer = write(); !answer) return std::unexpected(answer.error());
      return {};
    };
    if (at_once) (void)write();
    return std::unexpected(no_answer());
  }

  kube::Api& api_;
};

}  // namespace weir::reconcile
