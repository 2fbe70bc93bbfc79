// GgufFile: one or more parts, their tensors in one table.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <numeric>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "gguf/cursor.h"
#include "gguf/gguf.h"
#include "gguf/part.h"
#include "gguf/split.h"
#include "os/mapped_file.h"

namespace gantry::gguf {
namespace {

struct Source {
  std::string path;
  os::MappedFile mapping;            // empty when the bytes are the caller's
  std::span<const std::byte> bytes;  // of the mapping or the caller's
};

class Opened final : public GgufFile {
 public:
  Opened(std::vector<std::unique_ptr<Source>> sources, std::vector<Part> parts)
      : sources_(std::move(sources)) {
    version_ = parts[0].version;
    for (size_t i = 0; i < parts.size(); ++i) {
      file_bytes_ += sources_[i]->bytes.size();
      for (TensorInfo& tensor : parts[i].tensors) {
        tensor.part = static_cast<uint32_t>(i);
        tensors_.push_back(std::move(tensor));
      }
    }
    metadata_ = std::move(parts[0].metadata);
    index_names();
  }

  const std::string& path() const override { return sources_[0]->path; }
  uint32_t version() const override { return version_; }
  uint64_t file_bytes() const override { return file_bytes_; }
  const Metadata& metadata() const override { return metadata_; }
  std::span<const TensorInfo> tensors() const override { return tensors_; }

  const TensorInfo* find_tensor(std::string_view name) const override {
    const auto found =
        std::lower_bound(by_name_.begin(), by_name_.end(), name,
                         [this](uint32_t i, std::string_view wanted) { return tensors_[i].name < wanted; });
    if (found == by_name_.end() || tensors_[*found].name != name) return nullptr;
    return &tensors_[*found];
  }

  std::span<const std::byte> data(const TensorInfo& tensor) const override {
    const Source& source = *sources_.at(tensor.part);
    if (!tensor.dtype)
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("tensor {} is of type {}, which this build cannot read", quoted(tensor.name),
                              quant::name_of_unsupported(tensor.type_id)),
                  source.path, "use a model of another quantization");
    const uint64_t size = source.bytes.size();
    if (tensor.offset > size || tensor.bytes > size - tensor.offset)
      throw Error(ErrorCode::kBadFile,
                  fmt::format("the data of tensor {} begins at byte {} and has {} bytes, the file has {}",
                              quoted(tensor.name), tensor.offset, tensor.bytes, size),
                  source.path, "the file is incomplete: fetch it again");
    return source.bytes.subspan(tensor.offset, tensor.bytes);
  }

  void release(std::span<const std::byte> bytes) const override {
    for (const auto& source : sources_) {
      const std::span<const std::byte> mapped = source->mapping.bytes();
      const std::less_equal<const std::byte*> before;
      if (mapped.empty() || !before(mapped.data(), bytes.data()) ||
          !before(bytes.data() + bytes.size(), mapped.data() + mapped.size()))
        continue;
      source->mapping.advise(os::Advice::kDontNeed, static_cast<uint64_t>(bytes.data() - mapped.data()),
                             bytes.size());
    }
  }

  void check() const override {
    for (const auto& source : sources_) source->mapping.check();
  }

  size_t parts() const override { return sources_.size(); }
  const std::string& part_path(size_t part) const override { return sources_.at(part)->path; }
  std::span<const std::byte> part_bytes(size_t part) const override { return sources_.at(part)->bytes; }

 private:
  void index_names() {
    by_name_.resize(tensors_.size());
    std::iota(by_name_.begin(), by_name_.end(), 0u);
    std::stable_sort(by_name_.begin(), by_name_.end(),
                     [this](uint32_t a, uint32_t b) { return tensors_[a].name < tensors_[b].name; });
    for (size_t i = 1; i < by_name_.size(); ++i) {
      const TensorInfo& first = tensors_[by_name_[i - 1]];
      const TensorInfo& second = tensors_[by_name_[i]];
      if (first.name != second.name) continue;
      throw Error(ErrorCode::kBadFile,
                  fmt::format("tensor {} is in two parts, this one and {}", quoted(second.name),
                              sources_[first.part]->path),
                  sources_[second.part]->path, "the parts do not belong together: fetch them again");
    }
  }

