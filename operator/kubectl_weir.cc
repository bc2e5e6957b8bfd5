// The kubectl plugin: `kubectl weir …`. Everything of the process that the commands are not to see is here.
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <thread>

#include "operator/cli/cli.h"
#include "operator/http/transport.h"
#include "operator/kube/auth.h"
#include "operator/kube/client.h"

namespace {

using namespace weir;

// A real API server with what its client borrows.
struct Remote {
  Remote(const kube::Connection& connection, const base::Clock& clock)
      : transport(http::make_transport(connection.base_url, connection.tls)),
        client(
            *transport, connection.token, clock,
            {.base_url = connection.base_url, .field_manager = "kubectl-weir", .observe = {}, .stop = {}}) {}

  std::unique_ptr<http::Transport> transport;
  kube::Client client;
};

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view{} : value;
}

// The locale's variables in the order in which they count.
bool speaks_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    std::ranges::transform(value, value.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

cli::Screen screen() {
  cli::Screen screen;
  if (isatty(STDOUT_FILENO) == 0) return screen;
  screen.unicode = speaks_utf8();
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    screen.width = size.ws_col;
    screen.height = size.ws_row;
  }
  const bool dumb = variable("TERM").empty() || variable("TERM") == "dumb";
  screen.live = !dumb;
  screen.color = !dumb && variable("NO_COLOR").empty();
  return screen;
}

}  // namespace

int main(int argc, char** argv) {
  const base::SystemClock clock;
  cli::Console console{
      .in = std::cin,
      .out = std::cout,
      .err = std::cerr,
      .clock = clock,
      .screen = screen,
      .sleep = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); },
  };
  const auto connect = [&clock](const cli::Access& access) -> std::expected<cli::Cluster, std::string> {
    const auto connection = kube::load_connection(
        {.kubeconfig = access.kubeconfig, .context = access.context}, clock, kube::process_environment());
    if (!connection) return std::unexpected(connection.error());
    const auto remote = std::make_shared<Remote>(*connection, clock);
    return cli::Cluster{std::shared_ptr<kube::Api>(remote, &remote->client), connection->name_space};
  };
  try {
    return cli::run(std::vector<std::string>(argv + 1, argv + argc), console, connect);
  } catch (const std::exception& error) {
    std::cerr << "kubectl weir: " << error.what() << "\n";
    return cli::kFailed;
  }
}
