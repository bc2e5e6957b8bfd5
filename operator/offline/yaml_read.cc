#include <spdlog/fmt/fmt.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <istream>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <streambuf>

#include "operator/base/utf8.h"
#include "operator/offline/yaml.h"

namespace weir::offline {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

bool one_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

// Digits in a base, all of `text`; negative numbers keep 64 bits of sign.
std::optional<Json> integer(std::string_view digits, int base, bool negative) {
  std::uint64_t magnitude = 0;
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto [stop, error] = std::from_chars(begin, end, magnitude, base);
  if (digits.empty() || error != std::errc{} || stop != end) return std::nullopt;
  if (!negative) return Json(magnitude);
  constexpr std::uint64_t kLowest = std::uint64_t{1} << 63;
  if (magnitude > kLowest) return std::nullopt;
  return Json(static_cast<std::int64_t>(~magnitude + 1));
}

std::optional<Json> integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() < 2 || text[0] != '0') return integer(text, 10, negative);
  switch (text[1]) {
    case 'x':
    case 'X':
      return integer(text.substr(2), 16, negative);
    case 'b':
    case 'B':
      return integer(text.substr(2), 2, negative);
    case 'o':
    case 'O':
      return integer(text.substr(2), 8, negative);
    default:
      return integer(text.substr(1), 8, negative);
  }
}

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at;
}

// [-+]? (digits | digits "." digits? | "." digits) ([eE] [-+]? digits)?
bool is_float(std::string_view text) {
  std::size_t at = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  const std::size_t whole = skip_digits(text, at) - at;
  at += whole;
  if (at < text.size() && text[at] == '.') {
    const std::size_t fraction = skip_digits(text, at + 1) - (at + 1);
    if (whole + fraction == 0) return false;
    at += 1 + fraction;
  } else if (whole == 0) {
    return false;
  }
  if (at == text.size()) return true;
  if (text[at] != 'e' && text[at] != 'E') return false;
  ++at;
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  return at < text.size() && skip_digits(text, at) == text.size();
}

struct Failure {
  std::string message;  // with its position
};

constexpr std::string_view kTooMuchText = "more than 16 MiB of text, with what aliases repeat of it";

std::string too_many() { return fmt::format("more than {} values", kMaxNodes); }

// The text on its way to the parser. yaml-cpp holds a list or an object in brackets back until it is closed:
// what is too much is found here, by the signs that stand before values.
class Source final : public std::streambuf {
 public:
  // Borrows both.
  Source(std::string& text, const std::string& file) : file_(file), end_(text.data() + text.size()) {
    setg(text.data(), text.data(), text.data());
  }

  // The parser has told of what it has read so far.
  void told() { signs_ = 0; }

 protected:
  int_type underflow() override {
    constexpr std::ptrdiff_t kBlock = 4096;
    // A bracket and a comma may stand before one value, and text has commas of its own.
    constexpr std::ptrdiff_t kMaxSigns = 2 * kMaxNodes;
    if (gptr() == end_) return traits_type::eof();
    char* const block_end = gptr() + std::min(kBlock, end_ - gptr());
    signs_ += std::count_if(gptr(), block_end, [](char c) { return c == ',' || c == '[' || c == '{'; });
    if (signs_ > kMaxSigns) {
      throw Failure{fmt::format("{}:{}: {}", file_, 1 + std::count(eback(), gptr(), '\n'), too_many())};
    }
    setg(eback(), gptr(), block_end);
    return traits_type::to_int_type(*gptr());
  }

 private:
  const std::string& file_;
  char* const end_;
  std::ptrdiff_t signs_ = 0;
};

// Makes documents of what the parser tells, and counts as it goes. Failures leave by exception, since they
// come from any depth; they end in parse_yaml.
class Builder final : public YAML::EventHandler {
 public:
  // Borrows both.
  Builder(Source& source, const std::string& file) : source_(source), file_(file) {}

