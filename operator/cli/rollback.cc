// `kubectl weir rollback`: asks the operator to take a release back.
#include <ostream>

#include "operator/base/utf8.h"
#include "operator/canary/canary.h"
#include "operator/cli/cli.h"
#include "operator/kube/object.h"

namespace weir::cli {
namespace {

// Each try reads the Canary afresh: the operator writes its status often.
constexpr int kTries = 10;
constexpr std::chrono::milliseconds kBetweenTries{200};
constexpr std::size_t kMaxReason = 1024;  // bytes

// Why the release can't be taken back; empty: it can.
std::string refusal(const kube::Json& object, const canary::Canary& release) {
  const std::string name = kube::to_string(kube::key_of(object));
  switch (release.status.phase) {
    case strategies::Phase::Succeeded:
      return name +
             " has succeeded and its traffic is settled: release the former version with a Canary of its own";
    case strategies::Phase::Failed:
      return name + " was taken back already: " + release.status.message;
    case strategies::Phase::Pending:
    case strategies::Phase::Initializing:
    case strategies::Phase::Progressing:
    case strategies::Phase::Promoting:
    case strategies::Phase::Finalizing:
    case strategies::Phase::RollingBack:
      return "";
  }
  return "";
}

bool already_asked(const canary::Canary& release) {
  return !release.rollback_requested.empty() || release.status.phase == strategies::Phase::RollingBack;
}

}  // namespace

int roll_back(const Arguments& arguments, const kube::Key& key, kube::Api& api, Console& console) {
  const std::string reason = arguments.value("reason", "asked for with kubectl weir rollback");
  const bool says_why = reason.find_first_not_of(" \t\n") != std::string::npos;
  if (!says_why || reason.size() > kMaxReason || base::find_invalid_utf8(reason)) {
    console.err << "--reason must say why in 1 to " << kMaxReason << " characters of UTF-8\n";
    return kRefused;
  }
  for (int attempt = 1;; ++attempt) {
    const auto object = api.get(kube::kCanaries, key);
    if (!object) {
      console.err << explain(object.error(), key) << "\n";
      return kFailed;
    }
    const auto release = canary::parse(*object);
    if (!release) {
      console.err << kube::to_string(key) << ": " << base::printable(release.error().message) << "\n";
      return kFailed;
    }
    if (const std::string why = refusal(*object, *release); !why.empty()) {
      console.err << base::printable(why) << "\n";
      return kRefused;
    }
    if (already_asked(*release)) {
      console.out << kube::to_string(key) << " is being rolled back already\n";
      return kFine;
    }
    kube::Json wanted = *object;
    wanted["metadata"]["annotations"][std::string(canary::kRollbackAnnotation)] = reason;
    const auto written = api.update(kube::kCanaries, *object, wanted);
    if (written) {
      console.out << kube::to_string(key) << " will be rolled back: " << reason << "\n";
      return kFine;
    }
    if (written.error().code != kube::Code::Conflict || attempt == kTries) {
      console.err << explain(written.error(), key) << "\n";
      return kFailed;
    }
    console.sleep(kBetweenTries);
  }
}

}  // namespace weir::cli
