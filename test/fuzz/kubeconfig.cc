// Bytes as a kubeconfig: it is read, or refused with a sentence.
#include "operator/kube/kubeconfig.h"

#include <sys/mman.h>
#include <unistd.h>

#include "operator/base/base64.h"
#include "test/fuzz/target.h"

namespace weir::fuzz {
namespace {

// A file that is in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content) : descriptor_(memfd_create("kubeconfig", 0)) {
    require(descriptor_ >= 0, "there is a file to read");
    require(write(descriptor_, content.data(), content.size()) == static_cast<ssize_t>(content.size()),
            "the file is written");
  }
  ~MemoryFile() { close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }

 private:
  int descriptor_;
};

void check(const std::expected<kube::Connection, std::string>& connection) {
  if (!connection) {
    require(connection.error().starts_with("kubeconfig"), "a refusal is a sentence: " + connection.error());
    return;
  }
  const auto& url = connection->base_url;
  require(url.starts_with("http://") || url.starts_with("https://"), "the server has a URL: " + url);
  require(!url.ends_with('/'), "the URL has no slash at its end: " + url);
  require(connection->token != nullptr, "there is a token, if an empty one");
  require(!connection->name_space.empty(), "there is a namespace");
}

}  // namespace
}  // namespace weir::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir;
  const auto text = fuzz::text_of(data, size);
  const base::VirtualClock clock;
  const fuzz::MemoryFile file(text);
  for (const auto* context : {"", "other"}) fuzz::check(kube::read_kubeconfig({file.path()}, context, clock));
  fuzz::require(base::decode_base64(base::encode_base64(text)) == text, "base64 decodes to what was encoded");
  return 0;
}
