// Text laid out for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weir::cli {

// What the terminal can show. The defaults suit a pipe.
struct Screen {
  std::size_t width = 80;
  std::size_t height = 0;  // lines; 0: unlimited
  bool live = false;       // a terminal, on which text can be drawn again in place
  bool color = false;
  bool unicode = false;
};

enum class Style { Plain, Bold, Dim, Good, Bad, Warn, Accent };

// Lines of text no wider than the screen. Takes text from anywhere: control characters, which a terminal
// would obey, become spaces, and characters that it can't show become "?". Widths count characters.
class Page {
 public:
  explicit Page(const Screen& screen) : screen_(screen) {}

  // Appends to the current line; what goes beyond the screen's width is left out.
  Page& put(std::string_view text, Style style = Style::Plain);
  // Spaces up to a column; at least one behind text that has reached it.
  Page& to(std::size_t column);
  Page& end_line();
  // Words from the current column on, with further lines indented to `indent`; ends the line.
  Page& paragraph(std::string_view text, std::size_t indent, Style style = Style::Plain);

  [[nodiscard]] const Screen& screen() const { return screen_; }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  Screen screen_;
  std::string text_;
  std::size_t column_ = 0;
};

// Characters of UTF-8 text.
[[nodiscard]] std::size_t length_of(std::string_view text);

}  // namespace weir::cli
