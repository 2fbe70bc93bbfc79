#include "cli/inspect.h"

#include <algorithm>
#include <bit>
#include <map>
#include <memory>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/counted.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "tokenizer/tokenizer.h"

namespace gantry::cli {
namespace {

constexpr const char* kTemplateKey = "tokenizer.chat_template";

std::string type_name(const gguf::TensorInfo& tensor) {
  return tensor.dtype ? quant::facts(*tensor.dtype).name
                      : std::string(quant::name_of_unsupported(tensor.type_id));
}

// The beginning of a string in quotes, on one line, ending between characters.
std::string shortened(std::string_view text) {
  size_t end = std::min(text.size(), kShownStringBytes);
  if (end < text.size())
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  std::string shown;
  for (const char c : text.substr(0, end)) shown += c == '\n' ? "\\n" : c == '\t' ? "\\t" : std::string(1, c);
  return fmt::format("\"{}\"{}", harmless(shown),
                     end < text.size() ? fmt::format("... ({})", counted(text.size(), "byte")) : "");
}

std::string shown_value(const gguf::Value& value) {
  if (value.type == gguf::ValueType::kString) return shortened(value.string);
  if (value.type != gguf::ValueType::kArray) return value.to_string();
  const gguf::Array& array = value.array;
  if (array.element != gguf::ValueType::kString) return harmless(value.to_string(kShownItems));
  std::string items;
  for (size_t i = 0; i < std::min(array.strings.size(), kShownItems); ++i)
    items += (i == 0 ? "" : ", ") + shortened(array.strings[i]);
  return fmt::format("[{}{}] ({})", items, array.strings.size() > kShownItems ? ", ..." : "",
                     counted(array.strings.size(), "string"));
}

Json json_of_number(gguf::ValueType type, int64_t integer, double real) {
  using gguf::ValueType;
  if (type == ValueType::kF32 || type == ValueType::kF64) return real;
  if (type == ValueType::kBool) return integer != 0;
  if (type == ValueType::kU64) return static_cast<uint64_t>(integer);
  return integer;
}

Json json_of(const gguf::Value& value) {
  if (value.type == gguf::ValueType::kString) return std::string(value.string);
  if (value.type != gguf::ValueType::kArray)
    return json_of_number(value.type, static_cast<int64_t>(value.bits), std::bit_cast<double>(value.bits));
  const gguf::Array& array = value.array;
  Json first = Json::array();
  for (uint64_t i = 0; i < std::min<uint64_t>(array.count, kShownItems); ++i) {
    if (array.element == gguf::ValueType::kString) {
      first.push_back(std::string(array.strings[i]));
    } else if (array.element == gguf::ValueType::kF32 || array.element == gguf::ValueType::kF64) {
      first.push_back(array.as_double(i));
    } else if (array.element != gguf::ValueType::kArray) {
      first.push_back(json_of_number(array.element, array.as_int(i), 0));
    }
  }
  return {{"array_of", gguf::name_of(array.element)}, {"count", array.count}, {"first", first}};
}

struct TypeTotal {
  size_t tensors = 0;
  uint64_t values = 0, bytes = 0;
  bool known = true;
};

std::map<std::string, TypeTotal> totals(const gguf::GgufFile& file) {
  std::map<std::string, TypeTotal> types;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    TypeTotal& total = types[type_name(tensor)];
    ++total.tensors;
    total.values += tensor.values();
    total.bytes += tensor.bytes;
    total.known = tensor.dtype.has_value();
  }
  return types;
}

uint64_t parameters(const gguf::GgufFile& file) {
  uint64_t sum = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) sum += tensor.values();
  return sum;
}

