#include "operator/http/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

namespace weir::http {
namespace {

std::vector<OpenSsl<X509>> parse_certificates(const std::string& pem) {
  std::vector<OpenSsl<X509>> certificates;
  const OpenSsl<BIO> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    certificates.emplace_back(certificate);
  }
  ERR_clear_error();  // the end of the text is an error to OpenSSL
  return certificates;
}

}  // namespace

TlsContext::TlsContext(const Tls& tls, const TrustPaths& system) : trust_(X509_STORE_new()) {
  load_trust(tls.ca, system);
  load_identity(tls);
}

void TlsContext::load_trust(const std::string& ca, const TrustPaths& system) {
  if (ca.empty()) {
    // Either may be missing on a system that has the other.
    X509_STORE_load_file(trust_.get(), system.file.c_str());
    X509_STORE_load_path(trust_.get(), system.directory.c_str());
    ERR_clear_error();
    return;
  }
  const auto certificates = parse_certificates(ca);
  if (certificates.empty()) problem_ = "the CA holds no PEM certificate";
  for (const auto& certificate : certificates) X509_STORE_add_cert(trust_.get(), certificate.get());
}

void TlsContext::load_identity(const Tls& tls) {
  if (tls.client_cert.empty()) return;
  chain_ = parse_certificates(tls.client_cert);
  if (chain_.empty()) problem_ = "the client certificate is no PEM certificate";
  const OpenSsl<BIO> bio(BIO_new_mem_buf(tls.client_key.data(), static_cast<int>(tls.client_key.size())));
  // The empty pass phrase keeps OpenSSL from asking on the terminal.
  std::string no_phrase;
  key_.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_phrase.data()));
  if (!key_) problem_ = "the client key is no PEM private key, or it is encrypted";
  ERR_clear_error();
  if (key_ && !chain_.empty() && X509_check_private_key(chain_.front().get(), key_.get()) != 1) {
    problem_ = "the client key does not belong to the client certificate";
    ERR_clear_error();
  }
}

bool TlsContext::apply(SSL_CTX* context) const {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Shared, since the library would parse the system's certificates for every connection.
  SSL_CTX_set1_cert_store(context, trust_.get());
  if (chain_.empty()) return true;
  if (SSL_CTX_use_certificate(context, chain_.front().get()) != 1) return false;
  for (std::size_t i = 1; i < chain_.size(); ++i) {
    if (SSL_CTX_add1_chain_cert(context, chain_[i].get()) != 1) return false;
  }
  return SSL_CTX_use_PrivateKey(context, key_.get()) == 1;
}

}  // namespace weir::http
