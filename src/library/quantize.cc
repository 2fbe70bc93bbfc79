#include "library/quantize.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "gguf/writer.h"
#include "library/convert_rows.h"

namespace gantry::library {
namespace {

using quant::Dtype;

constexpr std::string_view kFileType = "general.file_type";
constexpr std::string_view kQuantizationVersion = "general.quantization_version";
constexpr uint32_t kQuantizationVersionValue = 2;  // of the block formats as they are today

// What the new file says of itself, or no longer is.
constexpr std::array<std::string_view, 5> kReplacedKeys = {kFileType, kQuantizationVersion, "split.no",
                                                           "split.count", "split.tensors.count"};

bool is_float(Dtype dtype) { return quant::facts(dtype).block_values == 1; }

const Recipe& need_recipe(const std::string& name) {
  if (const Recipe* recipe = find_recipe(name)) return *recipe;
  throw Error(ErrorCode::kUsage, fmt::format("there is no quantization named '{}'", name), {},
              "choose one of " + recipe_names());
}

uint64_t bytes_of(const gguf::TensorInfo& tensor, Dtype dtype) {
  return quant::row_bytes(dtype, tensor.shape[0]) *
         (tensor.values() / std::max<uint64_t>(tensor.shape[0], 1));
}

// Which overrides have been of use.
class Overrides {
 public:
  explicit Overrides(const std::vector<TypeOverride>& list) : list_(list), used_(list.size()) {}

  std::optional<Dtype> find(std::string_view name) {
    std::optional<Dtype> out;
    for (size_t i = 0; i < list_.size(); ++i) {
      if (!matches(list_[i].pattern, name)) continue;
      used_[i] = true;
      out = list_[i].dtype;
    }
    return out;
  }

  void check_all_used() const {
    for (size_t i = 0; i < list_.size(); ++i)
      if (!used_[i])
        throw Error(ErrorCode::kUsage,
                    fmt::format("the pattern '{}' fits no tensor of this model whose type may change",
                                list_[i].pattern),
                    {}, "tensor names look like blk.0.ffn_down.weight; see them with 'gantry inspect'");
  }

 private:
  const std::vector<TypeOverride>& list_;
  std::vector<bool> used_;
};

void check_readable(const gguf::TensorInfo& tensor, Dtype to, const std::string& path, bool from_quantized) {
  const Dtype from = *tensor.dtype;
  if (from == to) return;
  const auto where = fmt::format("{}: tensor {}", path, tensor.name);
  if (!quant::facts(from).is_coded)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its type is {}, which is not a type of weights", quant::facts(from).name),
                where);
  if (!is_float(from) && !from_quantized)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("it is {} already, and {} would be made from what that has lost",
                            quant::facts(from).name, quant::facts(to).name),
                where, "begin with an F32, F16 or BF16 file, or allow requantizing");
}

TensorChange plan_tensor(const gguf::TensorInfo& tensor, const TypeChooser& chooser, Overrides& overrides,
                         const gguf::GgufFile& file, const QuantizeOptions& options) {
  if (!tensor.dtype)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("its type is {} (id {}), which this version cannot read",
                            quant::name_of_unsupported(tensor.type_id), tensor.type_id),
                fmt::format("{}: tensor {}", file.path(), tensor.name));
  const Dtype from = *tensor.dtype;
  std::optional<Dtype> wanted = chooser.choose(tensor);
  if (wanted) {
    if (const auto overridden = overrides.find(tensor.name)) wanted = overridden;
  }
  const Dtype to = wanted ? fitting_type(*wanted, tensor.shape[0]) : from;
  check_readable(tensor, to, file.path(), options.from_quantized);
  return {std::string(tensor.name), tensor.shape, from, to, wanted.value_or(from), tensor.bytes,
          bytes_of(tensor, to)};
}

void copy_metadata(const gguf::Metadata& metadata, const Recipe& recipe, gguf::Writer& writer) {
  for (const gguf::KeyValue& entry : metadata.entries())
    if (std::find(kReplacedKeys.begin(), kReplacedKeys.end(), entry.key) == kReplacedKeys.end())
      writer.add_value(entry.key, entry.value);
  writer.add_uint(kQuantizationVersion, kQuantizationVersionValue);
  writer.add_uint(kFileType, recipe.file_type);
}

void refuse_writing_over(const gguf::GgufFile& file, const std::string& to) {
  for (size_t part = 0; part < file.parts(); ++part) {
    std::error_code ignored;  // that `to` is not there yet is no error
    if (std::filesystem::equivalent(file.part_path(part), to, ignored))
      throw Error(ErrorCode::kUsage, "the new file would replace the one that is read", to,
                  "give it another name");
  }
}

