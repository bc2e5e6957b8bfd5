// The one Canary that a command is about, from files.
#pragma once

#include <expected>
#include <iosfwd>
#include <string>
#include <vector>

#include "operator/base/args.h"
#include "operator/base/json.h"
#include "operator/canary/canary.h"
#include "operator/offline/yaml.h"

namespace weir::cli {

using base::Arguments;

using base::Json;

// What -f and the arguments name, in order.
[[nodiscard]] std::vector<std::string> files_of(const Arguments& arguments);

// The one Canary among them; checks every document that has fields of ours. `name_space` is that of objects
// that name none. The error says where it is.
[[nodiscard]] std::expected<canary::Canary, std::string> find_canary(
    const std::vector<offline::Document>& documents, const std::string& name_space);

// "seen in shop.yaml: Canary shop/checkout-v2, Service shop/checkout": what a reader of an error looks for.
[[nodiscard]] std::string documents_seen(const std::vector<offline::Document>& documents,
                                         const std::string& name_space);

// The one Canary of the files of -f.
[[nodiscard]] std::expected<canary::Canary, std::string> read_canary(const Arguments& arguments,
                                                                     std::istream& in);

}  // namespace weir::cli
