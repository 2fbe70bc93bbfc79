#include "tokenizer/cases.h"

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace gantry::tokenizer {

std::vector<std::string> split_cases(std::string_view file) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> cases;
  while (true) {
    const size_t end = file.find(kSeparator);
    if (end == file.npos) break;
    cases.emplace_back(file.substr(0, end));
    file.remove_prefix(end + kSeparator.size());
  }
  if (!file.empty()) cases.emplace_back(file);
  return cases;
}

std::vector<std::vector<TokenId>> parse_expected(std::string_view file, std::string_view where) {
  std::vector<std::vector<TokenId>> lines;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    auto& ids = lines.emplace_back();
    while (true) {
      line.remove_prefix(std::min(line.find_first_not_of(" \t\r"), line.size()));
      if (line.empty()) break;
      TokenId id = kNoToken;
      const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), id);
      if (error != std::errc()) {
        throw Error(ErrorCode::kBadFile, "token ids are wanted, separated by spaces",
                    std::string(where) + ":" + std::to_string(lines.size()));
      }
      ids.push_back(id);
      line.remove_prefix(static_cast<size_t>(rest - line.data()));
    }
  }
  return lines;
}

}  // namespace gantry::tokenizer
