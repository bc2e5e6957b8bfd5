#include "operator/offline/yaml.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <sstream>

namespace weir::offline {
namespace {

Json one(const std::string& text) {
  const auto read = parse_yaml("apiVersion: v1\nkind: T\n" + text, "t.yaml");
  EXPECT_TRUE(read) << (read ? "" : read.error());
  if (!read || read->size() != 1) return nullptr;
  Json object = read->front().object;
  object.erase("apiVersion");
  object.erase("kind");
  return object;
}

Json flow(const std::string& text) {
  const Json object = one("v: " + text);
  return object.is_object() ? object["v"] : Json();
}

std::string error_of(const std::string& text) {
  const auto read = parse_yaml(text, "t.yaml");
  EXPECT_FALSE(read);
  return read ? "" : read.error();
}

std::string written(const Json& object) { return to_yaml({object}); }

TEST(YamlReader, gives_plain_scalars_the_types_that_kubectl_gives_them) {
  EXPECT_EQ(flow("{a: 1, b: -1, c: 0x1f, d: 0b11, e: 017, f: 1_000}"),
            Json::parse(R"({"a":1,"b":-1,"c":31,"d":3,"e":15,"f":1000})"));
  EXPECT_EQ(flow("{a: 1.5, b: 1e3, c: .5, d: 99.}"), Json::parse(R"({"a":1.5,"b":1000.0,"c":0.5,"d":99.0})"));
  EXPECT_EQ(flow("{a: true, b: no, c: On, d: null, e: ~, f: }"),
            Json::parse(R"({"a":true,"b":false,"c":true,"d":null,"e":null,"f":null})"));
  EXPECT_EQ(flow("{a: v1, b: 1.2.3, c: 10.0.0.1, d: 30s, e: 100m, f: -, g: 2026-01-02, h: 1e, i: +, j: 0x}"),
            Json::parse(R"({"a":"v1","b":"1.2.3","c":"10.0.0.1","d":"30s","e":"100m","f":"-","g":"2026-01-02",
                            "h":"1e","i":"+","j":"0x"})"));
}

TEST(YamlReader, keeps_integers_whole_up_to_64_bits) {
  EXPECT_EQ(one("a: 18446744073709551615")["a"].get<std::uint64_t>(),
            std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(one("a: -9223372036854775808")["a"].get<std::int64_t>(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(one("a: 18446744073709551616")["a"].is_number_float());
}

TEST(YamlReader, reads_quoted_scalars_and_blocks_as_strings) {
  EXPECT_EQ(flow("{a: \"1\", b: 'true', c: !!str 5}"), Json::parse(R"({"a":"1","b":"true","c":"5"})"));
  EXPECT_EQ(one("a: |\n  5\n")["a"], "5\n");
}

TEST(YamlReader, reads_a_stream_with_empty_documents_and_json) {
  const auto read = parse_yaml(
      "---\n# nothing\n---\n{\"apiVersion\": \"v1\", \"kind\": \"A\"}\n---\napiVersion: v1\nkind: B\n",
      "t.yaml");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[1].object["kind"], "B");
  EXPECT_EQ((*read)[1].lines.line, 6);
}

TEST(YamlReader, finds_fields_whose_keys_have_dots_and_else_what_is_around_them) {
  const auto read = parse_yaml(
      "apiVersion: v1\nkind: A\nmetadata:\n  labels:\n    app: a\n    app.kubernetes.io/name: a\n"
      "spec:\n  ports:\n  - port: 80\n  -\n    port: 81\n",
      "t.yaml");
  ASSERT_TRUE(read);
  const auto& document = read->front();
  for (const auto& [field, line] : std::map<std::string, int>{{"metadata.labels.app", 5},
                                                              {"metadata.labels.app.kubernetes.io/name", 6},
                                                              {"metadata.labels.other", 4},
                                                              {"metadata.name", 3},
                                                              {"spec.ports[1].port", 11},
                                                              {"spec.ports[0].name", 9},
                                                              {"spec.ports[7]", 8},
                                                              {"spec.ports[", 8},
                                                              {"nothing", 1},
                                                              {"", 1}})
    EXPECT_EQ(document.position(field), "t.yaml:" + std::to_string(line)) << field;
}

TEST(YamlReader, refuses_keys_that_no_object_has) {
  const auto keyed = [](std::size_t length) {
    return parse_yaml("apiVersion: v1\nkind: A\nspec:\n  ? " + std::string(length, 'k') + "\n  : 1\n",
                      "t.yaml");
  };
  EXPECT_TRUE(keyed(kMaxKeyBytes));
  EXPECT_EQ(keyed(kMaxKeyBytes + 1).error(), "t.yaml:4: a key has 4097 bytes: at most 4096 are accepted");
}

TEST(YamlReader, counts_the_text_that_aliases_repeat) {
  const auto repeated = [](int times) {
    std::string text = "apiVersion: v1\nkind: A\na: &a [" + std::string(100'000, 'x') + "]\nspec:\n";
    for (int i = 0; i < times; ++i) text += "- *a\n";
    return parse_yaml(text, "t.yaml");
  };
  EXPECT_TRUE(repeated(100));
  EXPECT_EQ(repeated(200).error(), "t.yaml:171: more than 16 MiB of text, with what aliases repeat of it");
}

TEST(YamlReader, expands_lists_and_knows_where_each_item_stands) {
  const auto read = parse_yaml(
      "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: A\n- apiVersion: v1\n  kind: B\n  "
      "spec:\n    x: 1\n",
      "t.yaml");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[1].lines.line, 6);
  EXPECT_EQ((*read)[1].position("spec.x"), "t.yaml:9");
}

TEST(YamlReader, says_of_each_item_of_a_typed_list_what_it_is) {
  const auto read = parse_yaml(
      "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n"
      "- apiVersion: v1\n  kind: Service\n",
      "t.yaml");
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_EQ((*read)[0].object,
            Json::parse(R"({"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"}})"));
  EXPECT_EQ((*read)[1].object["kind"], "Service");
  const auto no_list = parse_yaml("apiVersion: v1\nkind: AllowList\n", "t.yaml");
  ASSERT_TRUE(no_list);
  EXPECT_EQ(no_list->front().object["kind"], "AllowList");
}

TEST(YamlReader, finds_the_line_of_a_field_or_of_what_is_around_it) {
  const auto read =
      parse_yaml("apiVersion: v1\nkind: A\nspec:\n  list:\n  - name: a\n  - name: b\n", "t.yaml");
  ASSERT_TRUE(read);
  const Document& document = read->front();
  EXPECT_EQ(document.position("spec.list[1].name"), "t.yaml:6");
  EXPECT_EQ(document.position("spec.list[0].absent.deep"), "t.yaml:5");
  EXPECT_EQ(document.position("spec.absent"), "t.yaml:3");
  EXPECT_EQ(document.position("status"), "t.yaml:1");
}

TEST(YamlReader, follows_aliases_and_merges_objects_below_own_fields) {
  EXPECT_EQ(one("base: &b {x: 1, y: 2}\nmore:\n  <<: *b\n  y: 3\n")["more"], Json::parse(R"({"x":1,"y":3})"));
}

TEST(YamlReader, names_file_and_line_of_what_it_refuses) {
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\na: 1\na: 2\n"), "t.yaml:4: key \"a\" is written twice");
  EXPECT_TRUE(error_of("apiVersion: v1\nkind: [A\n").starts_with("t.yaml:3: not YAML: "));
  EXPECT_EQ(error_of("kind: A\n"), "t.yaml:1: a document must be an object with apiVersion and kind");
  EXPECT_EQ(error_of("\n- 1\n"), "t.yaml:2: a document must be an object with apiVersion and kind");
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\nx: .nan\n"),
            "t.yaml:3: \".nan\" is not a number that an object can hold");
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\n? [x]\n: 1\n"),
            "t.yaml:3: a key must be a word, not a list or an object");
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\nx: !!int a\n"),
            "t.yaml:3: tag tag:yaml.org,2002:int does not fit \"a\"");
  EXPECT_EQ(error_of("apiVersion: v1\nkind: List\n"), "t.yaml:1: a List must have items");
}

