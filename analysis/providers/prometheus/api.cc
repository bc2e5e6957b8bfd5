#include "analysis/providers/prometheus/api.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

namespace weir::analysis {
namespace {

using Json = nlohmann::json;

// Bytes of a foreign answer that a message repeats.
constexpr std::size_t kMaxExcerptBytes = 300;
// Of one answer; more of them say nothing more.
constexpr std::size_t kMaxWarnings = 5;
constexpr double kLatestTime = 1e12;  // of a sample, in seconds since 1970
constexpr std::array<std::string_view, 2> kSchemes{"http://", "https://"};

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.contains(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

// The beginning of a foreign text on one line of printable ASCII, so that it can be part of a sentence.
std::string excerpt(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kMaxExcerptBytes)) {
    const bool printable = c > ' ' && c <= '~';
    if (printable) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  if (text.size() > kMaxExcerptBytes) out += "...";
  return out;
}

QueryError unavailable(std::string_view address, const std::string& what) {
  return {QueryError::Kind::Unavailable, "Prometheus at " + std::string(address) + " " + what};
}

// A string member of an object that may be anything; empty if it is not there.
std::string text_of(const Json& object, const char* member) {
  if (!object.is_object()) return {};
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

QueryError refusal(std::string_view address, int status, const Json& body) {
  const std::string type = text_of(body, "errorType");
  const std::string words = excerpt(type) + ": " + excerpt(text_of(body, "error"));
  if (type == "bad_data" || type == "execution") {
    return {QueryError::Kind::Rejected,
            "Prometheus at " + std::string(address) + " cannot evaluate the query: " + words};
  }
  return unavailable(address, "answered HTTP " + std::to_string(status) + ", " + words);
}

QueryError unexpected(std::string_view address, const Answer& answer) {
  if (answer.body.empty()) {
    return unavailable(address, "answered HTTP " + std::to_string(answer.status) + " without a body");
  }
  return unavailable(address, "answered HTTP " + std::to_string(answer.status) +
                                  ", which is not an answer of the query API: " + excerpt(answer.body));
}

// Prometheus writes values as text: "0.5", "NaN", "+Inf".
std::optional<double> parse_value(std::string_view text) {
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto [last, error] = std::from_chars(text.begin(), text.end(), value);
  if (error != std::errc{} || last != text.end()) return std::nullopt;
  return value;
}

// [<time>, "<value>"]
std::optional<double> parse_point(const Json& point) {
  if (!point.is_array() || point.size() != 2 || !point[1].is_string()) return std::nullopt;
  return parse_value(point[1].get_ref<const std::string&>());
}

// [[<time>, "<value>"], …]
std::optional<std::vector<Sample>> parse_samples(const Json& points) {
  if (!points.is_array()) return std::nullopt;
  std::vector<Sample> samples;
  samples.reserve(points.size());
  for (const auto& point : points) {
    const auto value = parse_point(point);
    if (!value || !point[0].is_number()) return std::nullopt;
    const double seconds = point[0].get<double>();
    if (!(std::abs(seconds) < kLatestTime)) return std::nullopt;
    samples.push_back({TimePoint{std::chrono::milliseconds{std::llround(seconds * 1000)}}, *value});
  }
  return samples;
}

std::optional<Series> parse_series(const Json& entry, Shape shape) {
  const char* content = shape == Shape::Samples ? "values" : "value";
  if (!entry.is_object() || !entry.contains("metric") || !entry.contains(content)) return std::nullopt;
  Series series;
  if (shape == Shape::Samples) {
    auto samples = parse_samples(entry[content]);
    if (!samples || samples->empty()) return std::nullopt;
    series.value = samples->back().value;
    series.samples = std::move(*samples);
  } else {
    const auto value = parse_point(entry[content]);
    if (!value) return std::nullopt;
    series.value = *value;
  }
  if (!entry["metric"].is_object()) return std::nullopt;
  for (const auto& [name, label] : entry["metric"].items()) {
    if (!label.is_string()) return std::nullopt;
    series.labels.emplace(name, label.get<std::string>());
  }
  return series;
}

std::vector<std::string> parse_warnings(const Json& body) {
  std::vector<std::string> warnings;
  const auto found = body.find("warnings");
  if (found == body.end() || !found->is_array()) return warnings;
  for (const auto& warning : *found) {
    if (warnings.size() == kMaxWarnings) break;
    if (warning.is_string()) warnings.push_back(excerpt(warning.get<std::string>()));
  }
  return warnings;
}

// A remark on a query that was answered whole (Prometheus says these among the warnings, too).
bool is_remark(const std::string& warning) { return warning.starts_with("PromQL info:"); }

// Empty if the answer does not have the form that the query API promises.
std::optional<std::vector<Series>> parse_result(const std::string& type, const Json& result, Shape shape) {
  std::vector<Series> series;
  if (type == "scalar") {
    const auto value = parse_point(result);
    if (!value) return std::nullopt;
    series.push_back({.value = *value});
    return series;
  }
  if (!result.is_array()) return std::nullopt;
  series.reserve(result.size());
  for (const auto& entry : result) {
    auto parsed = parse_series(entry, shape);
    if (!parsed) return std::nullopt;
    series.push_back(std::move(*parsed));
  }
  return series;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;  // holds each there is, and no number beyond
  const auto [end, error] = std::from_chars(text.begin(), text.end(), port);
  return error == std::errc{} && end == text.end() && port > 0;
}

// A name or an IPv4 address, or an IPv6 address in brackets; perhaps a port.
bool is_host(std::string_view text) {
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos || end < 2) return false;
    const auto rest = text.substr(end + 1);
    return text.substr(1, end - 1).find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos &&
           (rest.empty() || (rest.starts_with(':') && is_port(rest.substr(1))));
  }
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  return !name.empty() && name.find_first_not_of(kLetters) == std::string_view::npos &&
         (colon == std::string_view::npos || is_port(text.substr(colon + 1)));
}

}  // namespace

