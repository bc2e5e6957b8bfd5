#include <gmock/gmock.h>

#include <cmath>
#include <stdexcept>

#include "analysis/providers/prometheus/api.h"
#include "test/unit/analysis/scripted_prometheus.h"

namespace weir::analysis {
namespace {

constexpr std::string_view kAddress = "http://prometheus:9090";
const TimePoint kNow{std::chrono::milliseconds{1'700'000'000'900}};

QueryResult parse(const std::string& body, int status = 200) {
  return parse_answer(kAddress, {status, body});
}

TEST(QueryUrl, asks_for_a_whole_second_and_encodes_the_query) {
  EXPECT_EQ(query_url(kAddress, "up{job=\"a b\"} + 1", kNow),
            "http://prometheus:9090/api/v1/"
            "query?query=up%7Bjob%3D%22a%20b%22%7D%20%2B%201&time=1700000000&partial_response=false");
}

TEST(QueryUrl, keeps_a_path_prefix_and_tolerates_a_trailing_slash) {
  EXPECT_EQ(query_url("http://thanos/tenant/a/", "up", kNow),
            "http://thanos/tenant/a/api/v1/query?query=up&time=1700000000&partial_response=false");
}

TEST(QueryAnswer, of_a_vector_has_labels_and_values) {
  const auto result = parse(vector_answer({{{{"a", "1"}}, "0.25"}, {{{"a", "2"}}, "1e3"}}));
  ASSERT_TRUE(result);
  ASSERT_EQ(result->series.size(), 2U);
  EXPECT_EQ(result->series[0].labels, (Labels{{"a", "1"}}));
  EXPECT_EQ(result->series[0].value, 0.25);
  EXPECT_EQ(result->series[1].value, 1000);
}

TEST(QueryAnswer, of_a_scalar_is_one_series_without_labels) {
  const auto result = parse(R"({"status":"success","data":{"resultType":"scalar","result":[1,"7"]}})");
  ASSERT_TRUE(result);
  ASSERT_EQ(result->series.size(), 1U);
  EXPECT_EQ(result->series[0].value, 7);
  EXPECT_TRUE(result->series[0].labels.empty());
}

TEST(QueryAnswer, may_hold_values_that_are_no_finite_numbers) {
  const auto result = parse(vector_answer({{{}, "NaN"}, {{}, "+Inf"}, {{}, "-Inf"}}));
  ASSERT_TRUE(result);
  EXPECT_TRUE(std::isnan(result->series[0].value));
  EXPECT_EQ(result->series[1].value, INFINITY);
  EXPECT_EQ(result->series[2].value, -INFINITY);
}

TEST(QueryAnswer, hands_on_remarks) {
  const std::string remark = "PromQL info: metric might not be a counter";
  const auto result = parse(vector_answer({}, {remark}));
  ASSERT_TRUE(result);
  EXPECT_EQ(result->warnings, std::vector<std::string>{remark});
}

TEST(QueryAnswer, with_a_warning_is_none) {
  const auto result = parse(vector_answer({{{}, "99.9"}}, {"PromQL info: metric might not be a counter",
                                                           "fetch series: store-1 is not available"}));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Unavailable);
  EXPECT_THAT(result.error().message,
              testing::HasSubstr("answered with a warning: fetch series: store-1 is not available"));
}

TEST(QueryAnswer, of_a_wrong_query_is_a_rejection_in_the_words_of_prometheus) {
  const auto result = parse(error_answer("bad_data", "1:5: parse error: unexpected <eof>"), 400);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Rejected);
  EXPECT_EQ(result.error().message,
            "Prometheus at http://prometheus:9090 cannot evaluate the query: bad_data: 1:5: parse error: "
            "unexpected <eof>");
}

TEST(QueryAnswer, of_a_query_that_cannot_be_executed_is_a_rejection) {
  const auto result = parse(error_answer("execution", "many-to-many matching not allowed"), 422);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Rejected);
}

TEST(QueryAnswer, of_an_overloaded_server_is_no_answer) {
  const auto result = parse(error_answer("timeout", "query timed out"), 503);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Unavailable);
  EXPECT_EQ(result.error().message,
            "Prometheus at http://prometheus:9090 answered HTTP 503, timeout: query timed out");
}

TEST(QueryAnswer, of_something_else_is_quoted_on_one_line_of_ascii) {
  const auto result = parse("<html>\r\n<b>Bad\xC3\xA9 Gateway</b>", 502);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Unavailable);
  EXPECT_EQ(
      result.error().message,
      "Prometheus at http://prometheus:9090 answered HTTP 502, which is not an answer of the query API: "
      "<html> <b>Bad Gateway</b>");
}

TEST(QueryAnswer, of_something_long_is_cut) {
  const auto result = parse(std::string(5000, 'x'));
  ASSERT_FALSE(result);
  EXPECT_LT(result.error().message.size(), 500U);
}

TEST(QueryAnswer, that_is_huge_is_refused) {
  const auto result = parse(std::string(kMaxAnswerBytes + 1, ' '));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::TooLarge);
  EXPECT_TRUE(result.error().message.contains("4194304 bytes"));
}