TEST(YamlReader, ends_with_a_sentence_where_aliases_multiply) {
  std::string bomb = "apiVersion: v1\nkind: A\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 1; j < 10; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_NE(error_of(bomb).find("more than 200000 values"), std::string::npos);
}

// yaml-cpp tells of nothing in brackets before they are closed: none of these is.
TEST(YamlReader, counts_while_it_reads) {
  const auto many = [](std::string text, const std::string& line) {
    while (text.size() < kMaxInputBytes - 100) text += line;
    return error_of("apiVersion: v1\nkind: A\n" + text);
  };
  EXPECT_EQ(many("v:\n", "- 1\n"), "t.yaml:200000: more than 200000 values");
  EXPECT_EQ(many("v: [", "1,1,1,1,\n"), "t.yaml:50002: more than 200000 values");
  for (const std::string begins : {"[", "{\"v\": ["}) {
    std::string text = begins;
    while (text.size() < kMaxInputBytes - 100) text += "1,1,1,1,\n";
    EXPECT_THAT(error_of(text), testing::ContainsRegex("t.yaml:(99|100)[0-9]+: more than 200000 values"));
  }
}

TEST(YamlReader, lets_text_have_any_signs) {
  const std::string commas(100'000, ',');
  const auto object = one("a: '" + commas + "'\nb: |\n  " + commas + "\nc: [\"" + commas + "\"]\n");
  EXPECT_EQ(object["a"], commas);
  EXPECT_EQ(object["c"][0], commas);
}

TEST(YamlReader, names_the_line_of_a_byte_that_is_not_utf8) {
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\nname: caf\xE9\n"),
            "t.yaml:3: byte 0xe9 is not UTF-8: save the file as UTF-8");
  EXPECT_EQ(error_of("\xFF\xFE"), "t.yaml:1: byte 0xff is not UTF-8: save the file as UTF-8");
}

