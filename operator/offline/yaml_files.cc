#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <istream>
#include <iterator>

#include "operator/offline/yaml.h"

namespace weir::offline {
namespace {

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

bool has_objects(const std::filesystem::path& file) {
  constexpr std::array<std::string_view, 3> kExtensions{".yaml", ".yml", ".json"};
  return std::ranges::find(kExtensions, file.extension().native()) != kExtensions.end();
}

YamlResult<std::vector<std::string>> files_of(const std::string& name) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(name, error)) return std::vector<std::string>{name};
  std::vector<std::string> files;
  for (fs::directory_iterator entry(name, error), end; !error && entry != end; entry.increment(error)) {
    if (!has_objects(entry->path())) continue;
    // Of a pipe nobody writes to there is no end.
    if (!fs::is_regular_file(entry->path(), error))
      return std::unexpected(entry->path().native() +
                             ": it is no regular file; of a folder only those are read");
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
    if (name.empty())
      return std::unexpected("a file's name is \"\"; accepted is a file, a folder, or - for standard input");
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
