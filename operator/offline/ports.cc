#include "operator/offline/ports.h"

#include <set>
#include <utility>

#include "operator/base/json.h"
#include "operator/base/names.h"

namespace weir::offline {
namespace {

using base::text;

constexpr std::string_view kNumber = "a whole number from 1 to 65535";

Unusable unusable(const std::string& field, const Json& value, std::string_view accepted) {
  return {.field = field, .value = value.is_null() ? "" : value.dump(), .accepted = accepted};
}

bool is_port_number(const Json& value) {
  return value.is_number_integer() && base::is_port(value.get<std::int64_t>());
}

// Absent, 0 and "" stand for the port itself.
bool is_target(const Json& value) {
  if (value.is_string()) {
    const auto& name = value.get_ref<const std::string&>();
    return name.empty() || base::is_port_name(name);
  }
  return value.is_null() || value == 0 || is_port_number(value);
}

bool is_protocol(const Json& value) {
  if (!value.is_string()) return value.is_null();
  const auto& name = value.get_ref<const std::string&>();
  return name.empty() || name == "TCP" || name == "UDP" || name == "SCTP";
}

std::string protocol_of(const Json& port) {
  auto protocol = text(port, {"protocol"});
  return protocol.empty() ? "TCP" : protocol;
}

// A headless Service and an alias need no port.
bool needs_ports(const Json& service) {
  return text(service, {"spec", "clusterIP"}) != "None" && text(service, {"spec", "type"}) != "ExternalName";
}

// Reads the ports one after another, since no two may be alike.
class Ports {
 public:
  explicit Ports(bool several) : several_(several) {}

  std::optional<Unusable> take(const Json& port, const std::string& at) {
    const auto& number = base::field(port, {"port"});
    if (!is_port_number(number)) return unusable(at + ".port", number, kNumber);
    const auto& target = base::field(port, {"targetPort"});
    if (!is_target(target)) {
      return unusable(
          at + ".targetPort", target,
          "a whole number from 1 to 65535, or the name of a container's port: lower-case letters, "
          "digits and -, 1 to 15 of them, a letter among them, with no - at either end or beside "
          "another");
    }
    const auto& protocol = base::field(port, {"protocol"});
    if (!is_protocol(protocol)) return unusable(at + ".protocol", protocol, "TCP, UDP or SCTP");
    const auto& application = base::field(port, {"appProtocol"});
    const bool known =
        application.is_null() || (application.is_string() && base::is_label_key(text(port, {"appProtocol"})));
    if (!known) return unusable(at + ".appProtocol", application, base::kLabelKey.accepted);
    if (auto found = take_name(port, at)) return found;
    if (numbers_.emplace(protocol_of(port), number.get<std::int64_t>()).second) return std::nullopt;
    return unusable(at + ".port", number, "a number that no other port of the same protocol has");
  }

 private:
  std::optional<Unusable> take_name(const Json& port, const std::string& at) {
    const auto& name = base::field(port, {"name"});
    if (!name.is_null() && !name.is_string()) return unusable(at + ".name", name, "a string");
    const auto given = text(port, {"name"});
    if (given.empty() && !several_) return std::nullopt;
    if (!base::is_dns_label(given)) return unusable(at + ".name", name, base::kDnsLabel.accepted);
    if (names_.insert(given).second) return std::nullopt;
    return unusable(at + ".name", name, "a name that no other port has");
  }

  const bool several_;
  std::set<std::string> names_;
  std::set<std::pair<std::string, std::int64_t>> numbers_;
};

}  // namespace

std::optional<Unusable> find_unusable_port(const Json& service) {
  const auto& ports = base::field(service, {"spec", "ports"});
  if (!ports.is_array() || ports.empty()) {
    if (!needs_ports(service)) return std::nullopt;
    return unusable("spec.ports", ports,
                    "a list of one port or more; only with spec.clusterIP None or spec.type ExternalName it "
                    "may be empty");
  }
  Ports taken(ports.size() > 1);
  for (std::size_t i = 0; i < ports.size(); ++i) {
    if (auto found = taken.take(ports[i], "spec.ports[" + std::to_string(i) + "]")) return found;
  }
  return std::nullopt;
}

}  // namespace weir::offline
