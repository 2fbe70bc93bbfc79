// Speed of encoding, one thread: MB/s of CPU time for each text file, one JSON line each; or, with --hostile,
// the time of hostile texts of n, 2n, 4n ... bytes.
//   gantry_bench_tokenizer VOCABULARY.gguf ROUNDS TEXT...
//   gantry_bench_tokenizer --hostile VOCABULARY.gguf BYTES_MAX
#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "bench/arguments.h"
#include "gguf/gguf.h"
#include "text/utf8.h"

namespace gantry {
namespace {

// Texts are encoded in documents of about this size: what a long prompt has.
constexpr size_t kDocumentBytes = 32 * 1024;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::string read_all(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw Error(ErrorCode::kNotFound, "cannot be read", path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Cut behind the first line end after each kDocumentBytes, as the peers' programs do.
std::vector<std::string_view> documents(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const size_t line = text.size() > kDocumentBytes ? text.find('\n', kDocumentBytes) : text.npos;
    out.push_back(text.substr(0, line == text.npos ? line : line + 1));
    text.remove_prefix(out.back().size());
  }
  return out;
}

void measure(const tokenizer::Tokenizer& tokenizer, const char* path, int rounds) {
  const std::string text = read_all(path);
  const auto parts = documents(text);
  std::vector<double> speeds;
  size_t tokens = 0;
  for (int round = 0; round <= rounds; ++round) {  // the first one warms up
    tokens = 0;
    const double start = cpu_seconds();
    for (const std::string_view part : parts) tokens += tokenizer.encode(part, {}).size();
    const double seconds = cpu_seconds() - start;
    if (round > 0 || rounds == 0) speeds.push_back(static_cast<double>(text.size()) / seconds * 1e-6);
  }
  std::sort(speeds.begin(), speeds.end());
  std::printf("{\"text\":\"%s\",\"bytes\":%zu,\"tokens\":%zu,\"mb_s\":%.2f}\n", path, text.size(), tokens,
              speeds[speeds.size() / 2]);
}

struct Hostile {
  const char* name;
  std::string unit;
};

std::vector<Hostile> hostile_texts() {
  std::string letters;
  std::string han;
  std::string bytes;
  uint64_t state = 1;
  const auto next = [&state] { return (state = state * 6364136223846793005u + 1442695040888963407u) >> 33; };
  for (int i = 0; i < (1 << 16); ++i) {
    letters.push_back(static_cast<char>('a' + next() % 26));
    bytes.push_back(static_cast<char>(next() & 0xFF));
    text::append_utf8(han, static_cast<char32_t>(0x4E00 + next() % 0x5000));
  }
  return {{"one letter", "a"},
          {"random letters, no space", letters},
          {"Han, no space", han},
          {"spaces", " "},
          {"newlines", "\n"},
          {"space and newline", " \n"},
          {"NUL", std::string(1, '\0')},
          {"random bytes", bytes},
          {"lone surrogates", "\xED\xA0\x80"},
          {"cut sequences", "\xE4\xB8"},
          {"combining marks", "\xCC\x81"},
          {"marks of two classes", "\xCC\xA3\xCC\x81"},
          {"digits", "7"},
          {"apostrophes", "'"},
          {"beginnings of markers", "<|"},
          {"upper and lower", "aA"}};
}

void measure_hostile(const tokenizer::Tokenizer& tokenizer, size_t bytes_max) {
  std::printf("%-26s", "milliseconds for bytes:");
  for (size_t bytes = bytes_max / 8; bytes <= bytes_max; bytes *= 2) std::printf("%12zu", bytes);
  std::printf("\n");
  for (const Hostile& hostile : hostile_texts()) {
    std::string text;
    while (text.size() < bytes_max) text += hostile.unit;
    std::printf("%-26s", hostile.name);
    for (size_t bytes = bytes_max / 8; bytes <= bytes_max; bytes *= 2) {
      double best = 1e9;
      for (int round = 0; round < 3; ++round) {
        const double start = cpu_seconds();
        tokenizer.encode(std::string_view(text).substr(0, bytes), {.parse_special = true});
        best = std::min(best, cpu_seconds() - start);
      }
      std::printf("%12.2f", best * 1e3);
    }
    std::printf("\n");
  }
}

int run(int argc, char** argv) {
  constexpr uint32_t kRoundsMax = 1000, kBytesMin = 64, kBytesMax = 1u << 30;
  if (argc < 4)
    throw Error(ErrorCode::kUsage,
                "wanted: VOCABULARY.gguf ROUNDS TEXT..., or --hostile VOCABULARY.gguf BYTES_MAX");
  const bool hostile = std::strcmp(argv[1], "--hostile") == 0;
  if (hostile && argc != 4) throw Error(ErrorCode::kUsage, "wanted: --hostile VOCABULARY.gguf BYTES_MAX");
  const uint32_t number = hostile ? bench::parse_number("BYTES_MAX", argv[3], kBytesMin, kBytesMax)
                                  : bench::parse_number("ROUNDS", argv[2], 0, kRoundsMax);
  const double start = cpu_seconds();
  const auto file = gguf::GgufFile::open(argv[hostile ? 2 : 1], {.check_tensor_data = false});
  const auto tokenizer = tokenizer::Tokenizer::from_gguf(file->metadata());
  std::fprintf(stderr, "loaded in %.0f ms\n", (cpu_seconds() - start) * 1e3);
  if (hostile) {
    measure_hostile(*tokenizer, number);
    return 0;
  }
  for (int i = 3; i < argc; ++i) measure(*tokenizer, argv[i], static_cast<int>(number));
  return 0;
}

}  // namespace
}  // namespace gantry

int main(int argc, char** argv) {
  try {
    return gantry::run(argc, argv);
  } catch (const gantry::Error& error) {
    std::fprintf(stderr, "gantry_bench_tokenizer: %s\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
}
