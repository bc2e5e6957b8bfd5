// Shares, versions and names at the edge of what Istio and the API server take, as `kubectl weir plan` shows
// what becomes of them.
#include <gmock/gmock.h>

#include "test/unit/cli/plan_files.h"

namespace weir::cli {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

std::string everywhere(std::string text, const std::string& from, const std::string& to) {
  for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string of_versions(const std::string& stable, const std::string& candidate) {
  return std::string(kCanary) + deployment("checkout-v1", stable, 3) +
         deployment("checkout-v2", candidate, 1) + replaced(kService, "version: v1", "version: " + stable) +
         kRoute;
}

TEST(PlanNames, divides_a_share_of_one_exactly_and_puts_it_back) {
  const auto answer = plan_of(replaced(good(), "    - destination: {host: checkout}\n",
                                       "    - {destination: {host: legacy}, weight: 99}\n"
                                       "    - weight: 1\n"
                                       "      destination: {host: checkout}\n"));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.out, AllOf(HasSubstr("weight: 495"), HasSubstr("weight: 4\n"), HasSubstr("weight: 2\n"),
                                HasSubstr("weight: 3\n")));
  const auto last = answer.out.rfind("host: legacy");
  ASSERT_NE(last, std::string::npos);
  const auto end = answer.out.find("---", last);
  EXPECT_THAT(answer.out.substr(last, end - last),
              AllOf(HasSubstr("weight: 99\n"), Not(HasSubstr("subset"))));
}

TEST(PlanNames, names_subsets_of_versions_as_istio_takes_them) {
  for (const auto& [stable, candidate, form] :
       {std::tuple{"2.4.1", "2.5.0", "2-4-1-[0-9a-f]+"}, {"2024_W1", "2024_W2", "2024-w1-[0-9a-f]+"}}) {
    const auto answer = plan_of(of_versions(stable, candidate));
    EXPECT_EQ(answer.code, kFine) << answer.err;
    EXPECT_THAT(answer.out, ContainsRegex(std::string("name: \"?") + form));
    EXPECT_THAT(answer.out, ContainsRegex(std::string("subset: \"?") + form));
    EXPECT_THAT(answer.out, HasSubstr(std::string("version: ") + stable + "\n"));
    EXPECT_THAT(answer.out, Not(HasSubstr(std::string("subset: ") + stable)));
  }
}

TEST(PlanNames, tells_services_of_versions_apart_that_look_alike) {
  const auto answer = plan_of(of_versions("v1.0", "v1-0"));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.out, AllOf(ContainsRegex("name: checkout-v1-0-[0-9a-f]+"), HasSubstr("subset: v1-0\n")));
}

TEST(PlanNames, shortens_names_that_would_be_too_long) {
  for (const std::size_t length : {61U, 62U, 63U}) {
    const std::string service = std::string(length - 1, 's') + "x";
    for (const auto* mode : {"Placeholder", "Dedicated"}) {
      auto documents = everywhere(good(), "host: checkout}", "host: " + service + "}");
      documents = replaced(documents, "hosts: [checkout]", "hosts: [" + service + "]");
      documents = replaced(documents, "metadata: {name: checkout, namespace: shop}\nspec:\n  selector",
                           "metadata: {name: " + service + ", namespace: shop}\nspec:\n  selector");
      documents = replaced(documents, "service: {name: checkout}",
                           "service: {name: " + service + ", mode: " + mode + "}");
      const auto answer = plan_of(documents);
      EXPECT_EQ(answer.code, kFine) << answer.err;
      EXPECT_THAT(answer.out, ContainsRegex("name: sss*-[0-9a-f]+\n"));
    }
  }
}

TEST(PlanNames, labels_what_a_canary_of_a_long_name_makes) {
  const std::string name = "checkout-" + std::string(70, 'c');
  const auto answer =
      plan_of(replaced(good(), "metadata: {name: checkout-v2,", "metadata: {name: " + name + ","));
  EXPECT_EQ(answer.code, kFine) << answer.err;
  EXPECT_THAT(answer.out, ContainsRegex("weir.dev/canary: checkout-c*-[0-9a-f]+\n"));
}

}  // namespace
}  // namespace weir::cli
