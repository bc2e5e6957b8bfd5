#include "operator/process/options.h"

#include <gmock/gmock.h>

#include <vector>

namespace weir {
namespace {

using ::testing::HasSubstr;

std::expected<Options, std::string> parse(const std::vector<std::string>& words) {
  return parse_options(words);
}

TEST(Options, have_defaults_that_run_in_a_pod) {
  const auto options = parse({});
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->kubeconfig.empty());
  EXPECT_EQ(options->listen, "[::]:8080");
  EXPECT_FALSE(options->cross_namespace_refs);
  EXPECT_FALSE(options->sharding);
  EXPECT_EQ(options->trusted, routing::TrustedNamespaces{"istio-system"});
}

TEST(Options, say_in_the_help_what_they_are_by_default) {
  const Options defaults;
  const auto text = options_usage();
  EXPECT_THAT(text, HasSubstr("; default: " + defaults.listen + "\n"));
  EXPECT_THAT(text, HasSubstr("; default: " + std::to_string(defaults.qps) + "\n"));
  EXPECT_THAT(text, HasSubstr("json or text; default: json\n"));
  EXPECT_THAT(text,
              HasSubstr("without it $KUBECONFIG, then the ServiceAccount of the pod, then ~/.kube/config"));
  EXPECT_THAT(text, HasSubstr("of another namespace; default: false\n"));
}

TEST(Options, are_read_as_the_chart_writes_them) {
  const auto options = parse({"--metrics-server=http://p:9090", "--namespace=shop", "--log-format=text",
                              "--leader-election=true", "--sharding=false", "--threads=8", "--kube-qps=20"});
  ASSERT_TRUE(options) << options.error();
  EXPECT_EQ(options->prometheus, "http://p:9090");
  EXPECT_EQ(options->name_space, "shop");
  EXPECT_FALSE(options->log_json);
  EXPECT_TRUE(options->leader_election);
  EXPECT_FALSE(options->sharding);
  EXPECT_EQ(options->threads, 8);
  EXPECT_EQ(options->qps, 20);
  EXPECT_EQ(parse({"--trusted-namespaces=istio-system,edge"})->trusted,
            (routing::TrustedNamespaces{"edge", "istio-system"}));
  EXPECT_TRUE(parse({"--trusted-namespaces="})->trusted.empty());
  EXPECT_EQ(parse({"--trusted-namespaces=edge", "--trusted-namespaces=web"})->trusted,
            (routing::TrustedNamespaces{"edge", "web"}));
}

TEST(Options, refuse_a_lease_name_that_is_too_long_for_sharding) {
  const std::string longest(63, 'a');
  EXPECT_TRUE(parse({"--sharding=true", "--lease-name=" + longest}));
  EXPECT_TRUE(parse({"--leader-election=true", "--lease-name=a" + longest}));
  EXPECT_THAT(parse({"--lease-name=a" + longest, "--sharding=true"}).error(),
              HasSubstr("a: accepted is a name of at most 63 characters where --sharding=true"));
}

TEST(Options, refuse_an_address_of_prometheus_that_holds_a_password_without_showing_it) {
  const auto refused = parse({"--metrics-server=http://user:s3cret@p:9090"});
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error(), HasSubstr("--metrics-server must hold no user and no password"));
  EXPECT_THAT(refused.error(), ::testing::Not(HasSubstr("s3cret")));
}

TEST(Options, refuse_an_address_of_prometheus_with_a_port_that_there_is_not) {
  for (const std::string port : {"0", "65536", "99999"}) {
    EXPECT_THAT(parse({"--metrics-server=http://p:" + port}).error(),
                HasSubstr("http://host:port/path, with a port from 1 to 65535"));
  }
  EXPECT_TRUE(parse({"--metrics-server=http://p:65535"}));
}

// Nothing would be judged, and every release would wait for its deadline.
TEST(Options, refuse_to_run_without_a_prometheus) {
  EXPECT_THAT(parse({"--metrics-server="}).error(), HasSubstr("--metrics-server must"));
}

TEST(Options, refuse_to_share_the_releases_and_to_take_turns_at_once) {
  EXPECT_THAT(parse({"--leader-election=true", "--sharding=true"}).error(),
              AllOf(HasSubstr("--leader-election is true and --sharding is true"),
                    HasSubstr("set one of them to false")));
  EXPECT_TRUE(parse({"--leader-election=false", "--sharding=true"})->sharding);
}

TEST(Options, name_the_flag_the_value_and_what_is_accepted) {
  EXPECT_THAT(parse({"--cluster-domain=Corp_1"}).error(),
              HasSubstr("--cluster-domain=Corp_1: accepted is a DNS name such as cluster.local"));
  EXPECT_THAT(parse({"--cluster-domain="}).error(), HasSubstr("--cluster-domain=: accepted"));
  EXPECT_EQ(parse({"--cluster-domain=corp.internal"})->cluster_domain, "corp.internal");
  EXPECT_THAT(parse({"--trusted-namespaces=Edge"}).error(),
              HasSubstr("--trusted-namespaces=Edge: accepted is names of namespaces"));
  for (const std::string threads : {"0", "2147483647", "99999999999"})
    EXPECT_THAT(parse({"--threads=" + threads}).error(),
                HasSubstr("--threads=" + threads + ": accepted is a whole number from 1 to 1000"));
  for (const std::string listen : {"nonsense", "127.0.0.1", "127.0.0.1:", ":8080", "a:0", "a:99999", "::1:80",
                                   "a/b:80", "*:80", "[]:80", "[a]:80", "[::1:80", "::1]:80"})
    EXPECT_THAT(parse({"--listen=" + listen}).error(),
                HasSubstr("--listen=" + listen + ": accepted is ADDRESS:PORT"));
  EXPECT_EQ(parse({"--listen=[::1]:65535"})->listen, "[::1]:65535");
  for (const std::string flag : {"--lease-name=", "--lease-name=Bad Name", "--lease-namespace=No/Such",
                                 "--namespace=Bad_", "--namespace=a.b", "--namespace=", "--lease-name=a..b"})
    EXPECT_THAT(parse({flag}).error(), HasSubstr(flag + ": accepted is lower-case letters"));
  EXPECT_THAT(parse({"--log-level=loud"}).error(), HasSubstr("--log-level=loud: accepted is debug or info"));
  EXPECT_THAT(parse({"--leader-election=yes"}).error(), HasSubstr("true or false"));
  EXPECT_THAT(parse({"--no-such-flag"}).error(), HasSubstr("no-such-flag"));
}

}  // namespace
}  // namespace weir
