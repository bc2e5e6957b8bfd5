#include "operator/routing/istio/ports.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <string>
#include <string_view>

#include "operator/base/json.h"
#include "operator/routing/istio/label.h"

namespace weir::routing {
namespace {

// What a sidecar takes a port for: Istio's protocol selection.
enum class Protocol { Http, Other, Guessed };

// By the port's name up to its first dash, or by appProtocol.
constexpr std::array<std::string_view, 5> kHttp{"http", "http2", "grpc", "kubernetes.io/h2c",
                                                "kubernetes.io/ws"};
constexpr std::array<std::string_view, 8> kOther{"tcp",   "udp",   "https", "tls",
                                                 "mongo", "redis", "mysql", "kubernetes.io/wss"};
// Taken for TCP where nothing says what they are: SMTP, DNS, MySQL, MongoDB.
constexpr std::array<std::int64_t, 4> kWellKnown{25, 53, 3306, 27017};

bool is_one_of(const auto& all, const auto& one) { return std::ranges::find(all, one) != all.end(); }

Protocol protocol_of(const Json& port) {
  if (base::text(port, {"protocol"}) == "UDP") return Protocol::Other;
  auto name = base::text(port, {"appProtocol"});
  if (name.empty()) name = base::text(port, {"name"});
  std::ranges::transform(name, name.begin(), [](unsigned char letter) { return std::tolower(letter); });
  if (name.starts_with("grpc-web")) return Protocol::Http;
  name = name.substr(0, name.find('-'));
  if (is_one_of(kHttp, name)) return Protocol::Http;
  const bool other = is_one_of(kOther, name) || is_one_of(kWellKnown, base::integer(port, {"port"}));
  return other ? Protocol::Other : Protocol::Guessed;
}

// "port 80 ("tcp-web", appProtocol "tcp")".
std::string named(const Json& port) {
  std::string text = "port " + std::to_string(base::integer(port, {"port"}));
  const auto name = base::text(port, {"name"});
  const auto protocol = base::text(port, {"appProtocol"});
  if (!name.empty()) text += " (\"" + name + "\")";
  if (!protocol.empty()) text += " with appProtocol \"" + protocol + "\"";
  return text;
}

// The ports that a route leads to: those that it names, else all of the Service's.
std::vector<const Json*> ports_of(const Json& service, const Json& route) {
  std::vector<const Json*> found;
  const auto& ports = base::field(service, {"spec", "ports"});
  if (!ports.is_array()) return found;
  const auto& entries = base::field(route, {"route"});
  const auto leads_to = [&](std::int64_t number) {
    return !entries.is_array() || std::ranges::any_of(entries, [&](const Json& entry) {
      return base::integer(entry, {"destination", "port", "number"}, number) == number;
    });
  };
  for (const auto& port : ports) {
    if (leads_to(base::integer(port, {"port"}))) found.push_back(&port);
  }
  return found;
}

// Calls with each divided table that applies to sidecars, and its route.
template <typename Visit>
void each_of_sidecars(const Target& target, const Managed& managed, const Visit& visit) {
  for (const auto& one : managed) {
    if (sidecar_bindings(target, one).empty()) continue;
    for (const auto& table : one.tables)
      visit(*one.object, table, one.object->at("spec").at(table.kind).at(table.index));
  }
}

const Json* service_of(const Objects& objects) {
  const auto& services = objects.of(kube::kServices);
  return services.empty() ? nullptr : &services.front();
}

Refusal headless(const Target& target, const Json& virtual_service) {
  return {
      .condition = "Progressing",
      .reason = "HeadlessService",
      .message = "Service " + target.service +
                 " has spec.clusterIP None: a sidecar sends a request to the pod whose address the client "
                 "looked up, whatever the weights of " +
                 label_of(target, virtual_service) +
                 " say; give the Service an address (leave spec.clusterIP out), or bind the routes to "
                 "gateways only"};
}

Refusal wrong_protocol(const Target& target, const Json& virtual_service, const Table& table,
                       const Json& port) {
  const bool http = table.kind == "http";
  const std::string accepted =
      http ? "a name that begins with http, http2, grpc or grpc-web, or such an appProtocol"
           : "a name that begins with tcp, tls or https, or such an appProtocol";
  return {.condition = "Progressing",
          .reason = "PortProtocol",
          .message = "spec.ports of Service " + target.service + ": " + named(port) + " is " +
                     (http ? "not HTTP" : "HTTP") + " to Istio, and " + label_of(target, virtual_service) +
                     " " + table.label + " is a route for " + table.kind +
                     ": a sidecar passes it over, and requests reach both versions unweighted; accepted is " +
                     accepted};
}

}  // namespace

std::vector<std::int64_t> ports_for(const Objects& objects, const std::string& kind) {
  std::vector<std::int64_t> found;
  const auto* service = service_of(objects);
  if (service == nullptr) return found;
  const auto wrong = kind == "http" ? Protocol::Other : Protocol::Http;
  for (const auto& port : base::field(*service, {"spec", "ports"})) {
    if (protocol_of(port) != wrong) found.push_back(base::integer(port, {"port"}));
  }
  return found;
}

std::vector<Refusal> form_refusals(const Target& target, const Objects& objects, const Managed& managed) {
  std::vector<Refusal> refusals;
  const auto* service = service_of(objects);
  if (service == nullptr || has_route_records(target)) return refusals;
  const bool no_address = base::text(*service, {"spec", "clusterIP"}) == "None";
  each_of_sidecars(target, managed, [&](const Json& object, const Table& table, const Json& route) {
    if (no_address && refusals.empty()) refusals.push_back(headless(target, object));
    const auto wrong = table.kind == "http" ? Protocol::Other : Protocol::Http;
    const auto ports = ports_of(*service, route);
    const bool all_wrong = !ports.empty() && std::ranges::all_of(ports, [&](const Json* port) {
      return protocol_of(*port) == wrong;
    });
    if (all_wrong) refusals.push_back(wrong_protocol(target, object, table, *ports.front()));
  });
  return refusals;
}

std::vector<strategies::Warning> form_warnings(const Target& target, const Objects& objects,
                                               const Managed& managed) {
  std::vector<strategies::Warning> warnings;
  const auto* service = service_of(objects);
  if (service == nullptr || has_route_records(target)) return warnings;
  each_of_sidecars(target, managed, [&](const Json& object, const Table& table, const Json& route) {
    const auto ports = ports_of(*service, route);
    const bool guessed =
        table.kind == "http" && !ports.empty() &&
        std::ranges::all_of(ports, [](const Json* port) { return protocol_of(*port) == Protocol::Guessed; });
    if (!guessed || !warnings.empty()) return;
    warnings.push_back({"PortProtocolGuessed",
                        "spec.ports of Service " + target.service + ": nothing says the protocol of " +
                            named(*ports.front()) +
                            ", and Istio guesses it from the first bytes: what it does not take for HTTP "
                            "passes " +
                            label_of(target, object) + " over; name the port http, or set appProtocol"});
  });
  return warnings;
}

}  // namespace weir::routing
