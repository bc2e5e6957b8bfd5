#include "operator/http/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <charconv>
#include <future>

#include "test/unit/http/loopback.h"

namespace weir::http {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr milliseconds kShort{60};

Request get(const std::string& url) { return {.method = "GET", .url = url, .headers = {}, .body = ""}; }

// Answers every request of a connection with the same.
Loopback::Handler always(int status, std::string body, std::string headers = "") {
  return [=](Connection& connection) {
    while (!connection.read_request().empty()) connection.answer(status, body, headers);
  };
}

TEST(Transport, brings_status_headers_in_lower_case_and_body) {
  const Loopback server(always(200, "hello", "X-Thing: A b\r\n"));
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->send(get(server.url() + "/"), {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->headers.at("x-thing"), "A b");
  EXPECT_EQ(answer->body, "hello");
}

TEST(Transport, sends_method_query_headers_and_body_as_they_are) {
  const Loopback server([](Connection& connection) { connection.answer(200, connection.read_request()); });
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->send({.method = "PATCH",
                                       .url = server.url() + "/a/b%2Fc?q=x%20y%26z&w",
                                       .headers = {{"Content-Type", "application/json-patch+json"}},
                                       .body = "[1]"},
                                      {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_THAT(answer->body, HasSubstr("PATCH /a/b%2Fc?q=x%20y%26z&w HTTP/1.1\r\n"));
  EXPECT_THAT(answer->body, HasSubstr("Content-Type:application/json-patch+json\r\n"));
  EXPECT_TRUE(answer->body.ends_with("\r\n\r\n[1]"));
}

TEST(Transport, keeps_connections_alive) {
  const Loopback server(always(200, "x"));
  const auto transport = make_transport(server.url(), {});
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(transport->send(get(server.url() + "/"), {}));
  EXPECT_LE(server.connections(), 5);  // one may not be back yet when the next request begins
}

TEST(Transport, hands_back_a_redirect_instead_of_following_it) {
  const Loopback server(always(302, "", "Location: /other\r\n"));
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->send(get(server.url() + "/"), {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 302);
}

TEST(Transport, takes_answers_without_a_body) {
  const Loopback server(always(204, ""));
  const auto transport = make_transport(server.url(), {});
  EXPECT_EQ(transport->send(get(server.url() + "/"), {})->status, 204);
}

TEST(Transport, names_method_and_server_when_nobody_listens) {
  std::string url;
  {
    const Loopback server(always(200, ""));
    url = server.url();
  }
  const auto transport = make_transport(url, {});
  const auto answer = transport->send(get(url + "/secret?token=1"), {});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().failure, Failure::Connect);
  EXPECT_THAT(answer.error().message, HasSubstr("GET " + url + ": "));
  EXPECT_THAT(answer.error().message, HasSubstr("nobody answers there"));
  EXPECT_THAT(answer.error().message, testing::Not(HasSubstr("token")));
}

TEST(Transport, refuses_urls_of_another_server) {
  const Loopback server(always(200, ""));
  const auto transport = make_transport(server.url(), {});
  EXPECT_FALSE(transport->send(get("http://127.0.0.1:1/"), {}));
  EXPECT_FALSE(transport->send(get(server.url() + "0/"), {}));
  EXPECT_EQ(server.connections(), 0);
}

TEST(Transport, says_that_a_url_cannot_be_used) {
  const auto transport = make_transport("http://a b", {});
  EXPECT_EQ(transport->send(get("http://a b/"), {}).error().failure, Failure::Connect);
}

TEST(Transport, never_shows_a_password_that_a_url_holds) {
  for (const std::string url : {"http://user:s3cret@127.0.0.1:1", "http://user:s3cret@a b", "user:s3cret@"}) {
    const auto message = make_transport(url, {})->send(get(url + "/"), {}).error().message;
    EXPECT_THAT(message, testing::Not(HasSubstr("s3cret"))) << url;
  }
}

TEST(Transport, sends_no_header_that_would_become_two) {
  const Loopback server(always(200, ""));
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.headers = {{"Authorization", "Bearer s3cret\n"}};
  const auto message = transport->send(request, {}).error().message;
  EXPECT_THAT(message, HasSubstr("the header Authorization has a line break in it"));
  EXPECT_THAT(message, testing::Not(HasSubstr("s3cret")));
  EXPECT_EQ(server.connections(), 0);
}

TEST(Transport, does_not_keep_an_answer_that_is_over_the_limit) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nContent-Length: 1073741824\r\n\r\n");
    const std::string megabyte(std::size_t{1} << 20, 'x');
    for (int i = 0; i < 1024 && connection.write(megabyte); ++i) {
    }
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.max_body = std::size_t{4} << 20;
  const auto error = transport->send(request, {}).error();
  EXPECT_EQ(error.failure, Failure::TooLarge);
  EXPECT_THAT(error.message, HasSubstr("longer than 4194304 bytes"));
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 300 * 1024);  // KiB
}

// The connection was closed under the thread that read from it, which crashed once in some 50 times.
TEST(Transport, gives_up_on_endless_answers_while_it_reads) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "100000\r\n" + std::string(0x100000, 'x') + "\r\n";
    while (connection.write(chunk)) {  // until the client closes
    }
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.max_body = std::size_t{2} << 20;
  for (int i = 0; i < 300; ++i) EXPECT_EQ(transport->send(request, {}).error().failure, Failure::TooLarge);
}

TEST(Transport, gives_up_on_a_silent_server_in_time) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.wait_for_close();
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.timeout = kShort;
  EXPECT_EQ(transport->send(request, {}).error().failure, Failure::Timeout);
}