// Found by fuzzing: yaml-cpp never came to an end.
TEST(YamlReader, ends_with_a_sentence_where_nothing_can_begin) {
  EXPECT_EQ(error_of("[1],2"), "t.yaml:1: not YAML: nothing can begin at column 4");
  EXPECT_EQ(error_of("kind: A\n---\n{a: b}, c: d}"),
            "t.yaml:3: a key must be a word, not a list or an object");
  for (const auto* text : {"[1]]", "{a: b},"}) {
    EXPECT_NE(error_of(text).find("not YAML: "), std::string::npos) << text;
  }
}

TEST(YamlReader, ends_with_a_sentence_where_nesting_is_endless) {
  EXPECT_EQ(error_of("apiVersion: v1\nkind: A\na: &a [*a]\n"),
            "t.yaml:3: an alias stands within the value that it names");
  EXPECT_NE(error_of("apiVersion: v1\nkind: A\na: " + std::string(400, '[') + std::string(400, ']'))
                .find("levels of nesting"),
            std::string::npos);
}

TEST(YamlReader, reads_files_folders_and_standard_input_in_order) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "weir-yaml";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "b.yaml") << "apiVersion: v1\nkind: B\n";
  std::ofstream(folder / "a.yml") << "apiVersion: v1\nkind: A\n";
  std::ofstream(folder / "notes.txt") << "not: [yaml";
  std::istringstream in("apiVersion: v1\nkind: C\n");
  const auto read = read_yaml({"-", folder.string()}, in);
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 3U);
  EXPECT_EQ((*read)[0].file, "stdin");
  EXPECT_EQ((*read)[1].object["kind"], "A");
  EXPECT_EQ((*read)[2].object["kind"], "B");
  EXPECT_EQ(read_yaml({""}, in).error(),
            "a file's name is \"\"; accepted is a file, a folder, or - for standard input");
  const auto absent = read_yaml({(folder / "c.yaml").string()}, in);
  ASSERT_FALSE(absent);
  EXPECT_TRUE(absent.error().ends_with("c.yaml: No such file or directory")) << absent.error();
}

TEST(YamlReader, refuses_what_is_no_file_in_a_folder) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "weir-yaml-pipe";
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "real") << "apiVersion: v1\nkind: A\n";
  fs::create_symlink("real", folder / "a.yaml");  // as in a volume of a ConfigMap
  std::istringstream in;
  EXPECT_EQ(read_yaml({folder.string()}, in).value().size(), 1U);
  ASSERT_EQ(mkfifo((folder / "x.yaml").c_str(), 0600), 0);
  const auto read = read_yaml({folder.string()}, in);
  ASSERT_FALSE(read);
  EXPECT_TRUE(read.error().ends_with("x.yaml: it is no regular file; of a folder only those are read"))
      << read.error();
}

