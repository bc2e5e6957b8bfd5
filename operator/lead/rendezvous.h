// Which of several processes a release belongs to, by arithmetic alone: all that know the same members agree.
#pragma once

#include <span>
#include <string>

#include "operator/kube/resource.h"

namespace weir::lead {

using kube::Key;

// Parts that the releases of a cluster are divided into. The number is that of Leases, and what changes hands
// at once. All processes of a cluster must have the same.
inline constexpr int kShards = 16;

// From 0 to `shards` - 1. All releases of one Service are in one shard, so that one process sees them.
[[nodiscard]] int shard_of(const Key& service, int shards = kShards);

// The member with the highest rendezvous hash, whatever their order; empty without members. When a member
// goes, only its shards get another owner; when one comes, only those that become its own do.
[[nodiscard]] std::string owner_of(int shard, std::span<const std::string> members);

// 16 hexadecimal digits of a text, always the same: a name for what has a longer one.
[[nodiscard]] std::string hash_name(const std::string& text);

}  // namespace weir::lead
