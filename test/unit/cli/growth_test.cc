// What a release costs grows as its routes do, and as what else is in its files. Counted in allocations,
// which no busy machine changes.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "operator/cli/plan.h"
#include "operator/offline/yaml.h"
#include "test/unit/cli/release_text.h"

namespace {
std::atomic<std::size_t> allocations{0};
std::atomic<std::size_t> allocated_bytes{0};
}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  allocated_bytes += size;
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

std::size_t allocations_of(const std::string& text) {
  const auto before = allocations.load();
  const auto documents = offline::parse_yaml(text, "release.yaml");
  EXPECT_TRUE(documents) << documents.error();
  const auto plan = make_plan(*documents, "shop");
  EXPECT_TRUE(plan) << plan.error();
  return allocations.load() - before;
}

std::size_t allocations_of_a_plan(int routes, const std::string& destination) {
  std::string text = release_text() + kRouting;
  for (int i = 0; i < routes; ++i) {
    text += "  - match: [{uri: {prefix: /api/v" + std::to_string(i) +
            "}}]\n    route: [{destination: " + destination + "}]\n";
  }
  return allocations_of(text);
}

// So long that a copy of it is an allocation.
std::string long_name(const std::string& what, int number) {
  return what + "-of-the-checkout-team-" + std::to_string(number);
}

// A rule of as many subsets as there are routes, each of which names another one.
std::string subsets_text(int count) {
  std::string text = release_text() + R"(---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: checkout, namespace: shop}
spec:
  host: checkout
  subsets:
  - {name: stable, labels: {version: v1}}
)";
  for (int i = 0; i < count; ++i)
    text += "  - {name: " + long_name("subset", i) + ", labels: {version: x" + std::to_string(i) + "}}\n";
  text += R"(---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: checkout, namespace: shop}
spec:
  hosts: [checkout]
  http:
)";
  for (int i = 0; i < count; ++i) {
    text += "  - match: [{uri: {prefix: /api/v" + std::to_string(i) +
            "}}]\n    route: [{destination: {host: checkout, subset: " + long_name("subset", i) + "}}]\n";
  }
  return text + "  - route: [{destination: {host: checkout, subset: stable}}]\n";
}

std::string virtual_services_text(int count, const std::string& spec) {
  std::string text = release_text();
  for (int i = 0; i < count; ++i) {
    text += "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " +
            long_name("routes", i) + ", namespace: shop}\nspec: {" + spec +
            "http: [{route: [{destination: {host: checkout}}]}]}\n";
  }
  return text;
}

// A root with a route for each of as many delegates.
std::string delegates_text(int count) {
  auto text = virtual_services_text(count, "") +
              "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: root, "
              "namespace: shop}\nspec:\n  hosts: [checkout]\n  http:\n";
  for (int i = 0; i < count; ++i) {
    text += "  - match: [{uri: {prefix: /api/v" + std::to_string(i) +
            "}}]\n    delegate: {name: " + long_name("routes", i) + "}\n";
  }
  return text;
}

// `others` Services that select every one of as many Deployments, beside the release.
std::size_t allocations_among(int others) {
  std::string text =
      release_text() + kRouting + "  - route: [{destination: {host: checkout, subset: stable}}]\n";
  for (int i = 0; i < others; ++i) {
    const auto name = "other-" + std::to_string(i);
    const auto labels = "{app: " + name + ", team: shop}";
    text += "---\napiVersion: v1\nkind: Service\nmetadata: {name: " + name +
            ", namespace: shop}\nspec: {selector: {team: shop}, ports: [{port: 80}]}\n"
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " +
            name + ", namespace: shop}\nspec:\n  selector: {matchLabels: " + labels +
            "}\n  template: {metadata: {labels: " + labels + "}}\n";
  }
  return allocations_of(text);
}

TEST(Plan, grows_as_the_routes_do) {
  for (const auto* destination : {"{host: checkout}", "{host: checkout, subset: stable}"}) {
    const auto few = allocations_of_a_plan(50, destination);
    const auto many = allocations_of_a_plan(400, destination);
    EXPECT_LT(many, 8 * few) << destination;
  }
}

TEST(Plan, grows_as_the_subsets_do) {
  EXPECT_LT(allocations_of(subsets_text(400)), 8 * allocations_of(subsets_text(50)));
}

TEST(Plan, grows_as_the_virtual_services_do) {
  for (const auto* hosts : {"hosts: [shop.example.com], gateways: [web], ", "hosts: [checkout], "}) {
    const auto few = allocations_of(virtual_services_text(20, hosts));
    EXPECT_LT(allocations_of(virtual_services_text(160, hosts)), 8 * few) << hosts;
  }
}

TEST(Plan, grows_as_the_delegates_do) {
  EXPECT_LT(allocations_of(delegates_text(160)), 8 * allocations_of(delegates_text(20)));
}

TEST(Plan, grows_as_what_else_is_in_the_files_does) {
  const auto alone = allocations_among(0);
  EXPECT_LT(allocations_among(400) - alone, 10 * (allocations_among(50) - alone));
}

TEST(Plan, reads_a_value_at_the_same_cost_however_long_the_keys_around_it_are) {
  constexpr int kLevels = 80;
  constexpr int kValues = 2000;
  std::string text = "apiVersion: v1\nkind: T\nspec: ";
  for (int i = 0; i < kLevels; ++i) text += "{" + std::string(900, 'k') + ": ";
  text += "{";
  for (int i = 0; i < kValues; ++i) text += "a" + std::to_string(i) + ": 0, ";
  text += "}" + std::string(kLevels, '}') + "\n";
  const auto before = allocated_bytes.load();
  const auto documents = offline::parse_yaml(text, "t.yaml");
  ASSERT_TRUE(documents) << documents.error();
  // The path of each value has 72 KB: 144 MB of all.
  EXPECT_LT(allocated_bytes.load() - before, std::size_t{50} << 20);
}

}  // namespace
}  // namespace weir::cli
