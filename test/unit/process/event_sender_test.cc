#include "operator/process/event_sender.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <type_traits>
#include <vector>

#include "operator/kube/object.h"
#include "operator/offline/memory_api.h"

namespace weir::process {
namespace {

const report::CanaryRef kCanary{"shop", "checkout-v2", "u1"};
const strategies::Event kStep{strategies::Severity::Normal, "Step", "step 1/3: 10 % to checkout-v2"};

// Counts requests, and fails as it is told.
class FailingApi final : public kube::Api {
 public:
  explicit FailingApi(const base::Clock& clock) : memory(clock) {}

  offline::MemoryApi memory;
  std::optional<kube::Code> failure;
  std::vector<std::string> requests;

  kube::Result<kube::Json> get(const kube::Resource& resource, const kube::Key& key) override {
    return asked("get", [&] { return memory.get(resource, key); });
  }
  kube::Result<std::vector<kube::Json>> list(const kube::Resource& resource, std::string_view name_space,
                                             std::string_view labels) override {
    return asked("list", [&] { return memory.list(resource, name_space, labels); });
  }
  kube::Result<kube::Json> create(const kube::Resource& resource, const kube::Json& object) override {
    return asked("create", [&] { return memory.create(resource, object); });
  }
  kube::Result<kube::Json> update(const kube::Resource& resource, const kube::Json& before,
                                  const kube::Json& after) override {
    return asked("update", [&] { return memory.update(resource, before, after); });
  }
  kube::Result<kube::Json> update_status(const kube::Resource& resource, const kube::Json& before,
                                         const kube::Json& after) override {
    return asked("update status", [&] { return memory.update_status(resource, before, after); });
  }
  kube::Result<void> remove(const kube::Resource& resource, const kube::Json& object) override {
    return asked("remove", [&] { return memory.remove(resource, object); });
  }

 private:
  template <typename Request>
  std::invoke_result_t<Request> asked(const std::string& what, const Request& request) {
    requests.push_back(what);
    if (failure) return std::unexpected(kube::Error{.code = *failure});
    return request();
  }
};

class EventSenderTest : public testing::Test {
 protected:
  void send(const strategies::Event& event = kStep) { sender.send(kCanary, event, clock.wall()); }
  [[nodiscard]] std::vector<kube::Json> events() {
    return api.memory.list(kube::kEvents, "shop", "").value_or(std::vector<kube::Json>{});
  }

  base::VirtualClock clock;
  FailingApi api{clock};
  EventSender sender{api};
};

TEST_F(EventSenderTest, sends_one_event_at_a_time_when_it_is_stepped) {
  EXPECT_FALSE(sender.send_next());
  send();
  send({strategies::Severity::Warning, "Other", "other"});
  EXPECT_TRUE(sender.send_next());
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events().front()["reason"], "Step");
  EXPECT_EQ(events().front()["involvedObject"]["uid"], "u1");
  EXPECT_TRUE(sender.send_next());
  EXPECT_FALSE(sender.send_next());
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(EventSenderTest, counts_a_repetition_in_the_event_it_repeats_by_one_request) {
  for (int i = 0; i < 3; ++i) {
    clock.advance(std::chrono::seconds(1));
    send();
  }
  while (sender.send_next()) {
  }
  ASSERT_EQ(events().size(), 1U);
  EXPECT_EQ(events().front()["count"], 3);
  EXPECT_EQ(events().front()["message"], kStep.message);
  EXPECT_NE(events().front()["lastTimestamp"], events().front()["firstTimestamp"]);
  EXPECT_THAT(api.requests, testing::ElementsAre("create", "update", "update"));
}

TEST_F(EventSenderTest, makes_a_new_event_when_the_one_it_repeats_is_gone) {
  send();
  ASSERT_TRUE(sender.send_next());
  ASSERT_TRUE(api.memory.erase(kube::kEvents, kube::key_of(events().front())));
  clock.advance(std::chrono::seconds(1));
  send();
  ASSERT_TRUE(sender.send_next());  // finds it gone
  clock.advance(std::chrono::seconds(1));
  send();
  ASSERT_TRUE(sender.send_next());
  EXPECT_EQ(events().size(), 1U);
}

TEST_F(EventSenderTest, keeps_an_event_that_the_server_cannot_take_now) {
  for (const auto code : {kube::Code::TooManyRequests, kube::Code::Unavailable, kube::Code::Timeout}) {
    api.failure = code;
    send({strategies::Severity::Warning, "RollingBack", std::to_string(static_cast<int>(code))});
    EXPECT_FALSE(sender.send_next());
    api.failure.reset();
    EXPECT_TRUE(sender.send_next());
  }
  EXPECT_EQ(events().size(), 3U);
}

TEST_F(EventSenderTest, gives_up_an_event_that_is_never_taken) {
  api.failure = kube::Code::Unavailable;
  send();
  for (int i = 1; i < kMaxEventTries; ++i) EXPECT_FALSE(sender.send_next());
  EXPECT_TRUE(sender.send_next());
  EXPECT_FALSE(sender.send_next());
  EXPECT_EQ(api.requests.size(), static_cast<std::size_t>(kMaxEventTries));
}

TEST_F(EventSenderTest, does_not_try_again_what_is_refused) {
  api.failure = kube::Code::Forbidden;
  send();
  EXPECT_TRUE(sender.send_next());
  EXPECT_FALSE(sender.send_next());
}

TEST(EventSenderThread, sends_what_still_waits_before_it_ends) {
  const base::VirtualClock clock;
  offline::MemoryApi api(clock);
  {
    EventSender sender(api);
    sender.start();
    sender.send(kCanary, kStep, clock.wall());
  }
  EXPECT_EQ(api.list(kube::kEvents, "shop", "").value_or(std::vector<kube::Json>{}).size(), 1U);
}

TEST(EventSenderThread, ends_without_a_wait_while_the_server_takes_nothing) {
  const base::VirtualClock clock;
  FailingApi api(clock);
  api.failure = kube::Code::TooManyRequests;
  {
    EventSender sender(api);
    sender.start();
    for (int i = 0; i < 3; ++i) sender.send(kCanary, kStep, clock.wall());
  }
  EXPECT_LE(api.requests.size(), 3U);
}

}  // namespace
}  // namespace weir::process