  [[nodiscard]] std::vector<Document> take() { return std::move(documents_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    see(mark);
    // yaml-cpp 0.7 makes one empty document after another, without end, of a token that can begin none, such
    // as the comma of "[1],2".
    if (mark.pos == last_start_)
      fail(fmt::format("not YAML: nothing can begin at column {}", mark.column + 1));
    last_start_ = mark.pos;
    anchored_.clear();
    documents_.emplace_back().file = file_;
  }
  void OnDocumentEnd() override {
    if (documents_.back().object.is_null()) documents_.pop_back();
  }
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    begin(mark);
    finish(anchor, {}, {.line = line_of_value()});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    see(mark);
    if (wants_key()) {
      if (anchor != YAML::NullAnchor) anchored_[anchor] = {.value = text, .bytes = text.size()};
      return key(text, tag == "?");
    }
    begin(mark);
    finish(anchor, {.value = scalar(tag, text), .bytes = text.size()}, {.line = line_of_value()});
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    see(mark);
    const auto found = anchored_.find(anchor);
    if (found == anchored_.end()) fail("an alias stands within the value that it names");
    const Part& part = found->second;
    if (wants_key() && part.value.is_string()) return key(part.value.get_ref<const std::string&>(), false);
    begin(mark);
    count(part);
    finish(YAML::NullAnchor, part, {.line = line_of_value()});
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::array());
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, anchor, Json::object());
  }
  void OnMapEnd() override {
    merge();
    close();
  }

 private:
  struct Part {
    Json value;
    std::size_t nodes = 0;  // values below it
    std::size_t depth = 0;  // levels of them
    std::size_t bytes = 0;  // text of it, keys and all
  };
  // What "<<" names.
  struct Merged {
    int line = 0;
    Json value;
  };
  // A list or an object that has not ended.
  struct Open {
    Part part;
    Lines lines;
    YAML::anchor_t anchor = YAML::NullAnchor;
    // Of an object: the key whose value comes next.
    std::string key;
    int key_line = 0;
    bool has_key = false;
    bool merges = false;
    std::vector<Merged> merged;
  };

  [[noreturn]] void fail(const std::string& message) const {
    throw Failure{fmt::format("{}:{}: {}", file_, line_, message)};
  }

  void see(const YAML::Mark& mark) {
    source_.told();
    line_ = mark.line + 1;
  }

  void count(const Part& part) {
    nodes_ += part.nodes;
    if (nodes_ > kMaxNodes) fail(too_many());
    repeated_ += part.bytes;
    if (repeated_ > kMaxInputBytes) fail(std::string(kTooMuchText));
    if (open_.size() + part.depth > kMaxDepth) fail(fmt::format("more than {} levels of nesting", kMaxDepth));
  }

  [[nodiscard]] bool wants_key() const {
    return !open_.empty() && open_.back().part.value.is_object() && !open_.back().has_key;
  }

  // Of the value that comes next: a key's is known already.
  [[nodiscard]] int line_of_value() const {
    return open_.empty() || open_.back().part.value.is_array() ? line_ : open_.back().key_line;
  }

  void key(const std::string& text, bool plain) {
    if (text.size() > kMaxKeyBytes)
      fail(fmt::format("a key has {} bytes: at most {} are accepted", text.size(), kMaxKeyBytes));
    Open& object = open_.back();
    object.has_key = true;
    object.key_line = line_;
    object.merges = plain && text == "<<";
    if (object.merges) {
      object.merged.push_back({.line = line_, .value = {}});
      return;
    }
    if (object.part.value.contains(text)) fail("key \"" + text + "\" is written twice");
    object.key = text;
    object.part.bytes += text.size();
  }

  // A value begins.
  void begin(const YAML::Mark& mark) {
    see(mark);
    if (wants_key()) fail("a key must be a word, not a list or an object");
    count({.value = {}, .nodes = 1});
  }

  void finish(YAML::anchor_t anchor, Part part, Lines lines) {
    if (anchor != YAML::NullAnchor) {
      count(part);
      anchored_[anchor] = part;
    }
    if (open_.empty()) {
      documents_.back().object = std::move(part.value);
      documents_.back().lines = std::move(lines);
      return;
    }
    Open& around = open_.back();
    around.part.nodes += part.nodes + 1;
    around.part.bytes += part.bytes;
    around.part.depth = std::max(around.part.depth, part.depth + 1);
    if (around.part.value.is_array()) {
      around.part.value.push_back(std::move(part.value));
      around.lines.items.push_back(std::move(lines));
    } else if (around.merges) {
      around.merged.back().value = std::move(part.value);
      std::ranges::move(lines.members, std::back_inserter(around.lines.members));
    } else {
      around.part.value[around.key] = std::move(part.value);
      around.lines.members.push_back({around.key, std::move(lines)});
    }
    around.has_key = false;
    around.merges = false;
  }

  void open(const YAML::Mark& mark, YAML::anchor_t anchor, Json value) {
    begin(mark);
    const int line = line_of_value();
    open_.push_back({.part = {.value = std::move(value)}, .lines = {.line = line}, .anchor = anchor});
  }

  void close() {
    source_.told();
    Open ended = std::move(open_.back());
    open_.pop_back();
    finish(ended.anchor, std::move(ended.part), std::move(ended.lines));
  }

  // Fields of another object, or of several, where the object has none of its own.
  void merge() {
    Open& object = open_.back();
    for (Merged& merged : object.merged) {
      const Json parts = merged.value.is_array() ? std::move(merged.value) : Json::array({merged.value});
      for (const Json& part : parts) {
        line_ = merged.line;
        if (!part.is_object()) fail("\"<<\" must name an object or a list of objects");
        for (const auto& [name, item] : part.items()) {
          if (!object.part.value.contains(name)) object.part.value[name] = item;
        }
      }
    }
  }

  [[nodiscard]] Json scalar(const std::string& tag, const std::string& text) const {
    if (tag == "!" || tag == std::string(kTagPrefix) + "str") return text;
    Json value = plain_scalar(text);
    if (value.is_number_float() && !std::isfinite(value.get<double>())) {
      fail("\"" + text + "\" is not a number that an object can hold");
    }
    if (tag == "?" || tag.empty()) return value;
    if (tag == std::string(kTagPrefix) + "int" && value.is_number_integer()) return value;
    if (tag == std::string(kTagPrefix) + "float" && value.is_number()) return value.get<double>();
    if (tag == std::string(kTagPrefix) + "bool" && value.is_boolean()) return value;
    if (tag == std::string(kTagPrefix) + "null" && value.is_null()) return value;
    fail("tag " + tag + " does not fit \"" + text + "\"");
  }

  Source& source_;
  const std::string& file_;
  std::vector<Document> documents_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Part> anchored_;
  std::size_t nodes_ = 0;
  std::size_t repeated_ = 0;  // bytes of text that anchors keep and aliases repeat
  int line_ = 1;              // of what was told of last
  int last_start_ = -1;       // of a document
};

