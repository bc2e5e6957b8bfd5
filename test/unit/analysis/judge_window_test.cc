// Windows, and how they fit the interval in which Prometheus scrapes.
#include "test/unit/analysis/judging.h"

namespace weir::analysis {
namespace {

TEST_F(Judging, a_metric_with_its_own_interval_looks_at_that) {
  requests_are({requests("cart-v2", "200", "9")});
  auto metric = success_rate();
  metric.interval = Seconds{60};
  EXPECT_EQ(check(metric).message,
            "no requests reached checkout-v2 in the last 60s, and none reached checkout-v1");
  EXPECT_EQ(prometheus_.asked("_namespace=\"shop\"}[60s]").size(), 1U);
}

TEST_F(Judging, a_window_shorter_than_two_scrapes_is_widened_and_says_so) {
  requests_are({requests("checkout-v2", "200", "100")});
  scraped_every(15);
  window_.length = Seconds{10};
  const auto judgement = judge({success_rate()});
  EXPECT_EQ(judgement.outcome, Outcome::Pass);
  EXPECT_EQ(prometheus_.asked("_namespace=\"shop\"}[30s]").size(), 1U);
  EXPECT_EQ(judgement.warnings,
            std::vector<std::string>{
                "request-success-rate: a window of 10s is shorter than two scrapes (15s each): "
                "widened to 30s"});
}

TEST_F(Judging, a_custom_query_with_an_interval_is_widened_one_without_is_not) {
  scraped_every(15);
  window_.length = Seconds{10};
  auto metric = custom();
  EXPECT_TRUE(judge({metric}).warnings.empty());
  metric.query = "rate(queue[{{ interval }}])";
  EXPECT_EQ(judge({metric}).warnings.size(), 1U);
  EXPECT_EQ(prometheus_.asked("rate(queue[30s])").size(), 1U);
}

TEST_F(Judging, a_step_too_young_for_two_scrapes_is_held_whatever_one_scrape_says) {
  requests_are({requests("checkout-v2", "200", "100")});
  scraped_every(15);
  window_.length = Seconds{10};
  window_.earliest = window_.end - Seconds{12};
  auto metric = success_rate();
  metric.on_no_data = Policy::Fail;
  const auto result = check(metric);
  EXPECT_EQ(result.outcome, Outcome::Inconclusive);
  EXPECT_EQ(result.reason, "WindowTooShort");
  EXPECT_FALSE(result.too_early) << "the next interval holds no two scrapes either";
  EXPECT_TRUE(prometheus_.asked("sum by").empty());
}

TEST_F(Judging, a_first_interval_before_one_that_holds_two_scrapes_is_too_early_and_no_warning) {
  scraped_every(15);
  window_.length = Seconds{15};
  window_.earliest = window_.end - Seconds{15};
  auto longer = latency();
  longer.interval = Seconds{20};
  const auto judgement = judge({success_rate(), longer});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_TRUE(judgement.undecided);
  EXPECT_TRUE(judgement.too_early);
  EXPECT_TRUE(judgement.warnings.empty());
  EXPECT_EQ(
      judgement.message,
      "request-success-rate: a window of 15s is shorter than two scrapes (15s each), and the step is too "
      "young to widen it; the next interval holds them");
  EXPECT_EQ(judgement.checks[1].reason, "WindowTooShort");
}

TEST_F(Judging, an_interval_is_not_only_too_early_when_another_metric_has_no_data) {
  scraped_every(15);
  window_.length = Seconds{15};
  window_.earliest = window_.end - Seconds{15};
  const auto judgement = judge({success_rate(), custom()});
  EXPECT_EQ(judgement.outcome, Outcome::Inconclusive);
  EXPECT_FALSE(judgement.undecided);
  EXPECT_FALSE(judgement.too_early);
}

TEST_F(Judging, the_scrape_interval_is_learned_once_in_a_while) {
  requests_are({});
  (void)judge({success_rate(), latency()});
  window_.end += Seconds{300};
  (void)judge({success_rate()});
  EXPECT_EQ(prometheus_.asked(kScrapes).size(), 1U);
  window_.end += Seconds{301};
  (void)judge({success_rate()});
  EXPECT_EQ(prometheus_.asked(kScrapes).size(), 2U);
}

TEST_F(Judging, an_unknown_scrape_interval_is_asked_for_again_soon) {
  (void)judge({success_rate()});
  window_.end += Seconds{31};
  (void)judge({success_rate()});
  EXPECT_EQ(prometheus_.asked(kScrapes).size(), 2U);
}

TEST_F(Judging, a_long_window_needs_no_scrape_interval) {
  window_.length = Seconds{240};
  (void)judge({success_rate()});
  EXPECT_TRUE(prometheus_.asked(kScrapes).empty());
}

}  // namespace
}  // namespace weir::analysis
