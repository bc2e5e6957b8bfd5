#include <spdlog/fmt/fmt.h>
#include <yaml-cpp/anchor.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <sstream>

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

// Turns one document into JSON. Failures leave by exception, since they come from any depth; they end in
// parse_yaml.
class Reader {
 public:
  Reader(const std::string& file, std::map<std::string, int>& lines, std::size_t& nodes)
      : file_(file), lines_(lines), nodes_(nodes) {}

  Json read(const YAML::Node& node, const std::string& path, int depth) {
    if (depth > kMaxDepth) fail(node, "more than " + std::to_string(kMaxDepth) + " levels of nesting");
    if (++nodes_ > kMaxNodes) fail(node, "more than " + std::to_string(kMaxNodes) + " values");
    if (!node.Mark().is_null()) lines_.emplace(path, node.Mark().line + 1);
    switch (node.Type()) {
      case YAML::NodeType::Map:
        return map(node, path, depth);
      case YAML::NodeType::Sequence:
        return sequence(node, path, depth);
      case YAML::NodeType::Scalar:
        return scalar(node);
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        return nullptr;
    }
    return nullptr;
  }

 private:
  [[noreturn]] void fail(const YAML::Node& node, const std::string& message) const {
    const int line = node.Mark().is_null() ? 1 : node.Mark().line + 1;
    throw Failure{file_ + ":" + std::to_string(line) + ": " + message};
  }

  Json map(const YAML::Node& node, const std::string& path, int depth) {
    Json object = Json::object();
    std::vector<YAML::Node> merged;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) fail(entry.first, "a key must be a word, not a list or an object");
      const std::string& key = entry.first.Scalar();
      if (key == "<<" && entry.first.Tag() == "?") {
        merged.push_back(entry.second);
        continue;
      }
      if (object.contains(key)) fail(entry.first, "key \"" + key + "\" is written twice");
      const std::string field = path.empty() ? key : fmt::format("{}.{}", path, key);
      lines_[field] = entry.first.Mark().line + 1;
      object[key] = read(entry.second, field, depth + 1);
    }
    for (const YAML::Node& source : merged) merge(source, object, path, depth);
    return object;
  }

  // "<<": fields of another object, or of several, where the object has none of its own.
  void merge(const YAML::Node& source, Json& object, const std::string& path, int depth) {
    const Json value = read(source, path, depth + 1);
    const Json parts = value.is_array() ? value : Json::array({value});
    for (const Json& part : parts) {
      if (!part.is_object()) fail(source, "\"<<\" must name an object or a list of objects");
      for (const auto& [key, item] : part.items()) {
        if (!object.contains(key)) object[key] = item;
      }
    }
  }

  Json sequence(const YAML::Node& node, const std::string& path, int depth) {
    Json list = Json::array();
    for (const auto& item : node)
      list.push_back(read(item, path + "[" + std::to_string(list.size()) + "]", depth + 1));
    return list;
  }

  [[nodiscard]] Json scalar(const YAML::Node& node) const {
    const std::string& text = node.Scalar();
    const std::string& tag = node.Tag();
    if (tag == "!" || tag == std::string(kTagPrefix) + "str") return text;
    Json value = plain_scalar(text);
    if (value.is_number_float() && !std::isfinite(value.get<double>())) {
      fail(node, "\"" + text + "\" is not a number that an object can hold");
    }
    if (tag == "?" || tag.empty()) return value;
    if (tag == std::string(kTagPrefix) + "int" && value.is_number_integer()) return value;
    if (tag == std::string(kTagPrefix) + "float" && value.is_number()) return value.get<double>();
    if (tag == std::string(kTagPrefix) + "bool" && value.is_boolean()) return value;
    if (tag == std::string(kTagPrefix) + "null" && value.is_null()) return value;
    fail(node, "tag " + tag + " does not fit \"" + text + "\"");
  }

  const std::string& file_;
  std::map<std::string, int>& lines_;
  std::size_t& nodes_;
};

