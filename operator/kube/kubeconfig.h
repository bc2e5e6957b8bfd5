// Reading kubeconfig files.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "operator/kube/auth.h"

namespace weir::kube {

// The connection that `context` (empty: the current one) stands for. Of several files the first that defines
// a name wins; files that do not exist are left out, but one must. What cannot be honoured (exec plugins,
// auth providers, passwords, impersonation, proxies, another TLS server name) is refused rather than ignored.
[[nodiscard]] std::expected<Connection, std::string> read_kubeconfig(const std::vector<std::string>& files,
                                                                     const std::string& context,
                                                                     const base::Clock& clock);

// A whole file, up to a mebibyte. The error names it.
[[nodiscard]] std::expected<std::string, std::string> read_file(const std::string& path);

}  // namespace weir::kube