// "model gpt2, pre-split llama-bpe, ..." or why there is none.
Json tokenizer_facts(const gguf::GgufFile& file) {
  if (file.metadata().find("tokenizer.ggml.model") == nullptr)
    return {{"error", "the file has no tokenizer"}};
  std::unique_ptr<tokenizer::Tokenizer> tokenizer;
  try {
    tokenizer = tokenizer::Tokenizer::from_gguf(file.metadata());
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
  const tokenizer::SpecialTokens& special = tokenizer->special();
  Json facts = {{"model", std::string(tokenizer->model())},
                {"pre_split", std::string(tokenizer->pre_split())},
                {"tokens", tokenizer->size()},
                {"adds_bos", special.add_bos},
                {"adds_eos", special.add_eos}};
  const std::pair<const char*, TokenId> named[] = {
      {"bos", special.bos}, {"eos", special.eos}, {"eot", special.eot}, {"eom", special.eom},
      {"unk", special.unk}, {"sep", special.sep}, {"pad", special.pad}, {"mask", special.mask}};
  for (const auto& [name, token] : named)
    if (token != kNoToken) facts[name] = {{"id", token}, {"text", std::string(tokenizer->text(token))}};
  facts["end_of_generation"] = special.end_of_generation;
  return facts;
}

std::string tokenizer_text(const gguf::GgufFile& file) {
  const Json facts = tokenizer_facts(file);
  if (facts.contains("error"))
    return fmt::format("tokenizer: the file has none that can be used: {}\n",
                       harmless(facts["error"].get<std::string>()));
  std::string text = fmt::format(
      "tokenizer: {}{}, {}; adds {}{}{} to a text\n", facts["model"].get<std::string>(),
      facts["pre_split"].get<std::string>().empty() ? ""
                                                    : " split as " + facts["pre_split"].get<std::string>(),
      counted(facts["tokens"].get<uint32_t>(), "token"), facts["adds_bos"].get<bool>() ? "BOS" : "",
      facts["adds_eos"].get<bool>() ? (facts["adds_bos"].get<bool>() ? " and EOS" : "EOS") : "",
      facts["adds_bos"].get<bool>() || facts["adds_eos"].get<bool>() ? "" : "nothing");
  for (const auto& [name, value] : facts.items()) {
    if (value.is_object())
      text += fmt::format("  {:5} {:>7}  {}\n", name, value["id"].get<TokenId>(),
                          shortened(value["text"].get<std::string>()));
  }
  return text + fmt::format("  tokens that end an answer: {}\n",
                            fmt::join(facts["end_of_generation"].get<std::vector<TokenId>>(), ", "));
}

std::string tensors_text(const gguf::GgufFile& file) {
  size_t width = 4;
  for (const gguf::TensorInfo& tensor : file.tensors()) width = std::max(width, tensor.name.size());
  width = std::min<size_t>(width, 60);
  std::string text;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    text += fmt::format("  {:{}}  {:22} {:8} {:>10}\n", harmless(tensor.name), width,
                        fmt::format("[{}]", fmt::join(tensor.shape, ", ")), type_name(tensor),
                        tensor.dtype ? human_bytes(tensor.bytes) : "?");
  }
  return text;
}

}  // namespace

std::string inspect_text(const gguf::GgufFile& file) {
  std::string text = fmt::format("{}: GGUF version {}, {}, {}, {} parameters\n\n", file.path(),
                                 file.version(), human_bytes(file.file_bytes()),
                                 counted(file.tensors().size(), "tensor"), human_count(parameters(file)));
  text += fmt::format("metadata ({})\n", counted(file.metadata().entries().size(), "key"));
  for (const gguf::KeyValue& entry : file.metadata().entries())
    text += fmt::format("  {:42} {:7} {}\n", harmless(entry.key), gguf::name_of(entry.value.type),
                        shown_value(entry.value));
  text += "\n" + tokenizer_text(file);
  const auto source = file.metadata().find(kTemplateKey);
  text += source == nullptr ? "chat template: none\n" : "chat template: yes (--template prints it)\n";
  if (file.tensors().empty()) return text + "\nno tensors: the file is a vocabulary alone\n";
  text += fmt::format("\ntensors ({})\n", file.tensors().size()) + tensors_text(file) + "\ntypes\n";
  for (const auto& [name, total] : totals(file))
    text += fmt::format("  {:8} {:>13} {:>22} {:>10}\n", name, counted(total.tensors, "tensor"),
                        human_count(total.values) + " values",
                        total.known ? human_bytes(total.bytes) : "cannot be read by this build");
  return text;
}

Json inspect_json(const gguf::GgufFile& file) {
  Json metadata = Json::object();
  for (const gguf::KeyValue& entry : file.metadata().entries())
    metadata[std::string(entry.key)] = json_of(entry.value);
  Json tensors = Json::array();
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    Json row = {{"name", std::string(tensor.name)}, {"shape", tensor.shape}, {"type", type_name(tensor)}};
    row["bytes"] = tensor.dtype ? Json(tensor.bytes) : Json();
    row["part"] = tensor.part;
    row["offset"] = tensor.offset;
    tensors.push_back(std::move(row));
  }
  Json types = Json::object();
  for (const auto& [name, total] : totals(file)) {
    types[name] = {{"tensors", total.tensors}, {"values", total.values}};
    types[name]["bytes"] = total.known ? Json(total.bytes) : Json();
  }
  return {{"path", file.path()},
          {"version", file.version()},
          {"file_bytes", file.file_bytes()},
          {"parameters", parameters(file)},
          {"metadata", metadata},
          {"tokenizer", tokenizer_facts(file)},
          {"types", types},
          {"tensors", tensors}};
}

static std::string inspect_template(const gguf::GgufFile& file) {
  const auto source = file.metadata().get_string(kTemplateKey);
  if (!source)
    throw Error(ErrorCode::kNotFound, "the file has no chat template", file.path() + ": " + kTemplateKey);
  return std::string(*source) + (source->ends_with('\n') ? "" : "\n");
}

int inspect(const InspectCommand& command) {
  const auto file = gguf::GgufFile::open(command.path, {.check_tensor_data = false});
  put(stdout, gguf::read_whole(*file, [&] {
        if (command.chat_template) return inspect_template(*file);
        if (command.json) return inspect_json(*file).dump(2) + '\n';
        return inspect_text(*file);
      }));
  return 0;
}

}  // namespace gantry::cli
