// Changes JSON as JSON, so that most inputs get past the parser: values are replaced, moved, repeated and
// left out. Linked into the targets that read JSON, when they are built for fuzzing.
#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <vector>

#include "test/fuzz/json.h"
#include "test/fuzz/target.h"

// Of libFuzzer: changes bytes in place, returns their new number.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace weir::fuzz {
namespace {

constexpr std::size_t kMaxString = 64;

std::string written(const Json& value) { return value.dump(-1, ' ', false, Json::error_handler_t::ignore); }

class Mutation {
 public:
  Mutation(Json& root, unsigned seed) : root_(root), random_(seed) { collect(root_); }

  void run() {
    Json& node = *pick(nodes_);
    switch (below(7)) {
      case 0:
        node = interesting();
        return;
      case 1:
        node = Json(*pick(nodes_));
        return;
      case 2:
        node = Json::array({Json(node)});
        return;
      default:
        return change(node);
    }
  }

  void graft(const Json& other) {
    Json copy = other;
    Mutation donor(copy, static_cast<unsigned>(random_()));
    *pick(nodes_) = Json(*donor.pick(donor.nodes_));
  }

 private:
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }
  template <typename T>
  T& pick(std::vector<T>& from) {
    return from[below(from.size())];
  }

  void collect(Json& node) {
    nodes_.push_back(&node);
    if (node.is_object()) {
      for (const auto& [name, value] : node.items()) names_.push_back(name);
    }
    if (!node.is_structured()) return;
    for (auto& value : node) collect(value);
  }

  Json interesting() {
    static const std::array<Json, 18> kValues{Json(),
                                              true,
                                              false,
                                              0,
                                              1,
                                              -1,
                                              50,
                                              100,
                                              101,
                                              2147483647,
                                              -2147483648LL,
                                              9223372036854775807LL,
                                              18446744073709551615ULL,
                                              0.5,
                                              1e300,
                                              "",
                                              Json::array(),
                                              Json::object()};
    return kValues[below(kValues.size())];
  }

  void change(Json& node) {
    if (node.is_object()) return change_object(node);
    if (node.is_array()) return change_array(node);
    if (node.is_string()) {
      node = changed(node.get<std::string>());
    } else if (node.is_number_integer()) {
      node = static_cast<std::int64_t>(static_cast<std::uint64_t>(node.get<std::int64_t>()) + below(7) - 3);
    } else {
      node = interesting();
    }
  }

  static std::string changed(const std::string& text) {
    std::array<std::uint8_t, kMaxString> bytes{};
    const auto size = std::min(text.size(), bytes.size());
    std::copy_n(text.begin(), size, bytes.begin());
    const auto now = LLVMFuzzerMutate(bytes.data(), size, bytes.size());
    return {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(now)};
  }

  void change_object(Json& node) {
    if (node.empty() || below(3) == 0) {
      if (!names_.empty()) node[pick(names_)] = Json(*pick(nodes_));
      return;
    }
    const auto at = std::next(node.begin(), static_cast<std::ptrdiff_t>(below(node.size())));
    if (below(3) == 0) node[pick(names_)] = Json(at.value());
    node.erase(at);
  }

  void change_array(Json& node) {
    if (node.empty()) {
      node.push_back(Json(*pick(nodes_)));
      return;
    }
    const auto at = below(node.size());
    switch (below(3)) {
      case 0:
        node.erase(at);
        return;
      case 1:
        node.push_back(Json(node[at]));
        return;
      default:
        std::swap(node[at], node[below(node.size())]);
        return;
    }
  }

  Json& root_;
  std::minstd_rand random_;
  std::vector<Json*> nodes_;
  std::vector<std::string> names_;  // of members, anywhere
};

std::size_t put(const std::string& text, std::uint8_t* data, std::size_t size, std::size_t max_size) {
  if (text.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(text, data);
  return text.size();
}

}  // namespace
}  // namespace weir::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace weir::fuzz;
  auto value = parse_json(text_of(data, size));
  if (value.is_discarded() || seed % 20 == 0) return LLVMFuzzerMutate(data, size, max_size);
  std::minstd_rand random(seed);
  for (auto times = 1 + random() % 4; times > 0; --times)
    Mutation(value, static_cast<unsigned>(random())).run();
  return put(written(value), data, size, max_size);
}

extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data, std::size_t size,
                                                 const std::uint8_t* other, std::size_t other_size,
                                                 std::uint8_t* out, std::size_t max_size, unsigned seed) {
  using namespace weir::fuzz;
  auto value = parse_json(text_of(data, size));
  const auto donor = parse_json(text_of(other, other_size));
  if (value.is_discarded() || donor.is_discarded()) return 0;
  Mutation(value, seed).graft(donor);
  const auto text = written(value);
  return text.size() > max_size ? 0 : put(text, out, 0, max_size);
}
