// One object to write, as those say it who decide what is written and leave the writing to others.
#pragma once

#include <nlohmann/json.hpp>

#include "operator/kube/resource.h"

namespace weir::kube {

// `before` is null for an object to make, `after` is null for one to delete.
struct Write {
  Resource kind;
  nlohmann::json before;
  nlohmann::json after;
};

}  // namespace weir::kube
