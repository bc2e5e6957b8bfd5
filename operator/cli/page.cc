#include "operator/cli/page.h"

#include <algorithm>

namespace weir::cli {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

// The character at `at` with its continuation bytes.
std::string_view character(std::string_view text, std::size_t at) {
  std::size_t end = at + 1;
  while (end < text.size() && continues(text[end])) ++end;
  return text.substr(at, end - at);
}

// C0 and C1 controls and DEL.
bool is_control(std::string_view c) {
  const auto first = static_cast<unsigned char>(c[0]);
  if (first < 0x20 || first == 0x7f) return true;
  return c.size() == 2 && first == 0xC2 && static_cast<unsigned char>(c[1]) < 0xA0;
}

std::string_view code(Style style) {
  switch (style) {
    case Style::Plain:
      return "";
    case Style::Bold:
      return "\x1b[1m";
    case Style::Dim:
      return "\x1b[2m";
    case Style::Good:
      return "\x1b[32m";
    case Style::Bad:
      return "\x1b[31m";
    case Style::Warn:
      return "\x1b[33m";
    case Style::Accent:
      return "\x1b[36m";
  }
  return "";
}

}  // namespace

std::size_t length_of(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::ranges::count_if(text, continues));
}

Page& Page::put(std::string_view text, Style style) {
  const bool colored = screen_.color && style != Style::Plain && !text.empty() && column_ < screen_.width;
  if (colored) text_ += code(style);
  for (std::size_t at = 0; at < text.size() && column_ < screen_.width; ++column_) {
    const std::string_view c = character(text, at);
    at += c.size();
    if (is_control(c)) {
      text_ += ' ';
    } else if (c.size() > 1 && !screen_.unicode) {
      text_ += '?';
    } else {
      text_ += c;
    }
  }
  if (colored) text_ += "\x1b[0m";
  return *this;
}

Page& Page::to(std::size_t column) {
  if (column > column_) return put(std::string(column - column_, ' '));
  return put(column_ > 0 ? " " : "");
}

Page& Page::end_line() {
  text_.erase(text_.find_last_not_of(' ') + 1);
  text_ += '\n';
  column_ = 0;
  return *this;
}

Page& Page::paragraph(std::string_view text, std::size_t indent, Style style) {
  bool fresh = true;  // nothing of the paragraph is on this line yet
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (word.empty()) continue;
    if (column_ > indent && column_ + (fresh ? 0 : 1) + length_of(word) > screen_.width) {
      end_line().to(indent);
      fresh = true;
    }
    if (!fresh) put(" ");
    put(word, style);
    fresh = false;
  }
  return end_line();
}

}  // namespace weir::cli
