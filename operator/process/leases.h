// Which shards of the releases this process works on, as its options say, and the Leases that this takes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "operator/http/transport.h"
#include "operator/kube/auth.h"
#include "operator/kube/client.h"
#include "operator/kube/store.h"
#include "operator/lead/shards.h"
#include "operator/process/options.h"
#include "operator/process/watches.h"

namespace weir::process {

class Leases {
 public:
  // `clock` is the caller's. `on_changes` is called once the shards' steps are done (lead::ShardsThread).
  Leases(const Options& options, const kube::Connection& connection, const base::Clock& clock,
         lead::Shards::OnChanges on_changes);

  // Adds the watch that the shards need, if any.
  void add_watch(Watches& watches);
  [[nodiscard]] lead::Shards& shards() { return *shards_; }
  [[nodiscard]] const lead::Shards& shards() const { return *shards_; }

 private:
  const std::string name_space_;
  bool watched_ = false;
  kube::Store store_;  // of the Leases, if they are watched
  std::unique_ptr<http::Transport> transport_;
  std::optional<kube::Client> client_;
  std::unique_ptr<lead::Shards> shards_;  // always there
};

}  // namespace weir::process