std::string text_of(const Json& object, const char* field) {
  const auto found = object.find(field);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// The part of `lines` below `prefix`, with paths relative to it.
std::map<std::string, int> lines_below(const std::map<std::string, int>& lines, const std::string& prefix) {
  std::map<std::string, int> below;
  for (auto at = lines.lower_bound(prefix); at != lines.end() && at->first.starts_with(prefix); ++at) {
    const std::string rest = at->first.substr(prefix.size());
    if (rest.empty()) below.emplace("", at->second);
    if (rest.starts_with('.')) below.emplace(rest.substr(1), at->second);
  }
  return below;
}

int first_line(const std::map<std::string, int>& lines) {
  const auto found = lines.find("");
  return found == lines.end() ? 1 : found->second;
}

void add(Document document, std::vector<Document>& documents) {
  const std::string kind = text_of(document.object, "kind");
  if (kind.empty() || text_of(document.object, "apiVersion").empty()) {
    throw Failure{document.position({}) + ": a document must be an object with apiVersion and kind"};
  }
  if (kind != "List") {
    documents.push_back(std::move(document));
    return;
  }
  const auto items = document.object.find("items");
  if (items == document.object.end() || !items->is_array()) {
    throw Failure{document.position("items") + ": a List must have items"};
  }
  for (std::size_t i = 0; i < items->size(); ++i) {
    Document item{std::move((*items)[i]), document.file, 0,
                  lines_below(document.lines, "items[" + std::to_string(i) + "]")};
    item.line = first_line(item.lines);
    add(std::move(item), documents);
  }
}

// yaml-cpp 0.7 makes one empty document after another, without end, of a token that can begin none, such as
// the comma of "[1],2". This listens to a first reading, and stops it there.
class Progress final : public YAML::EventHandler {
 public:
  explicit Progress(const std::string& file) : file_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_) {
      throw Failure{file_ + ":" + std::to_string(mark.line + 1) + ": not YAML: nothing can begin at column " +
                    std::to_string(mark.column + 1)};
    }
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}

 private:
  const std::string& file_;
  int last_ = -1;
};

void must_end(const std::string& text, const std::string& file) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Progress progress(file);
  while (parser.HandleNextDocument(progress)) {
  }
}

std::string sentence_of(const YAML::Exception& error, const std::string& file) {
  const int line = error.mark.is_null() ? 1 : error.mark.line + 1;
  return file + ":" + std::to_string(line) + ": not YAML: " + error.msg;
}

YamlResult<std::string> slurp(std::istream& in, const std::string& name) {
  std::string text;
  std::array<char, 65536> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0) {
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMaxInputBytes) return std::unexpected(name + ": more than 16 MiB of text");
  }
  if (in.bad()) return std::unexpected(name + ": reading it failed");
  return text;
}

YamlResult<std::vector<std::string>> files_of(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(name, error)) return std::vector<std::string>{name};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(name, error), end; !error && entry != end; entry.increment(error)) {
    if (one_of(entry->path().extension().native(), {".yaml", ".yml", ".json"}))
      files.push_back(entry->path());
  }
  if (error) return std::unexpected(name + ": " + error.message());
  if (files.empty()) return std::unexpected(name + ": no .yaml, .yml or .json file in this folder");
  std::ranges::sort(files);
  return files;
}

YamlResult<std::string> text_of_file(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(file + ": " + std::strerror(errno));
  return slurp(in, file);
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
  for (std::string path(field);;) {
    if (const auto found = lines.find(path); found != lines.end())
      return file + ":" + std::to_string(found->second);
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) break;
    path.resize(cut);
  }
  return file + ":" + std::to_string(line);
}

YamlResult<std::vector<Document>> parse_yaml(std::string_view text, const std::string& file) {
  std::vector<Document> documents;
  std::size_t nodes = 0;
  try {
    const std::string all(text);
    must_end(all, file);
    for (const YAML::Node& root : YAML::LoadAll(all)) {
      if (!root.IsDefined() || root.IsNull()) continue;
      Document document;
      document.file = file;
      Reader reader(document.file, document.lines, nodes);
      document.object = reader.read(root, "", 0);
      document.line = first_line(document.lines);
      add(std::move(document), documents);
    }
  } catch (const Failure& failure) {
    return std::unexpected(failure.message);
  } catch (const YAML::Exception& error) {
    return std::unexpected(sentence_of(error, file));
  }
  return documents;
}

YamlResult<std::vector<Document>> read_yaml(const std::vector<std::string>& names, std::istream& in) {
  std::vector<Document> documents;
  const auto take = [&](const YamlResult<std::string>& text, const std::string& file) -> YamlResult<void> {
    if (!text) return std::unexpected(text.error());
    auto read = parse_yaml(*text, file);
    if (!read) return std::unexpected(read.error());
    std::move(read->begin(), read->end(), std::back_inserter(documents));
    return {};
  };
  for (const std::string& name : names) {
    if (name == "-") {
      if (const auto taken = take(slurp(in, "stdin"), "stdin"); !taken) return std::unexpected(taken.error());
      continue;
    }
    const auto files = files_of(name);
    if (!files) return std::unexpected(files.error());
    for (const std::string& file : *files) {
      if (const auto taken = take(text_of_file(file), file); !taken) return std::unexpected(taken.error());
    }
  }
  return documents;
}

}  // namespace weir::offline