TEST(YamlWriter, puts_the_fields_that_name_an_object_first) {
  const Json object = Json::parse(R"({"status":{},"spec":{"b":[1,{"z":1,"name":"n"}],"a":[]},
      "metadata":{"labels":{"app":"x"},"namespace":"shop","name":"checkout"},"kind":"K","apiVersion":"v1","data":null})");
  EXPECT_EQ(
      written(object),
      "---\napiVersion: v1\nkind: K\nmetadata:\n  name: checkout\n  namespace: shop\n  labels:\n    app: x\n"
      "spec:\n  a: []\n  b:\n  - 1\n  - name: \"n\"\n    z: 1\ndata: null\nstatus: {}\n");
}

TEST(YamlWriter, quotes_strings_that_could_be_read_as_something_else) {
  for (const char* text : {"yes",
                           "no",
                           "on",
                           "off",
                           "true",
                           "null",
                           "~",
                           "",
                           "1",
                           "1.5",
                           "0x1f",
                           "1_0",
                           "y",
                           "=",
                           "<<",
                           "2026-01-02",
                           "2026-01-02T10:00:00Z",
                           "12:30:45",
                           "- a",
                           "a: b",
                           "a #b",
                           " a",
                           "a ",
                           "a:",
                           "*",
                           "&a",
                           "!x",
                           "[",
                           "{a",
                           "%x",
                           "@a",
                           "`a",
                           "?",
                           ".inf"}) {
    EXPECT_EQ(written(Json(text)), "--- " + Json(text).dump() + "\n") << text;
  }
  for (const char* text :
       {"v1", "10.0.0.1", "30s", "a-b", "apps/v1", "http://a:80/x?y=1", "a#b", "100m", "p99 > 5"}) {
    EXPECT_EQ(written(Json(text)), "--- " + std::string(text) + "\n");
  }
}

TEST(YamlWriter, keeps_integers_and_fractions_apart) {
  EXPECT_EQ(written(Json::parse(R"([1, -2, 99.5, 1.0, true])")), "---\n- 1\n- -2\n- 99.5\n- 1.0\n- true\n");
}

TEST(YamlWriter, writes_text_of_several_lines_as_a_block) {
  EXPECT_EQ(written({{"q", "sum(\n  x)\n"}}), "---\nq: |\n  sum(\n    x)\n");
  EXPECT_EQ(written({{"q", "a\n\nb"}}), "---\nq: |-\n  a\n\n  b\n");
}

// Values of every shape that JSON has, with text made of what YAML reads in its own way.
Json random_value(std::mt19937& random, int depth) {
  static const std::vector<std::string> kPieces{"a",   " ", "\n", ":", "#",  "-",  "yes", "0",
                                                "1.5", "é", "\"", "'", "\\", "\t", "{",   "]",
                                                "|",   ">", "e",  "_", "~",  "&",  "*",   "\x01"};
  const auto below = [&](std::size_t n) {
    return std::uniform_int_distribution<std::size_t>(0, n - 1)(random);
  };
  switch (below(depth > 3 ? 4 : 6)) {
    case 0:
      return static_cast<int>(below(2000)) - 1000;
    case 1:
      return static_cast<double>(below(100000)) / 64;
    case 2:
      return below(3) == 0 ? Json(nullptr) : Json(below(2) == 0);
    case 3: {
      std::string text;
      for (std::size_t i = below(6); i > 0; --i) text += kPieces[below(kPieces.size())];
      return text;
    }
    case 4: {
      Json list = Json::array();
      for (std::size_t i = below(4); i > 0; --i) list.push_back(random_value(random, depth + 1));
      return list;
    }
    default: {
      Json object = Json::object();
      for (std::size_t i = below(4); i > 0; --i) {
        const std::string key = kPieces[below(kPieces.size())] + kPieces[below(kPieces.size())];
        if (key != "<<") object[key] = random_value(random, depth + 1);
      }
      return object;
    }
  }
}

TEST(YamlWriter, writes_what_the_reader_reads_back_unchanged) {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    const Json object{{"apiVersion", "v1"}, {"kind", "T"}, {"value", random_value(random, 0)}};
    const std::string text = to_yaml({object, object});
    const auto read = parse_yaml(text, "t.yaml");
    ASSERT_TRUE(read) << read.error() << "\n" << text;
    ASSERT_EQ(read->size(), 2U) << text;
    ASSERT_EQ(read->back().object, object) << text;
    ASSERT_EQ(read->back().object["value"].is_number_float(), object["value"].is_number_float()) << text;
  }
}

}  // namespace
}  // namespace weir::offline
