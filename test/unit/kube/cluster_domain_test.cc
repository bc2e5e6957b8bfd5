#include "operator/kube/cluster_domain.h"

#include <gtest/gtest.h>

namespace weir::kube {
namespace {

TEST(ClusterDomain, is_what_the_resolver_completes_services_with) {
  EXPECT_EQ(cluster_domain_in("nameserver 10.96.0.10\n"
                              "search weir.svc.corp.internal svc.corp.internal corp.internal example.com\n"
                              "options ndots:5\n"),
            "corp.internal");
  EXPECT_EQ(cluster_domain_in("search\tsvc.cluster.local."), "cluster.local");
  EXPECT_EQ(cluster_domain_in("search example.com weir.svc.k8s"), "k8s");
}

TEST(ClusterDomain, is_unknown_without_a_search_line_that_names_it) {
  for (const char* text :
       {"", "search example.com", "# search a.svc.b.c", "nameserver 1.1.1.1", "search . svc",
        "search a.svc.b.c\nsearch example.com", "search a.svc.", "search a.svc.Not_One"})
    EXPECT_EQ(cluster_domain_in(text), "") << text;
}

TEST(ClusterDomain, is_labels_with_dots_between_them) {
  for (const char* text : {"cluster.local", "k8s", "a-b.c1"}) EXPECT_TRUE(is_cluster_domain(text)) << text;
  for (const char* text : {"", ".", "a.", ".a", "a..b", "A.b", "a_b", "-a", "a-.b", "svc.cluster.local\n"})
    EXPECT_FALSE(is_cluster_domain(text)) << text;
  EXPECT_FALSE(is_cluster_domain(std::string(64, 'a')));
}

}  // namespace
}  // namespace weir::kube
