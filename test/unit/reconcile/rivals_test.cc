#include "operator/reconcile/rivals.h"

#include <gmock/gmock.h>

#include "test/unit/reconcile/observed.h"

namespace weir::reconcile {
namespace {

using ::testing::HasSubstr;

constexpr const char* kBefore = "2025-01-01T00:00:00Z";
constexpr const char* kAfter = "2027-01-01T00:00:00Z";

class RivalsTest : public ObservedRelease {
 protected:
  // Another Canary, made before or after checkout-v2, which the test's clock made at the start of 2026.
  void rival(const char* made, const Json& status, const Json& spec = Json::object()) {
    auto other = object(kube::kCanaries, "checkout-v2");
    other["metadata"] = {{"name", "checkout-v3"}, {"namespace", "shop"}, {"creationTimestamp", made}};
    other["spec"]["targetRef"]["name"] = "checkout-v3";
    other["spec"].update(spec);
    other["status"] = status;
    world.api.erase(kube::kCanaries, {"shop", "checkout-v3"});
    world.api.put(kube::kCanaries, other);
  }
  // Of checkout-v2.
  Rivals rivals() {
    const auto stored = world.stores.canaries.get(key);
    return find_rivals(canary::parse(*stored.value().object).value(), world.stores);
  }
};

TEST_F(RivalsTest, are_none_of_the_only_release) {
  EXPECT_FALSE(rivals().waits_for);
  EXPECT_EQ(rivals().superseded_by, "");
}

TEST_F(RivalsTest, of_which_none_has_begun_wait_for_the_older_one) {
  rival(kBefore, {{"phase", "Pending"}});
  ASSERT_TRUE(rivals().waits_for);
  EXPECT_EQ(rivals().waits_for->condition, "Conflict");
  EXPECT_THAT(rivals().waits_for->message, HasSubstr("Canary checkout-v3 is releasing Service checkout"));
  rival(kAfter, {{"phase", "Pending"}});
  EXPECT_FALSE(rivals().waits_for);
}

TEST_F(RivalsTest, wait_for_one_that_has_begun_whatever_its_age) {
  rival(kAfter, {{"phase", "Progressing"}});
  EXPECT_TRUE(rivals().waits_for);
}

TEST_F(RivalsTest, are_taken_back_by_a_newer_one_that_supersedes) {
  rival(kAfter, {{"phase", "Pending"}}, {{"supersede", true}});
  EXPECT_EQ(rivals().superseded_by, "checkout-v3");
  EXPECT_FALSE(rivals().waits_for);
  rival(kBefore, {{"phase", "Pending"}}, {{"supersede", true}});
  EXPECT_EQ(rivals().superseded_by, "") << "an older one supersedes nobody";
  EXPECT_TRUE(rivals().waits_for);
}

TEST_F(RivalsTest, that_supersede_do_not_wait_for_an_older_one_that_has_not_begun) {
  edit(kube::kCanaries, "checkout-v2", "/spec/supersede", true);
  rival(kBefore, {{"phase", "Pending"}});
  EXPECT_FALSE(rivals().waits_for);
  rival(kBefore, {{"phase", "Progressing"}});
  EXPECT_TRUE(rivals().waits_for) << "it is to be taken back first";
}

TEST_F(RivalsTest, are_no_releases_that_are_over_or_of_other_services) {
  rival(kBefore, {{"phase", "Succeeded"}});
  EXPECT_FALSE(rivals().waits_for);
  rival(kBefore, {{"phase", "Progressing"}}, {{"service", {{"name", "cart"}}}});
  EXPECT_FALSE(rivals().waits_for);
}

}  // namespace
}  // namespace weir::reconcile
