// How the credentials of a MetricTemplate reach the question that is asked.
#include <gmock/gmock.h>

#include "operator/base/base64.h"
#include "operator/reconcile/credentials.h"
#include "test/unit/reconcile/release.h"

namespace weir::reconcile {
namespace {

constexpr const char* kTemplate = R"(---
apiVersion: weir.dev/v1alpha1
kind: MetricTemplate
metadata: {name: errors, namespace: shop}
spec:
  query: up
  provider: {type: prometheus, address: "http://prometheus:9090", secretRef: {name: prometheus}}
)";

class MetricTemplateTest : public ::testing::Test, protected ReleaseWorld {
 protected:
  void SetUp() override {
    std::string objects = kObjects;
    const std::string metric = "{name: request-success-rate, thresholdRange: {min: 99}}";
    const auto at = objects.find(metric);
    ASSERT_NE(at, std::string::npos);
    objects.replace(at, metric.size(),
                    "{name: errors, templateRef: {name: errors}, thresholdRange: {max: 1}}");
    fill(objects + kTemplate);
  }

  // The metric that is asked about, with what is read for it when the desk comes to it, once the release has
  // its first step.
  analysis::Metric asked() {
    run(reconciler, [this] { return !analyst.asked.empty(); });
    EXPECT_FALSE(analyst.asked.empty()) << message();
    if (analyst.asked.empty()) return {};
    const auto& question = analyst.asked.front();
    EXPECT_TRUE(question.metrics.at(0).secret.empty()) << "the round has read it";
    return with_credentials(question.metrics, question.credentials,
                            [this](const kube::Key& secret) { return world.api.get(kube::kSecrets, secret); })
        .at(0);
  }

  void secret(const Json& data) {
    const auto made =
        world.api.create(kube::kSecrets, {{"apiVersion", "v1"},
                                          {"kind", "Secret"},
                                          {"metadata", {{"name", "prometheus"}, {"namespace", "shop"}}},
                                          {"data", data}});
    ASSERT_TRUE(made) << made.error().message;
  }

  Reconciler reconciler{world.api, world.api, world.stores, analyst, world.clock, {}};
};

TEST_F(MetricTemplateTest, sends_a_token_without_the_newline_at_its_end) {
  secret({{"token", base::encode_base64("s3cret\r\n")}});
  const auto metric = asked();
  EXPECT_EQ(metric.secret.at("token"), "s3cret");
  EXPECT_EQ(metric.problem, "");
}

TEST_F(MetricTemplateTest, whose_secret_cannot_be_read_has_a_problem_that_names_it) {
  const auto metric = asked();
  EXPECT_TRUE(metric.secret.empty());
  EXPECT_THAT(metric.problem,
              testing::HasSubstr("Secret shop/prometheus of MetricTemplate errors cannot be read: "));
}

}  // namespace
}  // namespace weir::reconcile
