// Which tokens end a generation. GGUF names at most three of them (eos, eot, eom); models use more, and known
// texts stand in for what the file leaves out.
#include <algorithm>
#include <string_view>

#include "base/log.h"
#include "tokenizer/reserved.h"
#include "tokenizer/vocab_load.h"

namespace gantry::tokenizer {
namespace {

enum class Role : uint8_t {
  kEnd,     // ends a generation
  kTurn,    // and is the end of a turn, where the file names none
  kMessage  // and is the end of a message, where the file names none
};

struct EndMarker {
  std::string_view text;
  Role role;
};

// By preference where several could be the end of a turn.
constexpr EndMarker kEndMarkers[] = {
    {"<|eot_id|>", Role::kTurn},          // Llama 3
    {"<|im_end|>", Role::kTurn},          // ChatML
    {"<end_of_turn>", Role::kTurn},       // Gemma
    {"<|end|>", Role::kTurn},             // Phi
    {"<end_of_utterance>", Role::kTurn},  // SmolVLM
    {"[EOT]", Role::kTurn},               // Kimi
    {"<EOT>", Role::kTurn},               // CodeLlama's relatives
    {"_<EOT>", Role::kTurn},              //
    {"<|end_of_text|>", Role::kTurn},     // Granite
    {"<|endoftext|>", Role::kTurn},       // GPT-2 and many
    {"<\xEF\xBD\x9C"
     "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
     Role::kTurn},                     // DeepSeek
    {"<|eom_id|>", Role::kMessage},    // Llama 3
    {"<|return|>", Role::kEnd},        // gpt-oss
    {"<|call|>", Role::kEnd},          //
    {"<|calls|>", Role::kEnd},         // Solar
    {"<|flush|>", Role::kEnd},         //
    {"</s>", Role::kEnd},              // SentencePiece
    {"<eos>", Role::kEnd},             // Gemma
    {"<turn|>", Role::kEnd},           // Gemma 4
    {"<|tool_response>", Role::kEnd},  //
    {"[EOS]", Role::kEnd},             // Kimi
    {"[e~[", Role::kEnd},              // MiniMax
    {"<|fim_pad|>", Role::kEnd},       // the ends of a file, for completion of code
    {"<|repo_name|>", Role::kEnd},     //
    {"<|file_sep|>", Role::kEnd},      //
};

TokenId marker_with_text(VocabData& data, const std::vector<TokenId>& markers, std::string_view text) {
  for (const TokenId token : markers) {
    if (data.tokens[static_cast<size_t>(token)] == text) return token;
  }
  return kNoToken;
}

bool is_end(const VocabData& data, std::string_view text) {
  const auto& ends = data.special.end_of_generation;
  return std::any_of(ends.begin(), ends.end(),
                     [&](TokenId token) { return data.tokens[static_cast<size_t>(token)] == text; });
}

// Whatever the file says of its type, text must not become it.
void take_as_control(VocabData& data, TokenId token) {
  if (data.kinds.empty()) data.kinds.resize(data.tokens.size(), TokenKind::kNormal);
  TokenKind& kind = data.kinds[static_cast<size_t>(token)];
  if (kind == TokenKind::kControl) return;
  log::debug("tokenizer", "{}: {} begins or ends something; taken as a control token", data.where,
             data.tokens[static_cast<size_t>(token)]);
  kind = TokenKind::kControl;
}

void forget(VocabData& data, std::string_view text) {
  std::erase_if(data.special.end_of_generation,
                [&](TokenId token) { return data.tokens[static_cast<size_t>(token)] == text; });
}

}  // namespace

void find_end_markers(VocabData& data) {
  SpecialTokens& special = data.special;
  std::vector<TokenId> markers;
  for (size_t i = 0; i < data.kinds.size(); ++i) {
    if (data.kinds[i] == TokenKind::kControl || data.kinds[i] == TokenKind::kUserDefined) {
      markers.push_back(static_cast<TokenId>(i));
    }
  }
  auto& ends = special.end_of_generation;
  for (const EndMarker& marker : kEndMarkers) {
    const TokenId token = marker_with_text(data, markers, marker.text);
    if (token == kNoToken) continue;
    take_as_control(data, token);
    if (marker.role == Role::kTurn && special.eot == kNoToken) special.eot = token;
    if (marker.role == Role::kMessage && special.eom == kNoToken) special.eom = token;
    ends.push_back(token);
  }
  for (const TokenId token : {special.bos, special.eos, special.eot, special.eom}) {
    if (token != kNoToken && is_bracketed_word(data.tokens[static_cast<size_t>(token)]))
      take_as_control(data, token);
  }
  // In these two families <|end|> closes one message of several in a generation.
  const bool harmony = is_end(data, "<|return|>") && is_end(data, "<|call|>");
  const bool solar = is_end(data, "<|calls|>") && is_end(data, "<|flush|>");
  if (harmony || solar) forget(data, "<|end|>");
  // Gemma 4 has a plain </s> beside its own markers.
  if (is_end(data, "<|tool_response>")) forget(data, "</s>");
  for (const TokenId token : {special.eos, special.eot, special.eom}) {
    const bool closes_message = (harmony || solar) && token == special.eot && token != special.eos &&
                                token != kNoToken && data.tokens[static_cast<size_t>(token)] == "<|end|>";
    if (token != kNoToken && !closes_message) ends.push_back(token);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
}

}  // namespace gantry::tokenizer