TEST(Transport, gives_up_on_a_server_that_drips) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write("HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (connection.write("1\r\nx\r\n")) std::this_thread::sleep_for(milliseconds(5));
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.timeout = kShort;
  EXPECT_EQ(transport->send(request, {}).error().failure, Failure::Timeout);
}

TEST(Transport, stops_waiting_when_it_is_told_to) {
  std::stop_source stop;
  const Loopback server([&](Connection& connection) {
    connection.read_request();
    stop.request_stop();
    connection.wait_for_close();  // the client closes
  });
  const auto transport = make_transport(server.url(), {});
  EXPECT_EQ(transport->send(get(server.url() + "/"), stop.get_token()).error().failure, Failure::Cancelled);
}

TEST(Transport, refuses_an_answer_over_the_limit) {
  const Loopback server(always(200, std::string(5000, 'x')));
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.max_body = 4999;
  EXPECT_EQ(transport->send(request, {}).error().failure, Failure::TooLarge);
  request.max_body = 5000;
  EXPECT_TRUE(transport->send(request, {}));
}

TEST(Transport, sends_a_get_again_on_a_kept_connection_that_the_peer_closed) {
  const Loopback server([served = std::make_shared<std::atomic<int>>(0)](Connection& connection) {
    while (!connection.read_request().empty()) {
      if (++*served == 2) return;
      connection.answer(200, "x");
    }
  });
  const auto transport = make_transport(server.url(), {});
  ASSERT_TRUE(transport->send(get(server.url() + "/"), {}));
  const auto answer = transport->send(get(server.url() + "/"), {});
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST(Transport, lets_callers_wait_beyond_the_requests_in_flight) {
  std::promise<void> arrived;
  std::promise<void> leave;
  const auto left = leave.get_future().share();
  const Loopback server([&](Connection& connection) {
    connection.read_request();
    arrived.set_value();
    left.wait();
    connection.answer(200, "x");
  });
  const auto transport = make_transport(server.url(), {}, 1);
  auto first = std::async(std::launch::async, [&] { return transport->send(get(server.url() + "/"), {}); });
  arrived.get_future().wait();
  Request second = get(server.url() + "/");
  second.timeout = kShort;
  const auto refused = transport->send(second, {});
  EXPECT_EQ(refused.error().failure, Failure::Timeout);
  EXPECT_THAT(refused.error().message, HasSubstr("too many requests"));
  leave.set_value();
  EXPECT_TRUE(first.get());
}

constexpr std::string_view kStreamHead = "HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string chunk(std::string_view text) {
  std::array<char, 20> size{};
  const auto end = std::to_chars(size.data(), size.data() + size.size(), text.size(), 16).ptr;
  return std::string(size.data(), end) + "\r\n" + std::string(text) + "\r\n";
}

TEST(Stream, hands_over_each_line_as_it_comes) {
  std::promise<void> seen;
  const Loopback server([&](Connection& connection) {
    connection.read_request();
    connection.write(std::string(kStreamHead) + chunk("one\ntw"));
    seen.get_future().wait();  // the rest is sent only when the first line has been handed over
    connection.write(chunk("o\r\n") + chunk("\nlast") + "0\r\n\r\n");
    connection.wait_for_close();
  });
  const auto transport = make_transport(server.url(), {});
  std::vector<std::string> lines;
  const auto answer = transport->stream(get(server.url() + "/"),
                                        [&](std::string_view line) {
                                          lines.emplace_back(line);
                                          if (lines.size() == 1) seen.set_value();
                                          return true;
                                        },
                                        {});
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(lines, ElementsAre("one", "two", "", "last"));
}

TEST(Stream, ends_when_the_receiver_has_enough) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write(std::string(kStreamHead) + chunk("one\ntwo\n"));
    connection.wait_for_close();
  });
  const auto transport = make_transport(server.url(), {});
  int count = 0;
  EXPECT_TRUE(transport->stream(get(server.url() + "/"), [&](std::string_view) { return ++count < 1; }, {}));
  EXPECT_EQ(count, 1);
}

TEST(Stream, ends_at_once_when_it_is_told_to_stop) {
  std::stop_source stop;
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write(std::string(kStreamHead) + chunk("one\n"));
    connection.wait_for_close();
  });
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->stream(
      get(server.url() + "/"), [&](std::string_view) { return stop.request_stop(); }, stop.get_token());
  EXPECT_EQ(answer.error().failure, Failure::Cancelled);
}

