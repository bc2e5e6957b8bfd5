#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <sstream>

#include "operator/canary/canary.h"
#include "operator/cli/cli.h"
#include "operator/offline/memory_api.h"
#include "test/unit/kube/forwarding_api.h"

namespace weir::cli {
namespace {

using kube::Json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

Json canary_object(const std::string& phase) {
  Json object = Json::parse(R"({
    "apiVersion": "weir.dev/v1alpha1", "kind": "Canary",
    "metadata": {"name": "checkout-v2", "namespace": "shop"},
    "spec": {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout-v2"},
             "service": {"name": "checkout"},
             "analysis": {"interval": "30s", "threshold": 5, "stepWeight": 10, "maxWeight": 50,
                          "metrics": [{"name": "request-success-rate", "thresholdRange": {"min": 99}}]}},
    "status": {"message": "moving", "target": "checkout-v2"}})");
  object["status"]["phase"] = phase;
  return object;
}

// Passes calls on to an API that outlives the connection; some of them fail.
class Borrowed final : public kube::ForwardingApi {
 public:
  Borrowed(kube::Api& api, int& failures, kube::Code code)
      : ForwardingApi(api), failures_(failures), code_(code) {}

  kube::Result<Json> get(const kube::Resource& resource, const kube::Key& key) override {
    if (code_ != kube::Code::Conflict && failures_ > 0 && failures_-- > 0) {
      return std::unexpected(kube::Error{.code = code_, .message = "the API server does not answer"});
    }
    return ForwardingApi::get(resource, key);
  }
  kube::Result<Json> update(const kube::Resource& resource, const Json& before, const Json& after) override {
    if (code_ == kube::Code::Conflict && failures_ > 0 && failures_-- > 0) {
      return std::unexpected(kube::Error{.code = code_, .message = "changed meanwhile"});
    }
    return ForwardingApi::update(resource, before, after);
  }

 private:
  int& failures_;
  kube::Code code_;
};

class Commands : public testing::Test {
 protected:
  int run(const std::vector<std::string>& words) {
    out_.str("");
    err_.str("");
    Console console{in_,
                    out_,
                    err_,
                    clock_,
                    [this] { return screen_; },
                    [this](std::chrono::milliseconds time) {
                      clock_.advance(time);
                      ++sleeps_;
                      if (on_sleep_) on_sleep_();
                    }};
    return cli::run(words, console, [this](const Access& access) -> std::expected<Cluster, std::string> {
      access_ = access;
      if (!refusal_.empty()) return std::unexpected(refusal_);
      return Cluster{std::make_shared<Borrowed>(api_, failures_, failure_), "shop"};
    });
  }

  void put(const std::string& phase) { api_.put(kube::kCanaries, canary_object(phase)); }

  Json stored() { return api_.get(kube::kCanaries, {"shop", "checkout-v2"}).value(); }