void check_stopped(const QuantizeOptions& options) {
  if (options.stopped()) throw cancelled();
}

unsigned thread_count(unsigned wished) {
  if (wished == 0) wished = std::max(std::thread::hardware_concurrency(), 1u);
  return std::min(wished, kQuantizeThreadsMax);
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  const auto whole = [pattern](std::string_view text) {
    // Where the last '*' stood, and how much of the text it has taken so far.
    size_t p = 0, t = 0, star = pattern.npos, taken = 0;
    while (t < text.size()) {
      if (p < pattern.size() && pattern[p] == '*') {
        star = p++;
        taken = t;
      } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
        ++p;
        ++t;
      } else if (star != pattern.npos) {
        p = star + 1;
        t = ++taken;
      } else {
        return false;
      }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
  };
  constexpr std::string_view kSuffix = ".weight";
  return whole(name) || (name.ends_with(kSuffix) && whole(name.substr(0, name.size() - kSuffix.size())));
}

TypeOverride parse_type_override(std::string_view text) {
  const size_t equals = text.rfind('=');
  if (equals == text.npos || equals == 0)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is not PATTERN=TYPE", text), {},
                "for example blk.*.ffn_down=q6_k");
  const std::string_view name = text.substr(equals + 1);
  const quant::DtypeFacts* facts = quant::find_dtype(name);
  if (facts == nullptr || !facts->is_coded)
    throw Error(ErrorCode::kUsage, fmt::format("'{}' is not a type that weights can have", name), {},
                "types are named F16, Q8_0, Q4_K, Q6_K, IQ4_NL, ...");
  return {std::string(text.substr(0, equals)), facts->dtype};
}

size_t QuantizePlan::fallbacks() const {
  return static_cast<size_t>(std::count_if(
      tensors.begin(), tensors.end(), [](const TensorChange& change) { return change.to != change.wanted; }));
}

std::string QuantizePlan::fallback_text() const {
  std::string out;
  for (const TensorChange& change : tensors)
    if (change.to != change.wanted)
      out += fmt::format("{}: rows of {} values are not whole blocks of {} ({}): {} instead\n", change.name,
                         change.shape[0], quant::facts(change.wanted).name,
                         quant::facts(change.wanted).block_values, quant::facts(change.to).name);
  return out;
}

QuantizePlan plan_quantize(const gguf::GgufFile& file, const QuantizeOptions& options) {
  const Recipe& recipe = need_recipe(options.recipe);
  const TypeChooser chooser(file, recipe);
  Overrides overrides(options.overrides);
  QuantizePlan plan;
  plan.recipe = &recipe;
  uint64_t values = 0;
  for (const gguf::TensorInfo& tensor : file.tensors()) {
    plan.tensors.push_back(plan_tensor(tensor, chooser, overrides, file, options));
    plan.bytes_before += plan.tensors.back().bytes_before;
    plan.bytes_after += plan.tensors.back().bytes_after;
    values += tensor.values();
  }
  overrides.check_all_used();
  if (values > 0)
    plan.bits_per_weight = 8.0 * static_cast<double>(plan.bytes_after) / static_cast<double>(values);
  return plan;
}

QuantizePlan quantize(const std::string& from, const std::string& to, const QuantizeOptions& options) {
  const auto file = gguf::GgufFile::open(from);
  refuse_writing_over(*file, to);
  QuantizePlan plan = gguf::read_whole(*file, [&] { return plan_quantize(*file, options); });
  const unsigned threads = thread_count(options.threads);
  gguf::Writer writer;
  copy_metadata(file->metadata(), *plan.recipe, writer);
  size_t done = 0;
  uint64_t bytes_done = 0;
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorChange& change = plan.tensors[i];
    const gguf::TensorInfo& tensor = file->tensors()[i];
    writer.add_tensor(change.name, change.shape, change.to, [&, i](std::span<std::byte> out) {
      try {
        convert_rows(plan.tensors[i].from, file->data(tensor), plan.tensors[i].to, out, tensor.shape[0],
                     threads, options.stopped);
      } catch (const Error& error) {
        if (error.code() == ErrorCode::kCancelled) throw;
        file->check();
        throw Error(error.code(), error.message(), fmt::format("{}: tensor {}", file->path(), tensor.name),
                    error.mend());
      }
      check_stopped(options);
      file->check();
      bytes_done += out.size();
      if (options.progress)
        options.progress({tensor.name, ++done, plan.tensors.size(), bytes_done, plan.bytes_after});
    });
  }
  file->check();  // names and metadata
  writer.write(to, [&] { check_stopped(options); });
  return plan;
}

}  // namespace gantry::library