TEST(QueryAnswer, cannot_make_a_message_long) {
  const std::string long_text(100'000, 'x');
  for (const std::string& body : {R"({"status":"error","errorType":")" + long_text + R"(","error":"e"})",
                                  R"({"status":"error","errorType":"e","error":")" + long_text + R"("})",
                                  R"({"status":")" + long_text + R"("})"}) {
    const auto result = parse(body);
    ASSERT_FALSE(result);
    EXPECT_LT(result.error().message.size(), 1000U);
  }
}

TEST(QueryAnswer, is_taken_with_few_of_its_warnings) {
  std::string warnings = R"("PromQL info: first")";
  for (int i = 0; i < 1000; ++i) warnings += R"(,"PromQL info: another")";
  const auto result = parse(R"({"status":"success","data":{"resultType":"vector","result":[]},"warnings":[)" +
                            warnings + "]}");
  ASSERT_TRUE(result);
  EXPECT_EQ(result->warnings.size(), 5U);
  EXPECT_EQ(result->warnings.front(), "PromQL info: first");
}

TEST(QueryAnswer, of_a_range_vector_says_what_is_needed) {
  const auto result = parse(R"({"status":"success","data":{"resultType":"matrix","result":[]}})");
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, QueryError::Kind::Rejected);
  EXPECT_EQ(result.error().message, "the query answers a matrix, an instant vector or a scalar is needed");
}

TEST(QueryAnswer, that_is_not_what_the_api_promises_is_an_error) {
  for (
      const std::string body : {
          "",
          "[]",
          "null",
          "\"success\"",
          R"({"status":"success"})",
          R"({"status":"success","data":[]})",
          R"({"status":"success","data":{"resultType":"vector"}})",
          R"({"status":"success","data":{"resultType":"vector","result":{}}})",
          R"({"status":"success","data":{"resultType":"vector","result":[1]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,""]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1x"]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":[],"value":[1,"1"]}]}})",
          R"({"status":"success","data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"1"]}]}})",
          R"({"status":"success","data":{"resultType":"scalar","result":[]}})",
          R"({"status":"success","data":{"resultType":"tensor","result":[]}})",
      }) {
    const auto result = parse(body);
    ASSERT_FALSE(result) << body;
    EXPECT_EQ(result.error().kind, QueryError::Kind::Unavailable) << body;
  }
}

TEST(Ask, sends_the_headers_and_how_the_server_is_verified) {
  ScriptedPrometheus prometheus;
  const Server server{std::string(kAddress),
                      {{"Authorization", "Bearer s3cret"}},
                      {.ca_bundle = "PEM", .insecure_skip_verify = true}};
  ASSERT_TRUE(ask(prometheus.fetch(), server, "up", kNow));
  const auto asked = prometheus.asked().at(0);
  EXPECT_EQ(asked.headers, server.headers);
  EXPECT_EQ(asked.tls, server.tls);
}

TEST(Ask, names_the_server_when_it_is_down) {
  ScriptedPrometheus prometheus;
  prometheus.is_down("connection refused");
  const Server server{"http://prometheus:9090/a", {}, {}};
  const auto result = ask(prometheus.fetch(), server, "up", kNow);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "Prometheus at http://prometheus:9090/a did not answer: connection refused");
}

TEST(Ask, does_not_ask_an_address_that_could_lead_elsewhere_and_does_not_show_it) {
  for (const std::string address : {"http://user:s3cret@prometheus",
                                    "http://user:s3/cret@prometheus",
                                    "http://user:1/s3cret@prometheus",
                                    "s3cret",
                                    "file:///s3cret",
                                    "HTTP://s3cret",
                                    "https://",
                                    "http:///s3cret",
                                    "http://:9090/s3cret",
                                    "http://s3cret:",
                                    "http://s3cret:p",
                                    "http://s3cret:123456",
                                    "http://s3cret:99999",
                                    "http://s3cret:0",
                                    "http://[::5]:65536/s3cret",
                                    "http://s3cret/latest?x=",
                                    "http://s3cret/latest#",
                                    "http://s3cret\\a",
                                    "http://s3cret a",
                                    "http://s3cret/a\r\nHost: b",
                                    "http://s3cret\xc3\xa9",
                                    "http://[s3cret]",
                                    "http://[]"}) {
    ScriptedPrometheus prometheus;
    const auto result = ask(prometheus.fetch(), {address, {}, {}}, "up", kNow);
    ASSERT_FALSE(result) << address;
    EXPECT_TRUE(result.error().message.starts_with("Prometheus is not asked: its address must ")) << address;
    EXPECT_FALSE(result.error().message.contains("s3cret")) << address;
    EXPECT_TRUE(prometheus.asked().empty()) << address;
  }
}

TEST(Ask, takes_names_ports_paths_and_ip_addresses) {
  for (const std::string address : {"http://prometheus", "https://prometheus.monitoring.svc:9090/",
                                    "http://10.0.0.1:65535/select/0/prometheus", "http://[fd00::1]:9090",
                                    "http://[::1]", "http://a_b-c/%41"}) {
    EXPECT_EQ(address_problem(address), std::nullopt) << address;
  }
}

TEST(Ask, without_an_address_says_that_none_is_set) {
  ScriptedPrometheus prometheus;
  const auto result = ask(prometheus.fetch(), Server{}, "up", kNow);
  ASSERT_FALSE(result);
  EXPECT_TRUE(result.error().message.starts_with("no Prometheus address is set"));
  EXPECT_TRUE(prometheus.asked().empty());
}

TEST(Ask, turns_an_exception_of_the_transport_into_an_error) {
  const Fetch throwing = [](const Request&) -> std::expected<Answer, std::string> {
    throw std::runtime_error("out of sockets");
  };
  const auto result = ask(throwing, {std::string(kAddress), {}, {}}, "up", kNow);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().message,
            "Prometheus at http://prometheus:9090 could not be asked: out of sockets");
}

}  // namespace
}  // namespace weir::analysis