  base::VirtualClock clock_;
  offline::MemoryApi api_{clock_};
  std::istringstream in_;
  std::ostringstream out_, err_;
  Screen screen_;
  Access access_;
  std::string refusal_;
  std::function<void()> on_sleep_;
  int sleeps_ = 0;
  int failures_ = 0;
  kube::Code failure_ = kube::Code::Unavailable;
};

TEST_F(Commands, are_explained_without_a_cluster) {
  refusal_ = "no cluster";
  EXPECT_EQ(run({}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("rollback"));
  EXPECT_EQ(run({"help", "status"}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("--watch"));
  EXPECT_EQ(run({"rollback", "--help"}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("--reason TEXT"));
  EXPECT_EQ(run({"version"}), kFine);
  EXPECT_EQ(out_.str(), "kubectl-weir " WEIR_VERSION "\n");
}

TEST_F(Commands, refuse_what_they_do_not_know_with_what_they_do) {
  EXPECT_EQ(run({"promote"}), kRefused);
  EXPECT_EQ(err_.str(),
            "no command promote: there are status, plan, simulate, backtest, rollback, version, help\n");
  EXPECT_EQ(run({"help", "promote"}), kRefused);
  EXPECT_EQ(run({"status", "checkout-v2", "--wait"}), kRefused);
  EXPECT_THAT(err_.str(),
              HasSubstr("status accepts -w/--watch, -o/--output, -n/--namespace, --context, --kubeconfig"));
  EXPECT_EQ(run({"status", "checkout-v2", "-o", "wide"}), kRefused);
  EXPECT_EQ(err_.str(), "-o wide: status accepts json\n");
}

TEST_F(Commands, refuse_what_no_canary_is_called_before_the_cluster_is_asked) {
  refusal_ = "no cluster is to be asked";
  EXPECT_EQ(run({"status", ""}), kRefused);
  EXPECT_EQ(err_.str(), "\"\" is no name of a Canary: status accepts NAME, and its namespace by -n\n");
  EXPECT_EQ(run({"rollback", "shop/checkout-v2"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("\"shop/checkout-v2\" is no name of a Canary: rollback accepts NAME"));
  EXPECT_EQ(run({"status", "Checkout"}), kRefused);
  EXPECT_THAT(err_.str(), StartsWith("\"Checkout\" is no name of a Canary: accepted is lower-case letters"));
  EXPECT_EQ(run({"status", "checkout-v2", "-n", "../x"}), kRefused);
  EXPECT_THAT(err_.str(), StartsWith("--namespace ../x: it takes lower-case letters"));
}

TEST_F(Commands, hand_the_choice_of_cluster_on) {
  refusal_ = "kubeconfig has no context blue";
  EXPECT_EQ(run({"status", "checkout-v2", "--context", "blue", "--kubeconfig=/k"}), kFailed);
  EXPECT_EQ(access_.context, "blue");
  EXPECT_EQ(access_.kubeconfig, "/k");
  EXPECT_EQ(err_.str(), "kubeconfig has no context blue\n");
}

TEST_F(Commands, say_where_to_look_for_a_canary_that_is_not_there) {
  EXPECT_EQ(run({"status", "checkout-v9", "-n", "other"}), kFailed);
  EXPECT_THAT(err_.str(),
              StartsWith("no Canary other/checkout-v9: kubectl get canaries.weir.dev -A lists all"));
}

TEST_F(Commands, tell_a_cluster_without_weir_from_a_canary_that_is_not_there) {
  for (const std::string said : {"404 page not found", "the server could not find the requested resource"}) {
    const kube::Error error{kube::Code::NotFound, 404, "get Canary shop/x: " + said, "", std::nullopt};
    EXPECT_THAT(explain(error, {"shop", "x"}), StartsWith("the API server has no kind Canary: "));
  }
}

TEST_F(Commands, show_a_release_once_whatever_its_phase) {
  put("Failed");
  EXPECT_EQ(run({"status", "checkout-v2"}), kFine);
  EXPECT_THAT(out_.str(), StartsWith("Canary    shop/checkout-v2\n"));
  EXPECT_EQ(sleeps_, 0);
}

TEST_F(Commands, give_a_release_as_json_to_other_programs) {
  put("Progressing");
  EXPECT_EQ(run({"status", "checkout-v2", "-o", "json"}), kFine);
  const Json shown = Json::parse(out_.str());
  EXPECT_EQ(shown["canary"], stored());
  EXPECT_EQ(shown["events"], Json::array());
}

TEST_F(Commands, watch_until_success_and_print_one_line_a_change) {
  put("Progressing");
  on_sleep_ = [this] {
    if (sleeps_ == 3) put("Succeeded");
  };
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFine);
  EXPECT_EQ(out_.str(),
            "shop/checkout-v2 Progressing 0 % step 0/5 failed 0/5: moving\n"
            "shop/checkout-v2 Succeeded 0 % step 0/5 failed 0/5: moving\n");
}

// The operator has not seen the edit yet.
TEST_F(Commands, do_not_take_the_end_of_the_last_release_for_that_of_the_next) {
  auto next = canary_object("Succeeded");
  next["spec"]["targetRef"]["name"] = "checkout-v3";
  api_.put(kube::kCanaries, next);
  on_sleep_ = [this] {
    auto over = stored();
    over["status"]["phase"] = sleeps_ < 3 ? "Progressing" : "Failed";
    over["status"]["target"] = "checkout-v3";
    api_.put(kube::kCanaries, over);
  };
  EXPECT_EQ(run({"status", "checkout-v2"}), kFine);
  EXPECT_THAT(out_.str(),
              HasSubstr("this was the release of checkout-v2; that of checkout-v3 has not begun"));
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFailed);
}

TEST_F(Commands, watch_until_failure_and_say_so_by_the_exit_code) {
  put("RollingBack");
  on_sleep_ = [this] { put("Failed"); };
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFailed);
}

TEST_F(Commands, redraw_in_place_on_a_terminal) {
  screen_ = {.width = 80, .height = 5, .live = true};
  put("Progressing");
  on_sleep_ = [this] { put("Succeeded"); };
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFine);
  EXPECT_THAT(out_.str(), StartsWith("Canary    shop/checkout-v2\n"));
  EXPECT_THAT(out_.str(), HasSubstr("\n\x1b[4A\r\x1b[JCanary"));
}

TEST_F(Commands, keep_watching_while_the_api_server_is_away_for_a_while) {
  put("Progressing");
  on_sleep_ = [this] {
    if (sleeps_ == 1) failures_ = 20;
    if (sleeps_ == 30) put("Succeeded");
  };
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFine);
  EXPECT_THAT(out_.str(), HasSubstr("the API server does not answer\n"));
  on_sleep_ = [this] { failures_ = 1; };
  put("Progressing");
  failures_ = 0;
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFailed);
  EXPECT_EQ(err_.str(), "the API server does not answer\n");
}

