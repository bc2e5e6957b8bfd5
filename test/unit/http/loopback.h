// A server on the loopback interface whose every byte the test decides.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace weir::http {

// PEM of a certificate for 127.0.0.1 that signs itself, and of its key.
struct Identity {
  std::string certificate;
  std::string key;
};
Identity make_identity(const std::string& name);

class Connection {
 public:
  explicit Connection(int socket, SSL* ssl = nullptr) : socket_(socket), ssl_(ssl) {}
  // Head and body of the next request; empty when the client has closed.
  std::string read_request();
  // False once the client has closed.
  bool write(std::string_view bytes);
  void answer(int status, std::string_view body, std::string_view headers = "");
  // Waits until the client closes.
  void wait_for_close();
  std::string client_name();  // common name of the client's certificate

 private:
  int read(char* bytes, int count);

  int socket_;
  SSL* ssl_;
  std::string buffered_;
};

class Loopback {
 public:
  using Handler = std::function<void(Connection&)>;

  // `handler` runs once for each connection, on a thread of its own; the connection is closed when it
  // returns.
  explicit Loopback(Handler handler) : Loopback(std::move(handler), nullptr) {}
  Loopback(Handler handler, const Identity* identity);
  ~Loopback();
  Loopback(const Loopback&) = delete;
  Loopback& operator=(const Loopback&) = delete;

  [[nodiscard]] std::string url() const;
  [[nodiscard]] int connections() const { return connections_; }

 private:
  void accept_all();
  void serve(int socket);

  Handler handler_;
  SSL_CTX* tls_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace weir::http