  std::vector<std::unique_ptr<Source>> sources_;  // on the heap: views point into them
  uint32_t version_ = 0;
  uint64_t file_bytes_ = 0;
  Metadata metadata_;
  std::vector<TensorInfo> tensors_;
  std::vector<uint32_t> by_name_;
};

std::unique_ptr<Source> map_source(const std::string& path) {
  auto source = std::make_unique<Source>();
  source->path = path;
  source->mapping = os::MappedFile::open(path);
  source->bytes = source->mapping.bytes();
  return source;
}

// A fault of the file explains whatever was found in it.
Part parse_mapped(const Source& source, const OpenOptions& options) {
  try {
    Part part = parse_part(source.bytes, source.path, options);
    source.mapping.check();
    return part;
  } catch (const Error&) {
    source.mapping.check();
    throw;
  }
}

uint64_t split_count(const Part& part) { return part.metadata.get_uint("split.count").value_or(0); }

// Part `number` (from 1) says of itself that it is that part of that many.
void check_split_part(const Part& part, const std::string& path, const SplitName& name, uint32_t number) {
  const uint64_t no = part.metadata.get_uint("split.no").value_or(0);
  const uint64_t count = split_count(part);
  if (count == name.count && no + 1 == number) return;
  throw Error(
      ErrorCode::kBadFile,
      fmt::format("the file's name says part {} of {}, its metadata (split.no {}, split.count {}) says "
                  "part {} of {}",
                  number, name.count, no, count, no + 1, count),
      path, "give the parts the names they had");
}

std::unique_ptr<Source> map_part(const SplitName& name, uint32_t number) {
  const std::string path = split_path(name, number);
  try {
    return map_source(path);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kNotFound) throw;
    throw Error(ErrorCode::kNotFound,
                fmt::format("part {} of {} of this model is missing", number, name.count), path,
                "put all the parts into one folder, with the names they had");
  }
}

std::unique_ptr<GgufFile> open_split(const std::string& path, std::unique_ptr<Source> given, Part given_part,
                                     const OpenOptions& options) {
  std::optional<SplitName> name = parse_split_name(path);
  // A link of another name leads to where the parts lie, perhaps by way of further links, of which the last
  // may have another name again.
  constexpr int kLinksMax = 40;
  std::filesystem::path link = path;
  std::error_code error;
  for (int i = 0; i < kLinksMax && !name && std::filesystem::is_symlink(link, error); ++i) {
    link = link.parent_path() / std::filesystem::read_symlink(link, error);
    name = parse_split_name(link.string());
  }
  if (!name)
    throw Error(ErrorCode::kBadFile,
                fmt::format("the file is a part of a model split into {}, and its name does not say which",
                            split_count(given_part)),
                path, "name the parts NAME-00001-of-0000N.gguf");
  check_split_part(given_part, path, *name, name->number);
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<Part> parts;
  uint64_t tensors = 0;
  for (uint32_t number = 1; number <= name->count; ++number) {
    if (number == name->number) {
      sources.push_back(std::move(given));
      parts.push_back(std::move(given_part));
    } else {
      sources.push_back(map_part(*name, number));
      parts.push_back(parse_mapped(*sources.back(), options));
      check_split_part(parts.back(), sources.back()->path, *name, number);
    }
    tensors += parts.back().tensors.size();
  }
  const uint64_t promised = parts[0].metadata.get_uint("split.tensors.count").value_or(tensors);
  if (promised != tensors)
    throw Error(
        ErrorCode::kBadFile,
        fmt::format("the parts hold {} tensors together, split.tensors.count says {}", tensors, promised),
        sources[0]->path, "the parts do not belong together: fetch them again");
  return std::make_unique<Opened>(std::move(sources), std::move(parts));
}

std::unique_ptr<GgufFile> alone(std::unique_ptr<Source> source, Part part) {
  std::vector<std::unique_ptr<Source>> sources;
  std::vector<Part> parts;
  sources.push_back(std::move(source));
  parts.push_back(std::move(part));
  return std::make_unique<Opened>(std::move(sources), std::move(parts));
}

}  // namespace

std::unique_ptr<GgufFile> GgufFile::open(const std::string& path, const OpenOptions& options) {
  std::unique_ptr<Source> source = map_source(path);
  Part part = parse_mapped(*source, options);
  if (!options.single_part && split_count(part) > 1)
    return open_split(path, std::move(source), std::move(part), options);
  // Of one part only, by its own word, under the name of one of several.
  if (const auto name = parse_split_name(path);
      !options.single_part && name && name->count > 1 && part.metadata.find("split.count") != nullptr)
    check_split_part(part, path, *name, name->number);
  return alone(std::move(source), std::move(part));
}

std::unique_ptr<GgufFile> GgufFile::parse(std::span<const std::byte> bytes, const std::string& name,
                                          const OpenOptions& options) {
  auto source = std::make_unique<Source>();
  source->path = name;
  source->bytes = bytes;
  Part part = parse_part(bytes, source->path, options);
  if (!options.single_part && split_count(part) > 1)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("this is one part of a model split into {}", split_count(part)), name,
                "open the first part from a folder that holds them all");
  return alone(std::move(source), std::move(part));
}

}  // namespace gantry::gguf
