#include "operator/base/args.h"

#include <gtest/gtest.h>

namespace weir::base {
namespace {

const Command kStatus{
    "status",
    "NAME [flags]",
    "Shows a release.",
    1,
    1,
    {{"watch", 'w', "", "live"}, {"namespace", 'n', "NAME", "where"}, {"context", 0, "NAME", "which"}}};

std::expected<Arguments, std::string> parse(const std::vector<std::string>& words) {
  return parse_arguments(kStatus, words);
}

TEST(Arguments, take_flags_in_every_form_and_anywhere) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"-n", "shop", "web"},
                                                                 {"web", "-nshop"},
                                                                 {"web", "-n=shop"},
                                                                 {"--namespace", "shop", "web"},
                                                                 {"web", "--namespace=shop"}}) {
    const auto read = parse(words);
    ASSERT_TRUE(read) << read.error();
    EXPECT_EQ(read->value("namespace"), "shop");
    EXPECT_EQ(read->rest, std::vector<std::string>{"web"});
    EXPECT_FALSE(read->has("watch"));
  }
}

TEST(Arguments, keep_a_value_that_looks_like_a_flag) {
  EXPECT_EQ(parse({"web", "-n", "-w"})->value("namespace"), "-w");
  EXPECT_EQ(parse({"web", "--namespace="})->value("namespace", "x"), "");
}

TEST(Arguments, end_flags_at_two_dashes_and_take_one_dash_as_it_is) {
  EXPECT_EQ(parse({"--", "-w"})->rest, std::vector<std::string>{"-w"});
  EXPECT_EQ(parse({"-"})->rest, std::vector<std::string>{"-"});
}

TEST(Arguments, list_the_accepted_flags_where_one_is_unknown) {
  EXPECT_EQ(parse({"web", "--all"}).error(),
            "unknown flag --all: status accepts -w/--watch, -n/--namespace, --context");
  EXPECT_EQ(parse({"web", "-x"}).error().substr(0, 16), "unknown flag -x:");
}

TEST(Arguments, refuse_values_where_none_is_taken_and_the_lack_of_one) {
  EXPECT_EQ(parse({"web", "--watch=yes"}).error(), "--watch=yes: --watch takes no value");
  EXPECT_EQ(parse({"web", "-n"}).error(), "--namespace needs a value: NAME");
}

TEST(Arguments, refuse_too_few_and_too_many_words) {
  EXPECT_EQ(parse({}).error(), "an argument is missing: usage is kubectl weir status NAME [flags]");
  EXPECT_EQ(parse({"a", "b"}).error(),
            "too many arguments, \"b\": usage is kubectl weir status NAME [flags]");
  EXPECT_EQ(
      parse({"1", "2", "3", "4", "5", "6", "7"}).error(),
      "too many arguments, \"2\", \"3\", \"4\", \"5\", \"6\" and 1 more: usage is kubectl weir status NAME "
      "[flags]");
}

TEST(Arguments, are_those_of_the_program_where_it_has_no_commands) {
  const Command program{.name = "",
                        .arguments = "[flags]",
                        .meaning = "Runs.",
                        .min_arguments = 0,
                        .max_arguments = 0,
                        .flags = {{"listen", 0, "ADDRESS", "where"}},
                        .program = "weir-operator"};
  const auto error = [&](const std::string& word) {
    return parse_arguments(program, std::vector<std::string>{word}).error();
  };
  EXPECT_EQ(error("--bogus"), "unknown flag --bogus: weir-operator accepts --listen");
  EXPECT_EQ(error("bogus"), "too many arguments, \"bogus\": usage is weir-operator [flags]");
}

TEST(Arguments, count_as_given_last_or_add_up_where_they_are_lists) {
  const Command program{
      .name = "",
      .arguments = "[flags]",
      .meaning = "Runs.",
      .min_arguments = 0,
      .max_arguments = 0,
      .flags = {{"listen", 0, "ADDRESS", "where"}, {"trusted", 0, "NAMES", "whom", /*is_list=*/true}}};
  const auto read = [&](const std::vector<std::string>& words) {
    return parse_arguments(program, words).value();
  };
  EXPECT_EQ(read({"--listen=a:1", "--listen=b:1"}).value("listen"), "b:1");
  EXPECT_EQ(read({"--trusted=edge,web", "--trusted=gateways"}).value("trusted"), "edge,web,gateways");
  EXPECT_EQ(read({"--trusted=", "--trusted=edge", "--trusted="}).value("trusted"), "edge");
  EXPECT_EQ(read({"--trusted="}).value("trusted", "otherwise"), "");
}

TEST(Arguments, conflict_where_one_makes_the_other_meaningless) {
  const auto of = [](const std::vector<std::string>& words) {
    return conflict(*parse(words), "namespace", "context", "a context has a namespace");
  };
  EXPECT_EQ(of({"web", "-n", "shop", "--context=kind"}),
            "--namespace and --context: give one of them; a context has a namespace");
  EXPECT_EQ(of({"web", "-n", "shop"}), std::nullopt);
  EXPECT_EQ(of({"web", "--context=kind"}), std::nullopt);
}

TEST(Arguments, are_explained_by_usage) {
  EXPECT_NE(usage(kStatus).find("  -n, --namespace NAME"), std::string::npos);
  EXPECT_NE(usage(kStatus).find("      --context NAME"), std::string::npos);
}

}  // namespace
}  // namespace weir::base
