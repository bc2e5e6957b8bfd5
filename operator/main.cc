// The operator: flags, signals, and the process that they govern.
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <thread>
#include <vector>

#include "operator/http/transport.h"
#include "operator/process/memory.h"
#include "operator/process/options.h"
#include "operator/process/process.h"
#include "operator/report/log.h"

namespace {

// Turns SIGTERM and SIGINT into a stop request. Blocked in every thread, they are taken by one that waits for
// them.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  void watch() {
    thread_ = std::thread([this] {
      int signal = 0;
      sigwait(&set_, &signal);
      source_.request_stop();
    });
  }
  // Ends the waiting thread.
  void end() {
    pthread_kill(thread_.native_handle(), SIGUSR2);
    thread_.join();
  }
  [[nodiscard]] std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t set_{};
  std::stop_source source_;
  std::thread thread_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    const std::vector<std::string> words(argv + 1, argv + argc);
    const auto options = weir::parse_options(words);
    if (!options) {
      std::fprintf(stderr, "weir-operator: %s\n", options.error().c_str());
      return 2;
    }
    if (options->help || options->version) {
      std::printf("%s\n", options->help ? weir::options_usage().c_str() : "weir-operator " WEIR_VERSION);
      return 0;
    }
    weir::report::set_up_log(
        options->log_json ? weir::report::Format::JsonLines : weir::report::Format::Text,
        weir::report::level_from(options->log_level).value_or(weir::report::Level::Info));
    weir::process::keep_heap_small();
    Signals signals;
    weir::http::start_io();  // sets environment variables: before any thread
    signals.watch();
    const int code = weir::process::run(*options, signals.token());
    signals.end();
    return code;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "weir-operator: %s\n", error.what());
    return 1;
  }
}
