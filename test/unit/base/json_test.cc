#include "operator/base/json.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

const Json kObject = Json::parse(R"({"spec":{"name":"checkout","replicas":3,"share":0.5,"list":[1]}})");

TEST(Json, is_read_by_a_path_of_names) {
  EXPECT_EQ(text(kObject, {"spec", "name"}), "checkout");
  EXPECT_EQ(integer(kObject, {"spec", "replicas"}), 3);
  EXPECT_EQ(field(kObject, {"spec", "list"}), Json::array({1}));
}

TEST(Json, reads_as_nothing_where_it_is_absent_or_of_another_type) {
  EXPECT_TRUE(field(kObject, {"spec", "name", "first"}).is_null());
  EXPECT_TRUE(field(Json::array({1}), {"spec"}).is_null());
  EXPECT_EQ(text(kObject, {"spec", "replicas"}), "");
  EXPECT_EQ(integer(kObject, {"spec", "name"}), 0);
  EXPECT_EQ(integer(kObject, {"spec", "share"}, 7), 7);
  EXPECT_EQ(integer(kObject, {"status"}, 7), 7);
}

TEST(Json, gives_the_members_that_there_are) {
  EXPECT_EQ(members(kObject["spec"], {"name", "color"}), Json({{"name", "checkout"}}));
  EXPECT_EQ(members(Json("text"), {"name"}), Json::object());
}

}  // namespace
}  // namespace weir::base
