#include "operator/kube/kubeconfig.h"

#include <spdlog/fmt/fmt.h>
#include <yaml-cpp/yaml.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <optional>

#include "operator/base/base64.h"

namespace weir::kube {
namespace {

namespace fs = std::filesystem;

template <typename T>
using Read = std::expected<T, std::string>;

constexpr std::size_t kMaxFile = std::size_t{1} << 20;

// One file. Nodes are looked up by name and never walked as a whole, so that aliases of aliases cost nothing.
struct File {
  std::string path;
  YAML::Node root;
};

// A named entry of `clusters`, `users` or `contexts`, and the file it is in: relative paths are relative to
// that.
struct Entry {
  YAML::Node fields;
  std::string where;  // "user admin in /home/me/.kube/config"
  fs::path folder;
};

std::string text(const YAML::Node& node, const char* field) {
  if (!node.IsMap()) return {};
  const YAML::Node value = node[field];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

Read<File> parse(const std::string& path) {
  const auto content = read_file(path);
  if (!content) return std::unexpected(content.error());
  try {
    return File{path, YAML::Load(*content)};
  } catch (const YAML::Exception& exception) {
    return std::unexpected("kubeconfig " + path + ": " + exception.what());
  }
}

Read<Entry> find(const std::vector<File>& files, const std::string& kind, const std::string& name) {
  for (const File& file : files) {
    if (!file.root.IsMap()) continue;
    const YAML::Node list = file.root[kind + "s"];
    if (!list || !list.IsSequence()) continue;
    for (const auto& item : list) {
      if (!item.IsMap() || text(item, "name") != name || !item[kind]) continue;
      return Entry{item[kind], fmt::format("{} {} in {}", kind, name, file.path),
                   fs::path(file.path).parent_path()};
    }
  }
  return std::unexpected("kubeconfig: there is no " + kind + " \"" + name + "\"" +
                         (files.empty() ? "" : " in " + files.front().path));
}

// What `field` holds inline (as base64), or the content of the file that it names.
Read<std::string> data(const Entry& entry, const std::string& field) {
  if (const std::string encoded = text(entry.fields, (field + "-data").c_str()); !encoded.empty()) {
    auto decoded = base::decode_base64(encoded);
    if (!decoded)
      return std::unexpected("kubeconfig: " + field + "-data of " + entry.where + " is not base64");
    return *std::move(decoded);
  }
  const std::string path = text(entry.fields, field.c_str());
  if (path.empty()) return std::string();
  auto content = read_file((entry.folder / path).string());
  if (!content)
    return std::unexpected("kubeconfig: " + field + " of " + entry.where + ": " + content.error());
  return content;
}

std::optional<std::string> refusal(const Entry& entry, std::initializer_list<const char*> fields) {
  for (const char* field : fields) {
    if (!entry.fields.IsMap() || !entry.fields[field]) continue;
    return "kubeconfig: " + std::string(field) + " of " + entry.where +
           " is not supported: use a token, a tokenFile or a client certificate, and reach the server "
           "directly";
  }
  return std::nullopt;
}

Read<Connection> with_cluster(const Entry& cluster) {
  if (const auto refused = refusal(cluster, {"proxy-url", "tls-server-name"}))
    return std::unexpected(*refused);
  Connection connection;
  const auto server = text(cluster.fields, "server");
  connection.base_url = server;
  while (connection.base_url.ends_with('/')) connection.base_url.pop_back();
  // Of one without a host nothing is left behind the scheme.
  if (!connection.base_url.starts_with("http://") && !connection.base_url.starts_with("https://")) {
    return std::unexpected("kubeconfig: server of " + cluster.where + " is \"" + server +
                           "\", not a http or https URL");
  }
  const auto ca = data(cluster, "certificate-authority");
  if (!ca) return std::unexpected(ca.error());
  connection.tls.ca = *ca;
  connection.tls.insecure_skip_verify = text(cluster.fields, "insecure-skip-tls-verify") == "true";
  return connection;
}

Read<void> add_user(Connection& connection, const Entry& user, const base::Clock& clock) {
  if (const auto refused =
          refusal(user, {"exec", "auth-provider", "username", "password", "as", "as-groups"})) {
    return std::unexpected(*refused);
  }
  const auto certificate = data(user, "client-certificate");
  if (!certificate) return std::unexpected(certificate.error());
  const auto key = data(user, "client-key");
  if (!key) return std::unexpected(key.error());
  connection.tls.client_cert = *certificate;
  connection.tls.client_key = *key;
  const std::string token_file = text(user.fields, "tokenFile");
  connection.token = token_file.empty() ? std::make_shared<Token>(text(user.fields, "token"))
                                        : std::make_shared<Token>((user.folder / token_file).string(), clock);
  return {};
}

Read<std::vector<File>> parse_all(const std::vector<std::string>& paths) {
  std::vector<File> files;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) continue;
    auto file = parse(path);
    if (!file) return std::unexpected(file.error());
    files.push_back(*std::move(file));
  }
  if (files.empty())
    return std::unexpected("kubeconfig " + (paths.empty() ? "" : paths.front()) + ": no such file");
  return files;
}

Read<Connection> connect(const std::vector<File>& files, const std::string& context,
                         const base::Clock& clock) {
  std::string chosen = context;
  for (const File& file : files) {
    if (chosen.empty()) chosen = text(file.root, "current-context");
  }
  if (chosen.empty()) {
    return std::unexpected("kubeconfig " + files.front().path +
                           ": there is no current-context, name a context");
  }
  const auto entry = find(files, "context", chosen);
  if (!entry) return std::unexpected(entry.error());
  const auto cluster = find(files, "cluster", text(entry->fields, "cluster"));
  if (!cluster) return std::unexpected(cluster.error());
  auto connection = with_cluster(*cluster);
  if (!connection) return connection;
  connection->token = std::make_shared<Token>("");
  // A context without a user is anonymous.
  if (const std::string name = text(entry->fields, "user"); !name.empty()) {
    const auto user = find(files, "user", name);
    if (!user) return std::unexpected(user.error());
    const auto added = add_user(*connection, *user, clock);
    if (!added) return std::unexpected(added.error());
  }
  const std::string name_space = text(entry->fields, "namespace");
  connection->name_space = name_space.empty() ? "default" : name_space;
  return connection;
}

}  // namespace

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string content;
  std::array<char, 4096> block{};
  while (file.read(block.data(), block.size()) || file.gcount() > 0) {
    content.append(block.data(), static_cast<std::size_t>(file.gcount()));
    if (content.size() > kMaxFile) return std::unexpected(path + " is larger than a mebibyte");
  }
  if (!file.eof()) return std::unexpected(path + " cannot be read");
  return content;
}

std::expected<Connection, std::string> read_kubeconfig(const std::vector<std::string>& files,
                                                       const std::string& context, const base::Clock& clock) {
  const auto parsed = parse_all(files);
  if (!parsed) return std::unexpected(parsed.error());
  try {
    return connect(*parsed, context, clock);
  } catch (const YAML::Exception& exception) {
    return std::unexpected("kubeconfig " + parsed->front().path + ": " + exception.what());
  }
}

}  // namespace weir::kube
