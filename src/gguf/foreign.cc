#include "gguf/foreign.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"

namespace gantry::gguf {
namespace {

using namespace std::string_view_literals;

constexpr uint32_t kOldestVersion = 2, kNewestVersion = 3;

struct Known {
  std::string_view begins;
  const char* what;
  const char* mend;
  bool is_text = false;  // its first line says more
};

constexpr const char* kConvertOld = "convert the original model again with a current GGUF converter";
constexpr const char* kConvert = "convert it to GGUF first";
constexpr const char* kFetch =
    "a download that failed leaves such a text: look at the address, and fetch the file itself";
constexpr size_t kTextMin = 9;     // bytes of a line that are no chance
constexpr size_t kShownMax = 100;  // bytes of a text's first line

constexpr std::array kKnown = {
    Known{"lmgg"sv, "a GGML file from before GGUF (magic 'ggml')", kConvertOld},
    Known{"fmgg"sv, "a GGML file from before GGUF (magic 'ggmf')", kConvertOld},
    Known{"tjgg"sv, "a GGML file from before GGUF (magic 'ggjt')", kConvertOld},
    Known{"algg"sv, "a GGML adapter from before GGUF (magic 'ggla')", kConvertOld},
    Known{"nsgg"sv, "a saved session of llama.cpp, not a model", "name the model's file"},
    Known{"qsgg"sv, "a saved sequence of llama.cpp, not a model", "name the model's file"},
    Known{"FUGG"sv, "a GGUF file with its bytes in the wrong order", kConvertOld},
    Known{"PK\x03\x04"sv, "a zip archive, as PyTorch checkpoints are", kConvert},
    Known{"\x80\x02"sv, "a Python pickle, as old PyTorch checkpoints are", kConvert},
    Known{"\x89HDF"sv, "an HDF5 file", kConvert},
    Known{"\x1f\x8b"sv, "compressed with gzip", "unpack it"},
    Known{"\x28\xb5\x2f\xfd"sv, "compressed with zstd", "unpack it"},
    Known{"\xfd\x37zXZ"sv, "compressed with xz", "unpack it"},
    Known{"version https://git-lfs"sv, "a Git LFS pointer, not the file it points to",
          "fetch the file itself: git lfs pull, or by the download link", true},
    Known{"<!"sv, "a web page", kFetch, true},
    Known{"<html"sv, "a web page", kFetch, true},
    Known{"<HTML"sv, "a web page", kFetch, true},
    Known{"<?xml"sv, "XML text", kFetch, true},
    Known{"{"sv, "JSON text", kFetch, true},
};

uint64_t little_endian(std::span<const std::byte> bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i-- > 0;) value = value << 8 | std::to_integer<uint64_t>(bytes[at + i]);
  return value;
}

// Eight bytes that say how long the JSON header is, then that header.
bool is_safetensors(std::span<const std::byte> bytes) {
  if (bytes.size() < 10 || bytes[8] != std::byte{'{'}) return false;
  const uint64_t header = little_endian(bytes, 0, 8);
  return header >= 2 && header <= bytes.size() - 8;
}

// The first line of a text, or what is shown of it; empty: it is none.
std::string first_line(std::string_view text) {
  const std::string_view line = text.substr(0, std::min(text.find_first_of("\r\n"), kShownMax));
  const bool printable =
      std::ranges::all_of(line, [](char c) { return (c >= ' ' && c < 0x7f) || c == '\t'; });
  return printable ? std::string(line) : std::string();
}

[[noreturn]] void refuse(const std::string& file, std::string what, std::string mend) {
  throw Error(ErrorCode::kUnsupported, std::move(what), file + ", byte 0", std::move(mend));
}

void check_version(std::span<const std::byte> bytes, const std::string& file) {
  if (bytes.size() < 8)
    throw Error(ErrorCode::kBadFile, "the file ends inside its header", file + ", byte 4, version",
                "the file is damaged or incomplete: fetch or convert it again");
  const auto version = static_cast<uint32_t>(little_endian(bytes, 4, 4));
  if (version >= kOldestVersion && version <= kNewestVersion) return;
  const std::string place = file + ", byte 4, version";
  // A small number read from the wrong end has its low half empty.
  if ((version & 0xffffu) == 0 && version != 0)
    throw Error(ErrorCode::kUnsupported,
                fmt::format("this is a big-endian GGUF file (version {})", __builtin_bswap32(version)), place,
                "convert it again for little-endian machines");
  if (version < kOldestVersion)
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format("the file is of GGUF version {}, older than those that this build reads ({} and {})",
                    version, kOldestVersion, kNewestVersion),
        place, "convert the model again with a current converter");
  throw Error(ErrorCode::kUnsupported,
              fmt::format("the file is of GGUF version {}, and this build reads {} and {}", version,
                          kOldestVersion, kNewestVersion),
              place, "update Gantry, or convert the model for an older version");
}

}  // namespace

void check_is_gguf(std::span<const std::byte> bytes, const std::string& file) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("GGUF")) return check_version(bytes, file);
  if (bytes.empty()) throw Error(ErrorCode::kBadFile, "the file is empty", file, "fetch or convert it again");
  if (is_safetensors(bytes)) refuse(file, "this is not a GGUF file: it is a safetensors file", kConvert);
  for (const Known& known : kKnown)
    if (text.starts_with(known.begins))
      refuse(file,
             fmt::format("this is not a GGUF file: it is {}{}", known.what,
                         known.is_text ? fmt::format(" that begins '{}'", first_line(text)) : ""),
             known.mend);
  if (const std::string line = first_line(text); line.size() >= kTextMin)
    throw Error(ErrorCode::kBadFile,
                fmt::format("this is not a GGUF file: it is a text that begins '{}'", line),
                file + ", byte 0, magic", kFetch);
  std::string first;
  for (const char c : text.substr(0, 4)) first += fmt::format(" {:02x}", static_cast<unsigned char>(c));
  throw Error(ErrorCode::kBadFile, fmt::format("this is not a GGUF file: it begins with the bytes{}", first),
              file + ", byte 0, magic", "name a GGUF file");
}

}  // namespace gantry::gguf
