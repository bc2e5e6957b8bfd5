#include "operator/lead/rendezvous.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "operator/base/hash.h"

namespace weir::lead {
namespace {

// Evened by the finalizer of MurmurHash3.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = base::fnv1a(text);
  value ^= value >> 33U;
  value *= 0xff51afd7ed558ccdU;
  value ^= value >> 33U;
  value *= 0xc4ceb9fe1a85ec53U;
  value ^= value >> 33U;
  return value;
}

}  // namespace

int shard_of(const Key& service, int shards) {
  return static_cast<int>(hash(service.name_space + "/" + service.name) % static_cast<std::uint64_t>(shards));
}

std::string owner_of(int shard, std::span<const std::string> members) {
  // Two with the same hash are told apart by their names.
  const auto rank = [shard](const std::string& member) {
    return std::pair(hash(member + "/" + std::to_string(shard)), member);
  };
  const auto best = std::ranges::max_element(members, {}, rank);
  return best == members.end() ? std::string() : *best;
}

std::string hash_name(const std::string& text) { return base::hex(hash(text)); }

}  // namespace weir::lead
