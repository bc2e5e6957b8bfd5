// Which names, labels and ports Kubernetes takes: the rules of its API server.
#pragma once

#include <cstdint>
#include <string_view>

namespace weir::base {

// RFC 1123: a namespace, a port of a Service.
[[nodiscard]] bool is_dns_label(std::string_view text);
// RFC 1035: a Service.
[[nodiscard]] bool is_service_name(std::string_view text);
// RFC 1123: an object of most kinds. Its parts may be longer than those of a name in DNS.
[[nodiscard]] bool is_dns_subdomain(std::string_view text);
// "team", "example.org/team".
[[nodiscard]] bool is_label_key(std::string_view text);
// The same, but for capital letters before the slash.
[[nodiscard]] bool is_annotation_key(std::string_view text);
[[nodiscard]] bool is_label_value(std::string_view text);
// RFC 6335: a port of a container, as a Service's targetPort names it.
[[nodiscard]] bool is_port_name(std::string_view text);
[[nodiscard]] bool is_port(std::int64_t number);

// A rule with its words for a message: "accepted is …".
struct NameRule {
  bool (*takes)(std::string_view text);
  std::string_view accepted;
};
inline constexpr NameRule kDnsLabel{
    is_dns_label, "lower-case letters, digits and -, 1 to 63 of them, with a letter or digit at both ends"};
inline constexpr NameRule kServiceName{is_service_name,
                                       "lower-case letters, digits and -, 1 to 63 of them, with a letter at "
                                       "the beginning and a letter or digit at the end"};
inline constexpr NameRule kDnsSubdomain{
    is_dns_subdomain,
    "lower-case letters, digits, - and ., 1 to 253 of them, with a letter or digit at both ends of each part "
    "between dots"};
inline constexpr NameRule kLabelKey{
    is_label_key,
    "letters, digits, -, _ and ., 1 to 63 of them, with a letter or digit at both ends, after nothing or a "
    "lower-case DNS name and a slash"};
inline constexpr NameRule kAnnotationKey{
    is_annotation_key,
    "letters, digits, -, _ and ., 1 to 63 of them, with a letter or digit at both ends, after nothing or a "
    "DNS name and a slash"};
inline constexpr NameRule kLabelValue{
    is_label_value,
    "nothing, or letters, digits, -, _ and ., at most 63 of them, with a letter or digit at both ends"};

}  // namespace weir::base
