// A Prometheus that answers what the test wrote down, and remembers what it was asked.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "analysis/judge.h"

namespace weir::analysis {

using Labels = std::map<std::string, std::string>;

// One sample of an instant vector.
struct Point {
  Labels labels;
  std::string value;
};

inline std::string vector_answer(const std::vector<Point>& points,
                                 const std::vector<std::string>& warnings = {}) {
  auto result = nlohmann::json::array();
  for (const auto& point : points) {
    result.push_back(
        {{"metric", point.labels}, {"value", nlohmann::json::array({1700000000.5, point.value})}});
  }
  nlohmann::json body{{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", result}}}};
  if (!warnings.empty()) body["warnings"] = warnings;
  return body.dump();
}

// A counter's samples: seconds since 1970 and values.
struct Line {
  Labels labels;
  std::vector<std::pair<double, double>> samples;
};

inline std::string samples_answer(const std::vector<Line>& lines) {
  auto result = nlohmann::json::array();
  for (const auto& line : lines) {
    auto values = nlohmann::json::array();
    for (const auto& [time, value] : line.samples) {
      values.push_back(nlohmann::json::array({time, std::to_string(value)}));
    }
    result.push_back({{"metric", line.labels}, {"values", values}});
  }
  return nlohmann::json{{"status", "success"}, {"data", {{"resultType", "matrix"}, {"result", result}}}}
      .dump();
}

inline std::string error_answer(const std::string& type, const std::string& message) {
  return nlohmann::json{{"status", "error"}, {"errorType", type}, {"error", message}}.dump();
}

// Requests of a workload with a response code, as the grouped built-in query answers them.
inline Point requests(const std::string& workload, const std::string& code, const std::string& count,
                      const std::string& grpc_status = "") {
  return {
      {{"destination_workload", workload}, {"response_code", code}, {"grpc_response_status", grpc_status}},
      count};
}

inline Point duration(const std::string& workload, const std::string& milliseconds) {
  return {{{"destination_workload", workload}}, milliseconds};
}

inline std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

class ScriptedPrometheus {
 public:
  struct Asked {
    std::string url;
    std::string query;  // decoded
    std::map<std::string, std::string> headers;
    Tls tls;
    std::optional<BasicAuth> basic_auth;
    Asker asker;
    std::size_t max_body = 0;
  };

  // Queries that contain `part` are answered so; of several that fit, the one written last counts.
  void answers(const std::string& part, std::string body, int status = 200) {
    script_.emplace_back(part, Answer{status, std::move(body)});
  }
  void is_down(std::string why) { down_ = std::move(why); }
  void is_back() { down_.clear(); }

  [[nodiscard]] Fetch fetch() {
    return [this](const Request& request) { return answer(request); };
  }

  [[nodiscard]] std::vector<Asked> asked(std::string_view part = {}) {
    const std::scoped_lock lock(mutex_);
    std::vector<Asked> found;
    for (const auto& each : asked_) {
      if (each.query.contains(part)) found.push_back(each);
    }
    return found;
  }

 private:
  std::expected<Answer, std::string> answer(const Request& request) {
    const auto& url = request.url;
    const auto start = url.find("query=") + 6;
    const auto query = percent_decode(std::string_view(url).substr(start, url.find("&time=") - start));
    const std::scoped_lock lock(mutex_);
    asked_.push_back(
        {url, query, request.headers, request.tls, request.basic_auth, request.asker, request.max_body});
    if (!down_.empty()) return std::unexpected(down_);
    for (auto entry = script_.rbegin(); entry != script_.rend(); ++entry) {
      if (query.contains(entry->first)) return entry->second;
    }
    return Answer{200, vector_answer({})};
  }

  std::mutex mutex_;
  std::vector<std::pair<std::string, Answer>> script_;
  std::vector<Asked> asked_;
  std::string down_;
};

}  // namespace weir::analysis