TEST(Stream, gives_up_after_a_silence) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write(std::string(kStreamHead) + chunk("one\n"));
    connection.wait_for_close();
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.timeout = kShort;
  const auto answer = transport->stream(request, [](std::string_view) { return true; }, {});
  EXPECT_EQ(answer.error().failure, Failure::Timeout);
}

TEST(Stream, brings_the_body_of_a_refusal) {
  const Loopback server(always(410, "too\nold"));
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->stream(get(server.url() + "/"),
                                        [](std::string_view) {
                                          ADD_FAILURE();
                                          return true;
                                        },
                                        {});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 410);
  EXPECT_EQ(answer->body, "too\nold");
}

TEST(Stream, refuses_a_line_over_the_limit) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write(kStreamHead);
    while (connection.write(chunk(std::string(100, 'x')))) {
    }
  });
  const auto transport = make_transport(server.url(), {});
  Request request = get(server.url() + "/");
  request.max_body = 1000;
  const auto answer = transport->stream(request, [](std::string_view) { return true; }, {});
  EXPECT_EQ(answer.error().failure, Failure::TooLarge);
}

TEST(Stream, says_that_the_connection_broke) {
  const Loopback server([](Connection& connection) {
    connection.read_request();
    connection.write(std::string(kStreamHead) + chunk("one\n"));
  });
  const auto transport = make_transport(server.url(), {});
  const auto answer = transport->stream(get(server.url() + "/"), [](std::string_view) { return true; }, {});
  EXPECT_EQ(answer.error().failure, Failure::Broken);
}

class TlsTest : public testing::Test {
 protected:
  Identity identity = make_identity("server");
};

TEST_F(TlsTest, trusts_a_server_of_its_ca) {
  const Loopback server(always(200, "x"), &identity);
  const auto transport =
      make_transport(server.url(), {.ca = identity.certificate, .client_cert = "", .client_key = ""});
  const auto answer = transport->send(get(server.url() + "/"), {});
  EXPECT_TRUE(answer) << answer.error().message;
}

TEST_F(TlsTest, refuses_a_server_of_another_ca) {
  const Loopback server(always(200, "x"), &identity);
  const std::string other = make_identity("server").certificate;
  for (const std::string& ca : {other, std::string()}) {
    const auto transport = make_transport(server.url(), {.ca = ca, .client_cert = "", .client_key = ""});
    const auto answer = transport->send(get(server.url() + "/"), {});
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().failure, Failure::Connect);
    EXPECT_THAT(answer.error().message, HasSubstr("certificate verify failed"));
  }
}

TEST_F(TlsTest, takes_any_server_if_verification_is_off) {
  const Loopback server(always(200, "x"), &identity);
  Tls tls;
  tls.insecure_skip_verify = true;
  const auto transport = make_transport(server.url(), tls);
  EXPECT_TRUE(transport->send(get(server.url() + "/"), {}));
}

TEST_F(TlsTest, shows_its_client_certificate) {
  std::promise<std::string> name;
  const Loopback server(
      [&](Connection& connection) {
        connection.read_request();
        name.set_value(connection.client_name());
        connection.answer(200, "x");
      },
      &identity);
  const Identity client = make_identity("somebody");
  const auto transport = make_transport(
      server.url(),
      {.ca = identity.certificate, .client_cert = client.certificate, .client_key = client.key});
  ASSERT_TRUE(transport->send(get(server.url() + "/"), {}));
  EXPECT_EQ(name.get_future().get(), "somebody");
}

TEST_F(TlsTest, says_which_of_its_certificates_cannot_be_used) {
  const auto problem = [](const Tls& tls) {
    return make_transport("https://127.0.0.1:1", tls)->send(get("https://127.0.0.1:1/"), {}).error().message;
  };
  const Identity other = make_identity("other");
  EXPECT_THAT(problem({.ca = "nonsense", .client_cert = "", .client_key = ""}), HasSubstr("the CA holds no"));
  EXPECT_THAT(problem({.ca = "", .client_cert = "nonsense", .client_key = other.key}),
              HasSubstr("client certificate"));
  EXPECT_THAT(problem({.ca = "", .client_cert = other.certificate, .client_key = "nonsense"}),
              HasSubstr("client key"));
  EXPECT_THAT(problem({.ca = "", .client_cert = identity.certificate, .client_key = other.key}),
              HasSubstr("does not belong"));
}

TEST(Origin, is_scheme_host_and_port_alone) {
  EXPECT_EQ(origin("https://a.b:8443/c?d#e"), "https://a.b:8443");
  EXPECT_EQ(origin("http://user:p%40ss@host:1/@x"), "http://host:1");
  EXPECT_EQ(origin("http://user:p@ss@host"), "http://host");
  EXPECT_EQ(origin("http://host?user@elsewhere"), "http://host");
  EXPECT_EQ(origin("http://ho\r\nst\xff"), "http://host");
  EXPECT_EQ(origin(""), "");
}

TEST(Encode, leaves_only_unreserved_letters_as_they_are) {
  EXPECT_EQ(encode("aZ9-._~"), "aZ9-._~");
  EXPECT_EQ(encode("a b&c=d/é"), "a%20b%26c%3Dd%2F%C3%A9");
}

}  // namespace
}  // namespace weir::http
