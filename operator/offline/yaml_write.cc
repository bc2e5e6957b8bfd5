#include <algorithm>
#include <array>
#include <cmath>

#include "operator/offline/yaml.h"

namespace weir::offline {
namespace {

constexpr std::array<std::string_view, 6> kFirst{"apiVersion", "kind",      "metadata",
                                                 "name",       "namespace", "spec"};

std::size_t rank(std::string_view key) {
  return static_cast<std::size_t>(std::ranges::find(kFirst, key) - kFirst.begin());
}

std::vector<std::string> keys_in_order(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  std::ranges::stable_sort(keys, {}, rank);
  return keys;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

// Dates and base 60 numbers, which older readers of YAML take for something else than text.
bool looks_like_time(std::string_view text) {
  const std::size_t digits = text.find_first_not_of("+-0123456789");
  if (text.size() >= 8 && text.find_first_not_of("0123456789") == 4 && text[4] == '-') return true;
  return digits != 0 && digits != std::string_view::npos && text[digits] == ':' &&
         text.find_first_not_of("+-0123456789:._") == std::string_view::npos;
}

bool may_be_plain(const std::string& text) {
  if (text.empty() || text.front() == ' ' || text.back() == ' ' || text.back() == ':') return false;
  if (std::string_view("-?:,[]{}#&*!|>'\"%@`=").find(text.front()) != std::string_view::npos) return false;
  if (text.find(": ") != std::string::npos || text.find(" #") != std::string::npos) return false;
  if (std::ranges::any_of(text, is_control)) return false;
  return text != "<<" && plain_scalar(text).is_string() && !looks_like_time(text);
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string inline_string(const std::string& text) { return may_be_plain(text) ? text : quoted(text); }

// Text of several lines reads best as a block, where each line can stand as it is.
bool may_be_block(const std::string& text) {
  if (text.find('\n') == std::string::npos || text.front() == ' ' || text.front() == '\n') return false;
  if (text.find(" \n") != std::string::npos || text.back() == ' ') return false;
  return std::ranges::none_of(text, [](char c) { return is_control(c) && c != '\n'; });
}

void write_block(const std::string& text, std::size_t indent, std::string& out) {
  const std::size_t last = text.find_last_not_of('\n');
  const std::size_t ends = text.size() - 1 - last;
  out += '|';
  if (ends == 0) out += '-';
  if (ends > 1) out += '+';
  out += '\n';
  const std::string body = ends == 0 ? text + "\n" : text;
  for (std::size_t at = 0; at < body.size();) {
    const std::size_t end = body.find('\n', at);
    if (end > at) out.append(indent, ' ').append(body, at, end - at);
    out += '\n';
    at = end + 1;
  }
}

void write_value(const Json& value, std::size_t indent, std::string& out);

void write_map(const Json& object, std::size_t indent, bool first_indented, std::string& out) {
  for (const std::string& key : keys_in_order(object)) {
    if (!first_indented) out.append(indent, ' ');
    first_indented = false;
    out += inline_string(key) + ":";
    write_value(object[key], indent, out);
  }
}

void write_sequence(const Json& list, std::size_t indent, std::string& out) {
  for (const Json& item : list) {
    out.append(indent, ' ').append("-");
    if (item.is_object() && !item.empty()) {
      out += ' ';
      write_map(item, indent + 2, true, out);
    } else {
      write_value(item, indent + 2, out);
    }
  }
}

// What follows "key:" or "-", to the end of its last line. `indent` is the key's column; lists stand below
// their key.
void write_value(const Json& value, std::size_t indent, std::string& out) {
  if (value.is_object() && !value.empty()) {
    out += '\n';
    write_map(value, indent + 2, false, out);
  } else if (value.is_array() && !value.empty()) {
    out += '\n';
    write_sequence(value, indent, out);
  } else if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    out += ' ';
    if (may_be_block(text)) return write_block(text, indent + 2, out);
    out += inline_string(text) + "\n";
  } else {
    out += " " + value.dump() + "\n";
  }
}

}  // namespace

std::string to_yaml(const std::vector<Json>& documents) {
  std::string out;
  for (const Json& document : documents) {
    out += "---";
    if (document.is_object() && !document.empty()) {
      out += '\n';
      write_map(document, 0, false, out);
    } else {
      write_value(document, 0, out);
    }
  }
  return out;
}

}  // namespace weir::offline
