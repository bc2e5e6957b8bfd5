#include "test/simulation/api_request.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace weir::simulation {
namespace {

using kube::Code;
using kube::Error;
using kube::Resource;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const std::string_view hex = text.substr(i + 1, 2);
    unsigned char byte = 0;
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), byte, 16);
    if (hex.size() != 2 || error != std::errc() || end != hex.data() + 2) return std::nullopt;
    decoded += static_cast<char>(byte);
    i += 2;
  }
  return decoded;
}

// Without scheme and host.
std::string_view local_part(std::string_view url) {
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    url.remove_prefix(scheme + 3);
    url.remove_prefix(std::min(url.find('/'), url.size()));
  }
  return url;
}

Error refusal(Code code, int status, const std::string& message) {
  return {code, status, message, "", std::nullopt};
}

const Resource* kind_of(std::string_view group, std::string_view version, std::string_view plural) {
  const auto found = std::ranges::find_if(known_kinds(), [&](const kube::Kind& kind) {
    const auto& named = kind.resource;
    return named.group == group && named.plural == plural &&
           (named.version == version ||
            std::ranges::find(kind.other_versions, version) != kind.other_versions.end());
  });
  return found == known_kinds().end() ? nullptr : &found->resource;
}

// What follows the version: [namespaces/NAMESPACE/]PLURAL[/NAME[/status]]. All kinds have a namespace.
bool read_rest(std::vector<std::string> rest, std::string_view group, std::string_view version,
               ApiRequest& into) {
  if (rest.size() > 2 && rest[0] == "namespaces") {
    into.key.name_space = rest[1];
    rest.erase(rest.begin(), rest.begin() + 2);
  }
  if (rest.empty() || rest.size() > 3 || (rest.size() > 1 && into.key.name_space.empty())) return false;
  const Resource* kind = kind_of(group, version, rest[0]);
  if (kind == nullptr) return false;
  into.resource = *kind;
  into.version = version;
  if (rest.size() > 1) into.key.name = rest[1];
  into.status = rest.size() > 2;
  return !into.status || rest[2] == "status";
}

bool read_path(const std::vector<std::string>& path, ApiRequest& into) {
  const auto rest_from = [&](std::ptrdiff_t at) { return std::vector(path.begin() + at, path.end()); };
  if (path.size() > 2 && path[0] == "api") return read_rest(rest_from(2), "", path[1], into);
  if (path.size() > 3 && path[0] == "apis") return read_rest(rest_from(3), path[1], path[2], into);
  return false;
}

}  // namespace

std::string ApiRequest::parameter(const std::string& name) const {
  const auto found = query.find(name);
  return found == query.end() ? std::string() : found->second;
}

const std::vector<kube::Kind>& known_kinds() { return reconcile::all_kinds(); }

std::expected<ApiRequest, Error> parse_request(const http::Request& request) {
  ApiRequest parsed;
  parsed.method = request.method;
  const std::string_view local = local_part(request.url);
  const auto mark = std::min(local.find('?'), local.size());
  const auto malformed = [&] { return refusal(Code::Invalid, 400, "malformed URL: " + request.url); };

  std::vector<std::string> path;
  for (const auto part : split(local.substr(0, mark), '/')) {
    auto decoded = decode(part);
    if (!decoded) return std::unexpected(malformed());
    // A server splits the decoded path: this is a subresource, and rights name each of theirs.
    if (decoded->contains('/'))
      return std::unexpected(refusal(Code::Forbidden, 403, "no right to the subresource of " + request.url));
    path.push_back(*std::move(decoded));
  }
  for (const auto pair : split(local.substr(std::min(mark + 1, local.size())), '&')) {
    const auto equals = std::min(pair.find('='), pair.size());
    const auto name = decode(pair.substr(0, equals));
    auto value = decode(pair.substr(std::min(equals + 1, pair.size())));
    if (!name || !value) return std::unexpected(malformed());
    parsed.query[*name] = *std::move(value);
  }
  if (!read_path(path, parsed)) {
    return std::unexpected(
        refusal(Code::NotFound, 404, "the server could not find the requested resource: " + request.url));
  }
  return parsed;
}

}  // namespace weir::simulation
