#include "operator/base/names.h"

#include <gtest/gtest.h>

#include <string>

namespace weir::base {
namespace {

// 63 and 64 letters, at the limit of a label and above it.
const std::string kLongest(63, 'a');
const std::string kTooLong(64, 'a');

TEST(Names, of_namespaces_are_dns_labels) {
  for (const auto& name : {std::string("shop"), std::string("7"), std::string("a-1"), kLongest})
    EXPECT_TRUE(is_dns_label(name)) << name;
  for (const auto& name : {std::string(), std::string("a/b"), std::string("../x"), std::string("a.b"),
                           std::string("Shop"), std::string("ünï"), std::string("-a"), std::string("a-"),
                           std::string("a b"), std::string("a_b"), kTooLong})
    EXPECT_FALSE(is_dns_label(name)) << name;
}

TEST(Names, of_services_begin_with_a_letter) {
  EXPECT_TRUE(is_service_name("checkout-2"));
  for (const std::string name : {"2-checkout", "", "check.out", "Checkout"})
    EXPECT_FALSE(is_service_name(name)) << name;
  EXPECT_TRUE(is_service_name(kLongest));
  EXPECT_FALSE(is_service_name(kTooLong));
}

TEST(Names, of_other_objects_may_have_dots_and_be_long) {
  for (const auto& name : {std::string("checkout-v2.1"), std::string("7"), kTooLong, std::string(253, 'a')})
    EXPECT_TRUE(is_dns_subdomain(name)) << name;
  for (const auto& name : {std::string(), std::string("Über vs"), std::string("a..b"), std::string(".a"),
                           std::string("a."), std::string("a-.b"), std::string("a_b"), std::string(254, 'a')})
    EXPECT_FALSE(is_dns_subdomain(name)) << name;
}

TEST(Names, of_labels_may_have_a_domain) {
  for (const auto& key : {std::string("version"), std::string("app.kubernetes.io/version"), kLongest,
                          std::string("Team_1.x"), "example.org/" + kLongest})
    EXPECT_TRUE(is_label_key(key)) << key;
  for (const auto& key :
       {std::string(), std::string("a b"), std::string("/a"), std::string("a/"), std::string("a/b/c"),
        std::string("-a"), std::string("Example.org/a"), std::string("é"), kTooLong, "x/" + kTooLong})
    EXPECT_FALSE(is_label_key(key)) << key;
  EXPECT_TRUE(is_annotation_key("Example.org/a"));
  EXPECT_FALSE(is_annotation_key("a b"));
}

TEST(Names, that_labels_have_as_values_may_be_empty) {
  for (const auto& value :
       {std::string(), std::string("v1.0"), std::string("2024_W1"), std::string("A-b"), kLongest})
    EXPECT_TRUE(is_label_value(value)) << value;
  for (const auto& value : {std::string("v 2"), std::string("é2"), std::string("-"), std::string("a/b"),
                            std::string("v1."), std::string("_a"), kTooLong})
    EXPECT_FALSE(is_label_value(value)) << value;
}

TEST(Names, of_containers_ports_are_short_and_have_a_letter) {
  for (const std::string name : {"http", "8a", "a-b-c", "abcdefghijklmno"})
    EXPECT_TRUE(is_port_name(name)) << name;
  for (const std::string name : {"", "80", "a--b", "-a", "a-", "Http", "a_b", "abcdefghijklmnop"})
    EXPECT_FALSE(is_port_name(name)) << name;
}

TEST(Names, as_numbers_of_ports_have_sixteen_bits) {
  for (const int number : {1, 80, 65'535}) EXPECT_TRUE(is_port(number)) << number;
  for (const int number : {-1, 0, 65'536}) EXPECT_FALSE(is_port(number)) << number;
}

}  // namespace
}  // namespace weir::base