std::string text_of(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

constexpr std::string_view kList = "List";

// Those of a List; none where its items are an alias.
std::vector<Lines> lines_of_items(Lines& list) {
  for (auto& member : list.members) {
    if (member.key == "items") return std::move(member.lines.items);
  }
  return {};
}

void add(Document document, std::vector<Document>& documents) {
  const std::string kind = text_of(document.object, "kind");
  if (kind.empty() || text_of(document.object, "apiVersion").empty()) {
    throw Failure{document.position({}) + ": a document must be an object with apiVersion and kind"};
  }
  const auto items = document.object.find("items");
  const bool is_typed_list =
      kind.size() > kList.size() && kind.ends_with(kList) && items != document.object.end();
  if (kind != kList && !is_typed_list) {
    documents.push_back(std::move(document));
    return;
  }
  if (items == document.object.end() || !items->is_array()) {
    throw Failure{document.position("items") + ": a List must have items"};
  }
  auto lines = lines_of_items(document.lines);
  lines.resize(items->size(), {.line = document.lines.nearest("items")});
  for (std::size_t i = 0; i < items->size(); ++i) {
    auto& item = (*items)[i];
    // A DeploymentList need not say of each what it is.
    if (is_typed_list && item.is_object()) {
      if (!item.contains("apiVersion")) item["apiVersion"] = text_of(document.object, "apiVersion");
      if (!item.contains("kind")) item["kind"] = kind.substr(0, kind.size() - kList.size());
    }
    add({std::move(item), document.file, std::move(lines[i])}, documents);
  }
}

std::string sentence_of(const YAML::Exception& error, const std::string& file) {
  const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
  return file + ":" + std::to_string(line) + ": not YAML: " + error.msg;
}

std::string not_utf8(std::string_view text, std::size_t at, const std::string& file) {
  return fmt::format("{}:{}: byte 0x{:02x} is not UTF-8: save the file as UTF-8", file,
                     1 + std::ranges::count(text.substr(0, at), '\n'), static_cast<unsigned char>(text[at]));
}

}  // namespace

Json plain_scalar(std::string_view text) {
  if (one_of(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (one_of(text, {"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"})) return true;
  if (one_of(text, {"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"}))
    return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (one_of(text, {".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"})) return kInfinity;
  if (one_of(text, {"-.inf", "-.Inf", "-.INF"})) return -kInfinity;
  if (one_of(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();

  std::string digits;  // "1_000" is a number
  const bool may_be_number = text.find_first_not_of("+-.0123456789") != 0;
  if (!may_be_number) return std::string(text);
  std::ranges::copy_if(text, std::back_inserter(digits), [](char c) { return c != '_'; });
  if (const auto whole = integer(digits)) return *whole;
  if (is_float(digits)) return std::strtod(digits.c_str(), nullptr);
  return std::string(text);
}

std::string Document::position(std::string_view field) const {
  return file + ":" + std::to_string(std::max(lines.nearest(field), 1));
}

YamlResult<std::vector<Document>> parse_yaml(std::string_view text, const std::string& file) {
  if (const auto at = base::find_invalid_utf8(text)) return std::unexpected(not_utf8(text, *at, file));
  std::vector<Document> documents;
  try {
    std::string all(text);
    Source source(all, file);
    std::istream in(&source);
    YAML::Parser parser(in);
    Builder builder(source, file);
    while (parser.HandleNextDocument(builder)) {
    }
    for (Document& document : builder.take()) add(std::move(document), documents);
  } catch (const Failure& failure) {
    return std::unexpected(failure.message);
  } catch (const YAML::Exception& error) {
    return std::unexpected(sentence_of(error, file));
  }
  return documents;
}

}  // namespace weir::offline
