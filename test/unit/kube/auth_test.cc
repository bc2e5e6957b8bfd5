#include "operator/kube/auth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "operator/kube/client.h"
#include "test/unit/kube/fake_transport.h"

namespace weir::kube {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;
using testing::HasSubstr;

class AuthTest : public testing::Test {
 protected:
  AuthTest() {
    fs::create_directories(folder);
    environment.variable = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    };
    environment.service_account = folder.string();
  }
  ~AuthTest() override { fs::remove_all(folder); }

  std::string write(const std::string& name, const std::string& content) {
    std::ofstream(folder / name) << content;
    return (folder / name).string();
  }
  Connection load(const ConnectionChoice& choice = {}) {
    const auto loaded = load_connection(choice, clock, environment);
    EXPECT_TRUE(loaded) << loaded.error();
    return loaded.value_or(Connection{});
  }
  std::string error(const ConnectionChoice& choice = {}) {
    const auto loaded = load_connection(choice, clock, environment);
    return loaded ? "" : loaded.error();
  }
  // A kubeconfig with one cluster and one user of these fields.
  std::string kubeconfig(const std::string& cluster, const std::string& user,
                         const std::string& context = "") {
    return write("config", R"(
current-context: here
contexts: [{name: here, context: {cluster: c, user: u)" +
                               context + R"(}}]
clusters: [{name: c, cluster: {)" +
                               cluster + R"(}}]
users: [{name: u, user: {)" + user +
                               R"(}}]
)");
  }

  fs::path folder = fs::path(testing::TempDir()) / ("weir-auth-" + std::to_string(getpid()));
  std::map<std::string, std::string> variables;
  Environment environment;
  base::VirtualClock clock;
};

TEST_F(AuthTest, reads_server_token_and_namespace_of_the_current_context) {
  const auto connection =
      load({kubeconfig("server: https://api:6443/", "token: abc", ", namespace: shop"), ""});
  EXPECT_EQ(connection.base_url, "https://api:6443");
  EXPECT_EQ(connection.token->value(), "abc");
  EXPECT_EQ(connection.name_space, "shop");
  EXPECT_FALSE(connection.tls.insecure_skip_verify);
}

TEST_F(AuthTest, looks_in_namespace_default_without_another) {
  EXPECT_EQ(load({kubeconfig("server: https://api", ""), ""}).name_space, "default");
}

TEST_F(AuthTest, reads_certificates_inline_before_files_and_files_beside_the_kubeconfig) {
  write("ca.pem", "CA");
  write("key.pem", "KEY");
  const auto connection = load({kubeconfig("server: https://api, certificate-authority: ca.pem",
                                           "client-certificate-data: Q0VS VA==, client-certificate: nowhere, "
                                           "client-key: key.pem"),
                                ""});
  EXPECT_EQ(connection.tls.ca, "CA");
  EXPECT_EQ(connection.tls.client_cert, "CERT");
  EXPECT_EQ(connection.tls.client_key, "KEY");
}

TEST_F(AuthTest, names_the_field_whose_data_or_file_cannot_be_read) {
  EXPECT_THAT(error({kubeconfig("server: https://api, certificate-authority-data: '?'", ""), ""}),
              HasSubstr("certificate-authority-data of cluster c"));
  EXPECT_THAT(error({kubeconfig("server: https://api", "client-key: missing.pem"), ""}),
              HasSubstr("client-key of user u"));
}

TEST_F(AuthTest, reads_the_token_file_again_as_it_rotates) {
  write("token", "one\n");
  const auto connection = load({kubeconfig("server: https://api", "tokenFile: token"), ""});
  EXPECT_EQ(connection.token->value(), "one");
  write("token", "two\n");
  EXPECT_EQ(connection.token->value(), "one");
  clock.advance(seconds(60));
  EXPECT_EQ(connection.token->value(), "two");
}

TEST_F(AuthTest, keeps_the_last_token_while_its_file_is_gone) {
  Token token(write("token", "one"), clock);
  EXPECT_EQ(token.value(), "one");
  fs::remove(folder / "token");
  clock.advance(seconds(61));
  EXPECT_EQ(token.value(), "one");
}

TEST_F(AuthTest, sends_a_request_again_with_the_new_token_after_a_401) {
  const auto token = std::make_shared<Token>(write("token", "one"), clock);
  EXPECT_EQ(token->value(), "one");
  write("token", "two");
  FakeTransport transport;
  transport.answers = {answer(401), answer(200)};
  ClientOptions options;
  options.base_url = "https://api";
  Client client(transport, token, clock, options);
  EXPECT_TRUE(client.get(kPods, {"shop", "web"}));
  EXPECT_EQ(transport.requests[0].headers.at("Authorization"), "Bearer one");
  EXPECT_EQ(transport.requests[1].headers.at("Authorization"), "Bearer two");
}

TEST_F(AuthTest, honours_skipped_verification) {
  EXPECT_TRUE(load({kubeconfig("server: https://api, insecure-skip-tls-verify: true", ""), ""})
                  .tls.insecure_skip_verify);
}

TEST_F(AuthTest, refuses_what_it_cannot_honour_and_says_what_works) {
  for (const char* user :
       {"exec: {command: aws}", "auth-provider: {name: gcp}", "username: me, password: x", "as: root"}) {
    const std::string said = error({kubeconfig("server: https://api", user), ""});
    EXPECT_THAT(said, HasSubstr("is not supported")) << user;
    EXPECT_THAT(said, HasSubstr("user u")) << user;
  }
  EXPECT_THAT(error({kubeconfig("server: https://api, proxy-url: http://p", ""), ""}),
              HasSubstr("proxy-url"));
  EXPECT_THAT(error({kubeconfig("server: https://api, tls-server-name: x", ""), ""}),
              HasSubstr("tls-server-name"));
}

TEST_F(AuthTest, names_a_context_cluster_or_user_that_is_missing) {
  const std::string path = kubeconfig("server: https://api", "");
  EXPECT_THAT(error({path, "there"}), HasSubstr("no context \"there\""));
  EXPECT_THAT(
      error({write("config", "current-context: a\ncontexts: [{name: a, context: {cluster: x}}, text]"), ""}),
      HasSubstr("no cluster \"x\""));
  EXPECT_THAT(error({write("config", "contexts: []"), ""}), HasSubstr("no current-context"));
}

TEST_F(AuthTest, says_what_is_wrong_with_a_file) {
  EXPECT_THAT(error({"/nonexistent/config", ""}), HasSubstr("no such file"));
  EXPECT_THAT(error({write("config", "a: [b"), ""}), HasSubstr("config: "));
  EXPECT_THAT(error({write("config", "text"), ""}), HasSubstr("no current-context"));
  EXPECT_THAT(error({write("config", std::string(2'000'000, '#')), ""}), HasSubstr("larger than"));
  EXPECT_THAT(error({kubeconfig("server: api:6443", ""), ""}), HasSubstr("not a http or https URL"));
  EXPECT_THAT(error({kubeconfig("server: \"https://\"", ""), ""}),
              HasSubstr("is \"https://\", not a http or https URL"));
}

TEST_F(AuthTest, is_not_slowed_by_aliases_of_aliases) {
  std::string bomb = "a0: &a0 [x, x]\n";
  for (int i = 1; i < 60; ++i) {
    const std::string before = std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + before + ", *a" + before + "]\n";
  }
  EXPECT_THAT(error({write("config", bomb + "current-context: a\ncontexts: *a59\n"), ""}),
              HasSubstr("no context"));
}

TEST_F(AuthTest, merges_the_files_of_the_variable_and_the_first_wins) {
  const std::string first = write("first", R"(
users: [{name: u, user: {token: first}}]
)");
  const std::string second = kubeconfig("server: https://api", "token: second");
  variables["KUBECONFIG"] = "/nonexistent:" + first + ":" + second;
  const auto connection = load();
  EXPECT_EQ(connection.token->value(), "first");
  EXPECT_EQ(connection.base_url, "https://api");
}

TEST_F(AuthTest, takes_the_service_account_in_a_pod) {
  write("token", "inside");
  write("ca.crt", "CA");
  write("namespace", "weir-system\n");
  variables = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}, {"KUBERNETES_SERVICE_PORT", "6443"}};
  const auto connection = load();
  EXPECT_EQ(connection.base_url, "https://10.0.0.1:6443");
  EXPECT_EQ(connection.tls.ca, "CA");
  EXPECT_EQ(connection.token->value(), "inside");
  EXPECT_EQ(connection.name_space, "weir-system");
  variables["KUBERNETES_SERVICE_HOST"] = "fd00::1";
  EXPECT_EQ(load().base_url, "https://kubernetes.default.svc:6443");
  fs::remove(folder / "ca.crt");
  EXPECT_THAT(error(), HasSubstr("ca.crt"));
}

TEST_F(AuthTest, prefers_the_kubeconfig_it_is_given_to_the_service_account) {
  variables = {{"KUBERNETES_SERVICE_HOST", "10.0.0.1"}};
  EXPECT_EQ(load({kubeconfig("server: https://api", ""), ""}).base_url, "https://api");
}

TEST_F(AuthTest, falls_back_to_the_file_in_the_home_folder) {
  kubeconfig("server: https://api", "");
  fs::create_directories(folder / ".kube");
  fs::rename(folder / "config", folder / ".kube/config");
  variables["HOME"] = folder.string();
  EXPECT_EQ(load().base_url, "https://api");
}

}  // namespace
}  // namespace weir::kube