TEST_F(Commands, end_the_watch_when_the_canary_is_deleted) {
  put("Progressing");
  on_sleep_ = [this] { api_.erase(kube::kCanaries, {"shop", "checkout-v2"}); };
  EXPECT_EQ(run({"status", "checkout-v2", "-w"}), kFailed);
  EXPECT_THAT(err_.str(), StartsWith("no Canary shop/checkout-v2"));
}

TEST_F(Commands, ask_for_a_rollback_by_annotation) {
  put("Progressing");
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", "errors in the shop"}), kFine);
  EXPECT_EQ(out_.str(), "shop/checkout-v2 will be rolled back: errors in the shop\n");
  EXPECT_EQ(stored()["metadata"]["annotations"]["weir.dev/rollback"], "errors in the shop");
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", "again"}), kFine);
  EXPECT_EQ(out_.str(), "shop/checkout-v2 is being rolled back already\n");
  EXPECT_EQ(stored()["metadata"]["annotations"]["weir.dev/rollback"], "errors in the shop");
}

TEST_F(Commands, never_leave_a_rollback_without_a_reason) {
  put("Progressing");
  EXPECT_EQ(run({"rollback", "checkout-v2"}), kFine);
  EXPECT_EQ(stored()["metadata"]["annotations"]["weir.dev/rollback"], "asked for with kubectl weir rollback");
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", " "}), kRefused);
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", "caf\xE9"}), kRefused);
  EXPECT_EQ(err_.str(), "--reason must say why in 1 to 1024 characters of UTF-8\n");
}

TEST_F(Commands, refuse_to_roll_back_what_is_over) {
  put("Succeeded");
  EXPECT_EQ(run({"rollback", "checkout-v2"}), kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("has succeeded"));
  put("Failed");
  EXPECT_EQ(run({"rollback", "checkout-v2"}), kRefused);
  EXPECT_EQ(err_.str(), "shop/checkout-v2 was taken back already: moving\n");
  EXPECT_FALSE(stored()["metadata"].contains("annotations"));
}

TEST_F(Commands, read_again_before_they_repeat_a_rollback_that_met_another_writer) {
  put("Progressing");
  failure_ = kube::Code::Conflict;
  failures_ = 2;
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", "x"}), kFine);
  EXPECT_EQ(sleeps_, 2);
  put("Progressing");
  failures_ = 1;
  on_sleep_ = [this] { put("Succeeded"); };
  EXPECT_EQ(run({"rollback", "checkout-v2", "--reason", "x"}), kRefused);
}

}  // namespace
}  // namespace weir::cli
