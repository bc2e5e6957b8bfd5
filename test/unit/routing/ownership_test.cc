#include "operator/routing/ownership.h"

#include <gtest/gtest.h>

namespace weir::routing {
namespace {

const Maker kRelease{.canary = "checkout-v2", .uid = "u-1", .service = "checkout"};

Json named(const std::string& name) { return {{"metadata", {{"name", name}, {"namespace", "shop"}}}}; }

Json of_an_older_operator() {
  auto object = named("checkout-v1");
  object["metadata"]["labels"][kManagedBy] = kWeir;
  object["metadata"]["ownerReferences"] = Json::array(
      {{{"apiVersion", "weir.dev/v1alpha1"}, {"kind", "Canary"}, {"name", "checkout-v2"}, {"uid", "u-1"}}});
  return object;
}

TEST(Ownership, is_read_as_it_was_signed) {
  auto object = named("checkout-v1");
  EXPECT_FALSE(maker_of(object));
  sign(object, kRelease);
  EXPECT_EQ(maker_of(object), kRelease);
  EXPECT_TRUE(is_made_by(object, "u-1"));
  EXPECT_FALSE(is_made_by(object, "u-2"));
  EXPECT_FALSE(has_owner(object, "u-1"));
  strip_signature(object);
  auto unsigned_object = named("checkout-v1");
  unsigned_object["metadata"]["labels"][kManagedBy] = kWeir;
  EXPECT_EQ(object, unsigned_object);
}

// Its owner wants it to be collected with the Canary.
TEST(Ownership, by_an_ownerReference_of_what_is_not_labelled_is_nobodys) {
  auto owned = of_an_older_operator();
  owned["metadata"].erase("labels");
  EXPECT_FALSE(maker_of(owned));
}

// As a policy of the cluster does to all that is made in it.
TEST(Ownership, that_is_signed_does_not_depend_on_a_label) {
  auto object = named("checkout-v1");
  sign(object, kRelease);
  object["metadata"]["labels"][kManagedBy] = "platform-team";
  EXPECT_EQ(maker_of(object), kRelease);
  object["metadata"].erase("labels");
  EXPECT_EQ(maker_of(object), kRelease);
}

TEST(Ownership, by_an_ownerReference_to_another_canary_is_not_this_ones) {
  auto object = named("checkout-v1");
  sign(object, kRelease);
  object["metadata"]["ownerReferences"] = Json::array(
      {{{"apiVersion", "weir.dev/v1alpha1"}, {"kind", "Canary"}, {"name", "cart-v2"}, {"uid", "u-7"}}});
  EXPECT_FALSE(has_owner(object, "u-1"));
  EXPECT_EQ(adopted(object, kRelease), object);
}

TEST(Ownership, is_not_of_a_group_whose_name_begins_alike) {
  auto old = of_an_older_operator();
  old["metadata"]["ownerReferences"][0]["apiVersion"] = "weir.development/v1";
  EXPECT_FALSE(maker_of(old));
}

TEST(Ownership, of_a_text_that_is_no_name_is_nobodys) {
  auto object = named("checkout-v1");
  sign(object, kRelease);
  object["metadata"]["annotations"]["weir.dev/canary"] = std::string(200'000, '<');
  EXPECT_FALSE(maker_of(object));
}

TEST(Ownership, is_never_of_the_service_that_clients_call) {
  auto object = named("checkout");
  sign(object, kRelease);
  EXPECT_FALSE(maker_of(object));
}

TEST(Ownership, is_not_of_a_copy_under_another_name_or_in_another_namespace) {
  auto object = named("checkout-v1");
  sign(object, kRelease);
  auto copy = object;
  copy["metadata"]["name"] = "checkout-copy";
  EXPECT_FALSE(maker_of(copy));
  object["metadata"]["namespace"] = "staging";
  EXPECT_FALSE(maker_of(object));
}

TEST(Ownership, that_was_changed_on_the_way_is_named_with_its_values) {
  auto made = named("checkout-v1");
  EXPECT_EQ(lost_signature(made, made), "") << "it is not signed";
  sign(made, kRelease);
  auto kept = made;
  kept["metadata"]["labels"][kManagedBy] = "platform-team";
  kept["metadata"]["annotations"]["policy"] = "seen";
  EXPECT_EQ(lost_signature(made, kept), "");
  kept["metadata"]["annotations"].erase("weir.dev/canary-uid");
  EXPECT_EQ(lost_signature(made, kept), "annotation weir.dev/canary-uid is \"\" and not \"u-1\"");
}

TEST(Ownership, of_half_a_signature_is_nobodys) {
  auto object = named("checkout-v1");
  sign(object, kRelease);
  object["metadata"]["annotations"].erase("weir.dev/canary-uid");
  EXPECT_FALSE(maker_of(object));
  object["metadata"]["annotations"] = "none";
  EXPECT_FALSE(maker_of(object));
}

TEST(Ownership, of_half_a_signature_is_known_where_nothing_speaks_of_others) {
  const auto without = [](std::initializer_list<const char*> annotations) {
    auto object = named("checkout-v1");
    sign(object, kRelease);
    for (const auto* annotation : annotations) object["metadata"]["annotations"].erase(annotation);
    return object;
  };
  EXPECT_FALSE(is_half_signed(without({}), kRelease)) << "it is whole";
  EXPECT_FALSE(is_half_signed(named("checkout-v1"), kRelease)) << "it is somebody's";
  for (const auto* lost : {"weir.dev/canary", "weir.dev/canary-uid", "weir.dev/service", "weir.dev/made-as"})
    EXPECT_TRUE(is_half_signed(without({lost}), kRelease)) << lost;
  EXPECT_TRUE(is_half_signed(without({"weir.dev/canary", "weir.dev/service", "weir.dev/made-as"}), kRelease));
  EXPECT_FALSE(is_half_signed(without({"weir.dev/canary-uid", "weir.dev/made-as"}), kRelease));
  const Maker next{.canary = "checkout-v3", .uid = "u-2", .service = "checkout"};
  EXPECT_TRUE(is_half_signed(without({"weir.dev/canary-uid"}), next)) << "of an earlier release";
  const Maker other{.canary = "cart-v3", .uid = "u-3", .service = "cart"};
  EXPECT_FALSE(is_half_signed(without({"weir.dev/canary-uid"}), other));
  auto copy = without({"weir.dev/canary"});
  copy["metadata"]["name"] = "checkout-v2";
  EXPECT_FALSE(is_half_signed(copy, kRelease));
}

TEST(Ownership, by_an_ownerReference_is_understood_and_replaced_in_one_write) {
  const auto old = of_an_older_operator();
  ASSERT_TRUE(maker_of(old));
  EXPECT_EQ(maker_of(old)->uid, "u-1");
  EXPECT_TRUE(has_owner(old, "u-1"));
  const auto now = adopted(old, kRelease);
  EXPECT_EQ(maker_of(now), kRelease);
  EXPECT_FALSE(now["metadata"].contains("ownerReferences"));
}

TEST(Ownership, leaves_the_owners_that_others_gave_the_object) {
  auto old = of_an_older_operator();
  const Json other{{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "web"}, {"uid", "u-9"}};
  old["metadata"]["ownerReferences"].push_back(other);
  EXPECT_EQ(adopted(old, kRelease)["metadata"]["ownerReferences"], Json::array({other}));
  strip_signature(old);
  EXPECT_EQ(old["metadata"]["ownerReferences"], Json::array({other}));
}

}  // namespace
}  // namespace weir::routing
