// What a release costs grows as its routes do. Counted in allocations, which no busy machine changes.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "operator/cli/plan.h"
#include "operator/offline/yaml.h"
#include "test/unit/cli/release_text.h"

namespace {
std::atomic<std::size_t> allocations{0};
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
// Inlined, it would seem to free what a standard allocation made.
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace weir::cli {
namespace {

constexpr const char* kRouting = R"(---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout, namespace: shop}
spec: {host: checkout, subsets: [{name: stable, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, namespace: shop}
spec:
  hosts: [checkout]
  http:
)";

std::size_t allocations_of_a_plan(int routes, const std::string& destination) {
  std::string text = release_text() + kRouting;
  for (int i = 0; i < routes; ++i) {
    text += "  - match: [{uri: {prefix: /api/v" + std::to_string(i) +
            "}}]\n    route: [{destination: " + destination + "}]\n";
  }
  const auto before = allocations.load();
  const auto documents = offline::parse_yaml(text, "release.yaml");
  EXPECT_TRUE(documents) << documents.error();
  const auto plan = make_plan(*documents, "shop");
  EXPECT_TRUE(plan) << plan.error();
  return allocations.load() - before;
}

TEST(Plan, grows_as_the_routes_do) {
  for (const auto* destination : {"{host: checkout}", "{host: checkout, subset: stable}"}) {
    const auto few = allocations_of_a_plan(50, destination);
    const auto many = allocations_of_a_plan(400, destination);
    EXPECT_LT(many, 8 * few) << destination;
  }
}

}  // namespace
}  // namespace weir::cli
