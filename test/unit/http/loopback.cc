#include "test/unit/http/loopback.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>

namespace weir::http {
namespace {

std::string text_of(BIO* bio) {
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string text(bytes, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

X509* parse_certificate(const std::string& pem) {
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  return certificate;
}

SSL_CTX* server_context(const Identity& identity) {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  X509* certificate = parse_certificate(identity.certificate);
  BIO* bio = BIO_new_mem_buf(identity.key.data(), static_cast<int>(identity.key.size()));
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
  SSL_CTX_use_certificate(context, certificate);
  SSL_CTX_use_PrivateKey(context, key);
  // Any client certificate is taken, and none is one too.
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, [](int, X509_STORE_CTX*) { return 1; });
  BIO_free(bio);
  EVP_PKEY_free(key);
  X509_free(certificate);
  return context;
}

}  // namespace

Identity make_identity(const std::string& name) {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* subject = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, subject);
  X509V3_CTX extensions;
  X509V3_set_ctx(&extensions, certificate, certificate, nullptr, nullptr, 0);
  for (const auto& [id, value] : {std::pair{NID_subject_alt_name, "IP:127.0.0.1"},
                                  std::pair{NID_basic_constraints, "critical,CA:TRUE"}}) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &extensions, id, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  BIO* certificate_bio = BIO_new(BIO_s_mem());
  BIO* key_bio = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(certificate_bio, certificate);
  PEM_write_bio_PrivateKey(key_bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  Identity identity{text_of(certificate_bio), text_of(key_bio)};
  X509_free(certificate);
  EVP_PKEY_free(key);
  return identity;
}

int Connection::read(char* bytes, int count) {
  if (ssl_ != nullptr) return SSL_read(ssl_, bytes, count);
  return static_cast<int>(recv(socket_, bytes, static_cast<std::size_t>(count), 0));
}

std::string Connection::read_request() {
  std::array<char, 4096> chunk{};
  while (true) {
    const auto end = buffered_.find("\r\n\r\n");
    if (end != std::string::npos) {
      std::size_t size = end + 4;
      if (const auto length = buffered_.find("Content-Length:"); length < end) {
        size += std::stoul(buffered_.substr(length + 15));
      }
      if (buffered_.size() >= size) {
        std::string request = buffered_.substr(0, size);
        buffered_.erase(0, size);
        return request;
      }
    }
    const int count = read(chunk.data(), chunk.size());
    if (count <= 0) return {};
    buffered_.append(chunk.data(), static_cast<std::size_t>(count));
  }
}

bool Connection::write(std::string_view bytes) {
  if (ssl_ != nullptr) return SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size())) > 0;
  return send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

void Connection::answer(int status, std::string_view body, std::string_view headers) {
  write("HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
        "\r\n" + std::string(headers) + "\r\n" + std::string(body));
}

void Connection::wait_for_close() {
  std::array<char, 4096> chunk{};
  while (read(chunk.data(), chunk.size()) > 0) {
  }
}

std::string Connection::client_name() {
  X509* certificate = SSL_get1_peer_certificate(ssl_);
  if (certificate == nullptr) return {};
  std::array<char, 100> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, name.data(), name.size());
  X509_free(certificate);
  return name.data();
}

Loopback::Loopback(Handler handler, const Identity* identity) : handler_(std::move(handler)) {
  if (identity != nullptr) tls_ = server_context(*identity);
  listener_ = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
  listen(listener_, 64);
  socklen_t size = sizeof address;
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::jthread([this] { accept_all(); });
}

Loopback::~Loopback() {
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  {
    const std::lock_guard lock(mutex_);
    for (const int open : open_) shutdown(open, SHUT_RDWR);
  }
  threads_.clear();
  if (tls_ != nullptr) SSL_CTX_free(tls_);
}

std::string Loopback::url() const {
  return (tls_ == nullptr ? "http://127.0.0.1:" : "https://127.0.0.1:") + std::to_string(port_);
}

void Loopback::accept_all() {
  while (true) {
    const int accepted = accept(listener_, nullptr, nullptr);
    if (accepted < 0) return;
    ++connections_;
    const std::lock_guard lock(mutex_);
    open_.push_back(accepted);
    threads_.emplace_back([this, accepted] { serve(accepted); });
  }
}

void Loopback::serve(int socket) {
  // OpenSSL writes to sockets that the client has closed. Of this thread alone, so that the client's side is
  // tested.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  SSL* ssl = nullptr;
  bool ready = true;
  if (tls_ != nullptr) {
    ssl = SSL_new(tls_);
    SSL_set_fd(ssl, socket);
    ready = SSL_accept(ssl) == 1;
  }
  Connection connection(socket, ssl);
  if (ready) handler_(connection);
  if (ssl != nullptr) SSL_free(ssl);
  const std::lock_guard lock(mutex_);
  std::erase(open_, socket);
  close(socket);
}

}  // namespace weir::http
