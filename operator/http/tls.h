// Certificates and keys, parsed once and shared by all connections of one transport.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <vector>

#include "operator/http/transport.h"

namespace weir::http {

struct OpenSslDeleter {
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(X509_STORE* store) const { X509_STORE_free(store); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <typename T>
using OpenSsl = std::unique_ptr<T, OpenSslDeleter>;

// Where the system keeps the certificates that it trusts.
struct TrustPaths {
  std::string file;
  std::string directory;
};

// Immutable once made, so that any thread may apply it.
class TlsContext {
 public:
  TlsContext(const Tls& tls, const TrustPaths& system);

  // Why the certificates or the key cannot be used; empty: they can.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  // Sets up the context of one connection. False if the key does not fit the certificate.
  [[nodiscard]] bool apply(SSL_CTX* context) const;

 private:
  void load_trust(const std::string& ca, const TrustPaths& system);
  void load_identity(const Tls& tls);

  std::string problem_;
  OpenSsl<X509_STORE> trust_;
  std::vector<OpenSsl<X509>> chain_;  // our certificate first
  OpenSsl<EVP_PKEY> key_;
};

}  // namespace weir::http
