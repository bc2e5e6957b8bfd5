// An API whose answers can fail to come.
#pragma once

#include <expected>
#include <functional>
#include <string_view>
#include <vector>

#include "operator/kube/api.h"

namespace weir::lead {

using kube::Api;
using kube::Json;
using kube::Key;
using kube::Result;

// The API as one process reaches it.
class Link final : public Api {
 public:
  enum class State { Up, Down, Mute };  // Mute: what is asked for is done, and no answer comes
  explicit Link(Api& api) : api_(api) {}
  State state = State::Up;
  int requests = 0;

  Result<Json> get(const kube::Resource& resource, const Key& key) override {
    return through([&] { return api_.get(resource, key); });
  }
  Result<std::vector<Json>> list(const kube::Resource&, std::string_view, std::string_view) override {
    return std::unexpected(kube::Error{});
  }
  Result<Json> create(const kube::Resource& resource, const Json& object) override {
    return through([&] { return api_.create(resource, object); });
  }
  Result<Json> update(const kube::Resource& resource, const Json& before, const Json& after) override {
    return through([&] { return api_.update(resource, before, after); });
  }
  Result<Json> update_status(const kube::Resource&, const Json&, const Json&) override {
    return std::unexpected(kube::Error{});
  }
  Result<void> remove(const kube::Resource& resource, const Json& object) override {
    const auto answer = through([&]() -> Result<Json> {
      if (auto removed = api_.remove(resource, object); !removed) return std::unexpected(removed.error());
      return Json();
    });
    if (!answer) return std::unexpected(answer.error());
    return {};
  }

 private:
  Result<Json> through(const std::function<Result<Json>()>& call) {
    ++requests;
    const kube::Error lost{.code = kube::Code::Timeout, .message = "no answer"};
    if (state == State::Down) return std::unexpected(lost);
    auto answer = call();
    if (state == State::Mute) return std::unexpected(lost);
    return answer;
  }
  Api& api_;
};

}  // namespace weir::lead
