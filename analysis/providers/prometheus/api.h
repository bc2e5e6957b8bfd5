// Prometheus as the analysis needs it: one instant query, one answer. Nothing here throws.
#pragma once

#include <compare>
#include <expected>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/check.h"
#include "analysis/fetch.h"

namespace weir::analysis {

// Which server to ask, how, and for whom. Headers may hold credentials: they are never part of a message.
struct Server {
  std::string address;  // "http://prometheus.monitoring:9090", a path prefix and a trailing slash are fine
  std::map<std::string, std::string> headers;
  Tls tls;
  std::optional<BasicAuth> basic_auth;
  Asker asker = {};
  friend auto operator<=>(const Server&, const Server&) = default;
};

// One scrape of a series.
struct Sample {
  TimePoint at;
  double value = 0;  // may be NaN or infinite
};

struct Series {
  std::map<std::string, std::string> labels;
  double value = 0;             // may be NaN or infinite
  std::vector<Sample> samples;  // of a query for samples, oldest first; `value` is the newest one's
};

// What a query answers with: one value a series, or the samples of a period ("counter[5m]").
enum class Shape { Values, Samples };

// The answer of an instant query. A scalar is one series without labels.
struct Vector {
  std::vector<Series> series;
  std::vector<std::string> warnings;  // Prometheus' remarks on a query that it has answered whole
};

struct QueryError {
  enum class Kind {
    Unavailable,  // no answer, one that is not Prometheus', or one that may be a part
    TooLarge,     // an answer longer than any that is read
    Rejected      // Prometheus cannot evaluate the query: asking again does not help
  };
  Kind kind = Kind::Unavailable;
  std::string message;  // names the server and what came back
};

using QueryResult = std::expected<Vector, QueryError>;

// Why an address is not asked: "must …". It is http or https, a host, perhaps a port and a path, and nothing
// else: then the path that is asked for always ends as the query API's does, whoever wrote the address, and
// a message may show the address.
[[nodiscard]] std::optional<std::string> address_problem(std::string_view address);

// `{address}/api/v1/query?query=…&time=…&partial_response=false`, with `at` in whole seconds. The last is
// Thanos': an answer from a part of its stores is an error then. Prometheus ignores it.
[[nodiscard]] std::string query_url(std::string_view address, std::string_view query, TimePoint at);

// Reads what `address` answered to an instant query. One with a warning may be of a part of the data, and
// counts as none, and so does one of more than `max_bytes`.
[[nodiscard]] QueryResult parse_answer(std::string_view address, const Answer& answer,
                                       Shape shape = Shape::Values, std::size_t max_bytes = kMaxAnswerBytes);

// Asks for the value of `query` at `at`, rounded down to a whole second. The answer may have kMaxAnswerBytes
// if the server's asker is built in, else kMaxOwnAnswerBytes. Blocks for as long as `fetch` does.
[[nodiscard]] QueryResult ask(const Fetch& fetch, const Server& server, std::string_view query, TimePoint at,
                              Shape shape = Shape::Values);

}  // namespace weir::analysis