std::optional<std::string> address_problem(std::string_view address) {
  const auto* const scheme =
      std::ranges::find_if(kSchemes, [&](std::string_view known) { return address.starts_with(known); });
  if (scheme == kSchemes.end()) return "must begin with http:// or https://";
  if (address.contains('@')) {
    return "must hold no user and no password: they belong in a Secret that a MetricTemplate names";
  }
  if (address.find_first_of("?#\\") != std::string_view::npos) return "must hold no query and no fragment";
  const auto rest = address.substr(scheme->size());
  const bool readable = std::ranges::all_of(rest, [](char c) { return c > ' ' && c <= '~'; });
  if (!readable || !is_host(rest.substr(0, rest.find('/')))) {
    return "must have the form http://host:port/path, with a port from 1 to 65535";
  }
  return std::nullopt;
}

std::string query_url(std::string_view address, std::string_view query, TimePoint at) {
  while (address.ends_with('/')) address.remove_suffix(1);
  const auto seconds = std::chrono::floor<Seconds>(at).time_since_epoch().count();
  return std::string(address) + "/api/v1/query?query=" + percent_encode(query) +
         "&time=" + std::to_string(seconds) + "&partial_response=false";
}

QueryResult parse_answer(std::string_view address, const Answer& answer, Shape shape, std::size_t max_bytes) {
  if (answer.too_large || answer.body.size() > max_bytes) {
    auto error = unavailable(address, "answered with more than the " + std::to_string(max_bytes) +
                                          " bytes that are read: aggregate the query");
    error.kind = QueryError::Kind::TooLarge;
    return std::unexpected(std::move(error));
  }
  const Json body = Json::parse(answer.body, nullptr, false);
  const std::string status = text_of(body, "status");
  if (status == "error") return std::unexpected(refusal(address, answer.status, body));
  const bool success = answer.status >= 200 && answer.status < 300 && status == "success";
  if (!success || !body.contains("data")) return std::unexpected(unexpected(address, answer));

  const Json& data = body["data"];
  const std::string type = text_of(data, "resultType");
  const bool is_samples = type == "matrix";
  if (type == "string" || is_samples != (shape == Shape::Samples)) {
    const std::string needed = shape == Shape::Samples ? "a range vector" : "an instant vector or a scalar";
    return std::unexpected(
        QueryError{QueryError::Kind::Rejected, "the query answers a " + type + ", " + needed + " is needed"});
  }
  const bool known = (is_samples || type == "vector" || type == "scalar") && data.contains("result");
  auto series = known ? parse_result(type, data["result"], shape) : std::nullopt;
  if (!series) return std::unexpected(unexpected(address, answer));
  auto warnings = parse_warnings(body);
  const auto doubt = std::ranges::find_if_not(warnings, is_remark);
  if (doubt != warnings.end())
    return std::unexpected(unavailable(address, "answered with a warning: " + *doubt));
  return Vector{std::move(*series), std::move(warnings)};
}

QueryResult ask(const Fetch& fetch, const Server& server, std::string_view query, TimePoint at, Shape shape) {
  if (server.address.empty()) {
    return std::unexpected(
        QueryError{QueryError::Kind::Unavailable,
                   "no Prometheus address is set, neither of the operator nor of the metric"});
  }
  if (const auto problem = address_problem(server.address)) {
    return std::unexpected(
        QueryError{QueryError::Kind::Unavailable, "Prometheus is not asked: its address " + *problem});
  }
  const auto max_bytes = server.asker.built_in ? kMaxAnswerBytes : kMaxOwnAnswerBytes;
  try {
    const auto answer = fetch({.asker = server.asker,
                               .url = query_url(server.address, query, at),
                               .headers = server.headers,
                               .basic_auth = server.basic_auth,
                               .tls = server.tls,
                               .max_body = max_bytes});
    if (!answer) return std::unexpected(unavailable(server.address, "did not answer: " + answer.error()));
    return parse_answer(server.address, *answer, shape, max_bytes);
  } catch (const std::exception& e) {
    return std::unexpected(unavailable(server.address, std::string("could not be asked: ") + e.what()));
  }
}

}  // namespace weir::analysis
