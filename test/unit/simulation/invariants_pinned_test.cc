// S17: what routes and mirrors meet that no release divides.
#include <gmock/gmock.h>

#include "test/unit/simulation/invariants_release.h"

namespace weir::simulation {
namespace {

class PinnedTest : public InvariantsTest {
 protected:
  PinnedTest() {
    const Json mirror{{"host", "checkout"}, {"subset", "v1"}};
    const Json route{{"route", Json::array({legacy(100)})}, {"mirror", mirror}};
    put(kube::kVirtualServices,
        {{"metadata", {{"name", "orders"}}}, {"spec", {{"http", Json::array({route})}}}});
    wait(3s);
    promote();
    destinations(Json::array({whole_}));
    wait(3s);
  }
};

TEST_F(PinnedTest, s17_stables_pods_go_while_a_mirror_leads_to_their_subset) {
  expect_nothing();
  scale("checkout-v1", 0);
  expect("S17",
         "Deployment checkout-v1 loses its pods while VirtualService orders spec.http leads to subset v1");
}

TEST_F(PinnedTest, s17_a_subset_is_taken_away_that_a_mirror_names) {
  erase(kube::kDestinationRules, "checkout-weir");
  expect("S17", "DestinationRule checkout-weir loses subset v1, which VirtualService orders spec.http names");
}

TEST_F(PinnedTest, s17_says_nothing_of_a_mirror_that_a_person_has_led_elsewhere) {
  edit(
      kube::kVirtualServices, "orders",
      [](Json& object) { object["spec"]["http"][0]["mirror"].erase("subset"); }, kPerson);
  wait(3s);
  clean_up();
  scale("checkout-v1", 0);
  expect_nothing();
}

}  // namespace
}  // namespace weir::simulation
