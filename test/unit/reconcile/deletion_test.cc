// Deletion of a Canary in each way that there is, and of its namespace, while its release runs.
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "operator/reconcile/controller.h"
#include "operator/reconcile/orphans.h"
#include "operator/routing/ownership.h"
#include "test/unit/reconcile/late_api.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

using offline::Propagation;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const kube::Key kOrphans = orphans_of({"shop", "checkout"});

// A cluster with one operator, which works on whatever is due.
class Shop : public ReleaseWorld {
 public:
  Shop() {
    late.astray = [this](offline::Verb verb, const kube::Resource& resource, const Json& after) {
      if (verb == offline::Verb::Create) ++creations;
      return goes_astray && goes_astray(verb, resource, after);
    };
    world.stores.on_change([this](const kube::Resource& resource, const kube::Change& change) {
      controller.changed(resource, change);
    });
    world.api.on_change([this](const offline::Changed&) { torn = torn || leads_nowhere(); });
    fill();
  }

  void work(seconds longest, const std::function<bool()>& until = {}) {
    ReleaseWorld::work(controller, longest, until);
  }
  void work_until_phase(const std::string& wanted) {
    work(seconds(3'600), [&] { return phase() == wanted; });
  }

  std::vector<std::string> made() {
    std::vector<std::string> names;
    for (const auto& resource : {kube::kServices, kube::kDestinationRules}) {
      for (const auto& found : world.api.list(resource, "shop", "").value_or(std::vector<Json>{})) {
        if (routing::maker_of(found)) names.push_back(kube::key_of(found).name);
      }
    }
    return names;
  }
  std::string uid() { return kube::metadata_text(object(kube::kCanaries, "checkout-v2"), "uid"); }
  bool gone() { return object(kube::kCanaries, "checkout-v2").is_null(); }
  Json route() { return object(kube::kVirtualServices, "checkout")["spec"]["http"][0]["route"]; }
  // A route names a subset, and nothing defines it.
  bool leads_nowhere() {
    const auto service = object(kube::kVirtualServices, "checkout");
    return !service.is_null() && service["spec"]["http"][0]["route"][0]["destination"].contains("subset") &&
           object(kube::kDestinationRules, "checkout-weir").is_null();
  }
  void put_route_back() {
    auto service = object(kube::kVirtualServices, "checkout");
    service["spec"]["http"][0]["route"] = Json::array({{{"destination", {{"host", "checkout"}}}}});
    world.api.put(kube::kVirtualServices, service);
  }
  void delete_canary(Propagation way = Propagation::Background) {
    world.api.erase(kube::kCanaries, key, way);
  }
  // With its finalizer removed by hand.
  void force_canary_away() {
    auto canary = object(kube::kCanaries, "checkout-v2");
    canary["metadata"].erase("finalizers");
    world.api.put(kube::kCanaries, canary);
    delete_canary();
  }
  void make_again() {
    world.api.put(kube::kCanaries, offline::parse_yaml(kObjects, "objects.yaml")->back().object);
  }
  void as_an_older_operator_made_them() {
    const Json owner{{"apiVersion", "weir.dev/v1alpha1"},
                     {"kind", "Canary"},
                     {"name", "checkout-v2"},
                     {"uid", kube::metadata_text(object(kube::kCanaries, "checkout-v2"), "uid")}};
    for (const auto& resource : {kube::kServices, kube::kDestinationRules}) {
      for (auto& found : world.api.list(resource, "shop", "").value_or(std::vector<Json>{})) {
        if (!routing::maker_of(found)) continue;
        routing::strip_signature(found);
        found["metadata"]["ownerReferences"] = Json::array({owner});
        world.api.put(resource, found);
      }
    }
  }

  LateApi late{world.api};
  std::function<bool(offline::Verb, const kube::Resource&, const Json&)> goes_astray;
  int creations = 0;  // that were asked for
  bool torn = false;  // at any time a route led nowhere
  Reconciler reconciler{late, late, world.stores, analyst, world.clock, Listener{}};
  Controller controller{reconciler, world.stores, world.clock,
                        [](const kube::Key&, const Round&, std::chrono::duration<double>) {}};
};

constexpr std::array kPhases{"Initializing", "Progressing", "Promoting", "Finalizing"};

TEST(Deletion, in_any_way_and_phase_takes_nothing_away_under_a_route) {
  for (const auto way : {Propagation::Background, Propagation::Foreground, Propagation::Orphan}) {
    for (const char* phase : kPhases) {
      SCOPED_TRACE(std::string(phase) + " " + std::to_string(static_cast<int>(way)));
      Shop shop;
      shop.work_until_phase(phase);
      shop.work(seconds(6), [&] { return shop.route().size() == 2; });
      shop.delete_canary(way);
      shop.work(seconds(600), [&] { return shop.gone(); });
      EXPECT_TRUE(shop.gone());
      EXPECT_FALSE(shop.torn) << "a route named what was gone";
      EXPECT_EQ(shop.route(), Json::array({{{"destination", {{"host", "checkout"}}}}}));
      EXPECT_THAT(shop.made(), IsEmpty());
    }
  }
}

// Anybody who may write the object can give it such an owner.
TEST(Deletion, an_owner_that_is_another_canary_holds_no_release_up) {
  Shop shop;
  shop.work(seconds(3'600), [&] { return shop.at_weight(10); });
  auto made = shop.object(kube::kServices, "checkout-v1");
  made["metadata"]["ownerReferences"] = Json::array(
      {{{"apiVersion", "weir.dev/v1alpha1"}, {"kind", "Canary"}, {"name", "cart-v2"}, {"uid", "u-7"}}});
  shop.world.api.put(kube::kServices, made);
  shop.work_until_phase("Succeeded");
  EXPECT_EQ(shop.phase(), "Succeeded") << shop.message();
}

TEST(Deletion, of_a_release_that_an_older_operator_began_takes_nothing_away_either) {
  Shop shop;
  shop.work(seconds(3'600), [&] { return shop.at_weight(10); });
  shop.work(seconds(8));
  shop.as_an_older_operator_made_them();
  ASSERT_EQ(shop.made().size(), 3U);
  Reconciler upgraded(shop.world.api, shop.world.api, shop.world.stores, shop.analyst, shop.world.clock,
                      Listener{});
  EXPECT_TRUE(upgraded.reconcile(shop.key).wrote);
  for (const auto* name : {"checkout-v1", "checkout-v2"})
    EXPECT_FALSE(routing::has_owner(shop.object(kube::kServices, name), shop.uid())) << "in the first round";
  shop.delete_canary(Propagation::Foreground);
  EXPECT_EQ(shop.made().size(), 3U);
  shop.work(seconds(600), [&] { return shop.gone(); });
  EXPECT_TRUE(shop.gone());
  EXPECT_FALSE(shop.torn);
  EXPECT_THAT(shop.made(), IsEmpty());
}

TEST(Deletion, past_the_finalizer_leaves_what_routes_lead_to_until_they_are_put_back) {
  Shop shop;
  shop.work(seconds(3'600), [&] { return shop.at_weight(10); });
  shop.force_canary_away();
  shop.work(seconds(300));
  EXPECT_THAT(shop.made(), UnorderedElementsAre("checkout-weir"));
  EXPECT_FALSE(shop.torn);
  shop.put_route_back();
  shop.work(seconds(14));
  EXPECT_THAT(shop.made(), UnorderedElementsAre("checkout-weir")) << "some proxy may not have the route yet";
  shop.work(seconds(120), [&] { return shop.made().empty(); });
  EXPECT_THAT(shop.made(), IsEmpty());
}

// Its owner has looked at the Service already, and found it as it was.
TEST(Deletion, past_the_finalizer_takes_back_that_both_versions_are_selected_since_then) {
  Shop shop;
  const auto selected = [&shop] { return shop.object(kube::kServices, "checkout")["spec"]["selector"]; };
  const auto before = selected();
  shop.goes_astray = [&shop](offline::Verb verb, const kube::Resource& resource, const Json& after) {
    if (verb != offline::Verb::Update || resource != kube::kServices) return false;
    if (after["spec"]["selector"].contains("version")) return true;
    shop.force_canary_away();
    shop.world.clock.advance(seconds(20));
    return false;
  };
  shop.work(seconds(600), [&] { return shop.gone(); });
  EXPECT_EQ(selected(), (Json{{"app", "checkout"}}));
  shop.work(seconds(30));
  EXPECT_EQ(selected(), before);
  EXPECT_TRUE(shop.late.lost.has_value()) << "the first attempt had no answer";
}

TEST(Deletion, past_the_finalizer_gives_up_on_it_where_stable_is_gone_too) {
  Shop shop;
  int failed = 0;
  shop.goes_astray = [&shop](offline::Verb verb, const kube::Resource& resource, const Json& after) {
    const bool widens = verb == offline::Verb::Update && resource == kube::kServices &&
                        !after["spec"]["selector"].contains("version");
    if (!widens || shop.gone()) return false;
    shop.force_canary_away();
    shop.world.api.erase(kube::kDeployments, {"shop", "checkout-v1"});
    shop.world.clock.advance(seconds(20));
    return false;
  };
  shop.work(seconds(600), [&] { return shop.gone(); });
  for (int i = 0; i < 5; ++i) failed += shop.reconciler.reconcile(shop.key).error ? 1 : 0;
  EXPECT_EQ(failed, 0);
}

TEST(Deletion, past_the_finalizer_leaves_a_selector_alone_of_which_the_canary_was_there) {
  Shop shop;
  shop.work(seconds(600), [&] { return shop.at_weight(10); });
  const auto selected = [&shop] { return shop.object(kube::kServices, "checkout")["spec"]["selector"]; };
  shop.force_canary_away();
  shop.work(seconds(300));
  EXPECT_EQ(selected(), (Json{{"app", "checkout"}})) << "a divided route leads to the candidate";
}

TEST(Deletion, past_the_finalizer_takes_it_back_before_the_next_release_begins_too) {
  Shop shop;
  const auto before = shop.object(kube::kServices, "checkout")["spec"]["selector"];
  bool made_again = false;
  shop.goes_astray = [&](offline::Verb verb, const kube::Resource& resource, const Json& after) {
    const bool widens = verb == offline::Verb::Update && resource == kube::kServices &&
                        !after["spec"]["selector"].contains("version");
    if (!widens || made_again) return false;
    made_again = true;
    shop.force_canary_away();
    shop.make_again();
    shop.world.clock.advance(seconds(20));
    return false;
  };
  shop.work(seconds(600), [&] { return made_again; });
  shop.work(seconds(1));
  EXPECT_EQ(shop.object(kube::kServices, "checkout")["spec"]["selector"], before);
  EXPECT_EQ(shop.phase(), "Pending");
}

TEST(Deletion, leaves_the_way_clear_for_a_second_Canary_of_the_same_name) {
  Shop shop;
  shop.work(seconds(3'600), [&] { return shop.at_weight(10); });
  shop.force_canary_away();
  shop.make_again();
  shop.work(seconds(120));
  EXPECT_EQ(shop.phase(), "Pending") << "it takes over nothing that it knows nothing of";
  EXPECT_THAT(shop.message(), HasSubstr("was made by"));
  EXPECT_FALSE(shop.torn);
  shop.put_route_back();
  shop.work_until_phase("Succeeded");
  EXPECT_EQ(shop.phase(), "Succeeded") << shop.message();
  EXPECT_FALSE(shop.torn);
  EXPECT_THAT(shop.made(), IsEmpty());
}

TEST(Deletion, takes_away_what_is_made_when_the_canary_is_gone_already) {
  Shop shop;
  shop.goes_astray = [](offline::Verb verb, const kube::Resource& resource, const Json& after) {
    return verb == offline::Verb::Create && resource == kube::kServices &&
           kube::key_of(after).name == "checkout-v2";
  };
  shop.work(seconds(600), [&] { return shop.late.lost.has_value(); });
  shop.delete_canary();
  shop.work(seconds(600), [&] { return shop.gone(); });
  ASSERT_TRUE(shop.late.land());
  EXPECT_THAT(shop.made(), UnorderedElementsAre("checkout-v2"));
  shop.work(seconds(40));
  EXPECT_THAT(shop.made(), IsEmpty());
}

TEST(Deletion, is_not_believed_for_a_cache_that_lacks_the_canary) {
  Shop shop;
  shop.work(seconds(600), [&] { return shop.made().size() == 2; });
  shop.world.stores.canaries.erase(shop.key, shop.world.clock.steady());
  EXPECT_FALSE(shop.reconciler.reconcile(kOrphans).error);
  shop.world.clock.advance(seconds(20));
  EXPECT_FALSE(shop.reconciler.reconcile(kOrphans).error);
  EXPECT_EQ(shop.made().size(), 2U) << "the API server has it";
}

TEST(Deletion, of_routes_is_waited_for_by_what_a_release_that_is_over_has_left) {
  Shop shop;
  shop.work_until_phase("Succeeded");
  Json left{{"metadata", {{"name", "checkout-v1"}, {"namespace", "shop"}}},
            {"spec", {{"selector", {{"app", "checkout"}, {"version", "v2"}}}}}};
  routing::sign(left, {.canary = "checkout-v2",
                       .uid = kube::metadata_text(shop.object(kube::kCanaries, "checkout-v2"), "uid"),
                       .service = "checkout"});
  auto service = shop.object(kube::kVirtualServices, "checkout");
  service["spec"]["http"][0]["route"][0]["destination"]["host"] = "checkout-v1";
  shop.world.api.put(kube::kVirtualServices, service);
  shop.world.api.put(kube::kServices, left);
  shop.work(seconds(300));
  EXPECT_THAT(shop.made(), UnorderedElementsAre("checkout-v1"));
  shop.put_route_back();
  shop.work(seconds(120));
  EXPECT_THAT(shop.made(), IsEmpty());
}

// ---- the namespace ----

using Order = std::vector<kube::Resource>;

std::vector<Order> orders() {
  Order kinds{kube::kCanaries, kube::kDeployments, kube::kServices, kube::kVirtualServices,
              kube::kDestinationRules};
  std::vector<Order> all;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    all.push_back(kinds);
    all.emplace_back(kinds.rbegin(), kinds.rend());
    std::ranges::rotate(kinds, kinds.begin() + 1);
  }
  return all;
}

void erase_all(Shop& shop, const kube::Resource& kind) {
  for (const auto& one : shop.world.api.list(kind, "shop", "").value_or(std::vector<Json>{}))
    shop.world.api.erase(kind, kube::key_of(one));
}

TEST(NamespaceDeletion, never_waits_for_a_release) {
  for (const auto& order : orders()) {
    for (const char* phase : kPhases) {
      SCOPED_TRACE(std::string(phase) + ", first " + std::string(order.front().kind) + ", last " +
                   std::string(order.back().kind));
      Shop shop;
      shop.work_until_phase(phase);
      shop.work(seconds(6), [&] { return shop.route().size() == 2; });
      shop.world.api.end_namespace("shop");
      shop.creations = 0;
      for (const auto& kind : order) {
        erase_all(shop, kind);
        shop.work(seconds(3));
      }
      shop.work(seconds(20), [&] { return shop.gone(); });
      EXPECT_TRUE(shop.gone()) << shop.message();
      EXPECT_LE(shop.creations, 1) << "what the server refuses for good is not asked for again";
      EXPECT_THAT(shop.made(), IsEmpty());
    }
  }
}

TEST(NamespaceDeletion, puts_the_routes_back_that_are_still_there) {
  Shop shop;
  shop.work(seconds(3'600), [&] { return shop.at_weight(10); });
  shop.world.api.end_namespace("shop");
  shop.world.api.erase(kube::kServices, {"shop", "checkout-v1"});
  shop.world.api.erase(kube::kServices, {"shop", "checkout-v2"});
  shop.work(seconds(60));
  EXPECT_EQ(shop.creations, 4) << "those of the release, and one that was refused";
  EXPECT_EQ(shop.route(), Json::array({{{"destination", {{"host", "checkout"}}}}}));
  EXPECT_EQ(shop.phase(), "Failed");
  EXPECT_THAT(shop.message(), HasSubstr("the namespace is being deleted"));
}

}  // namespace
}  // namespace weir::reconcile
