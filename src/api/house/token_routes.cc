#include "api/house/token_routes.h"

#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "api/json_read.h"
#include "api/json_writer.h"
#include "api/models.h"
#include "api/openai/request.h"
#include "text/utf8.h"

namespace gantry::api::house {
namespace {

using tokenizer::Tokenizer;

constexpr double kAll = kAnyNumber;

struct TokenizeDraft {
  std::string model;
  Json content;  // a string, or an array of strings and token ids; null: not given
  bool with_messages = false;
  tokenizer::EncodeOptions options = {.add_special = false, .parse_special = true};
  bool with_pieces = false;
};
using TokenizeRow = Field<TokenizeDraft>;

constexpr std::array kTokenizeRows = {
    TokenizeRow{"model", FieldKind::kString, 0, 512,
                [](TokenizeDraft& d, const Json& v) { d.model = v.get<std::string>(); }},
    // Other servers' word for it.
    TokenizeRow{"text", FieldKind::kAny, -kAll, kAll, [](TokenizeDraft& d, const Json& v) { d.content = v; }},
    TokenizeRow{"content", FieldKind::kAny, -kAll, kAll,
                [](TokenizeDraft& d, const Json& v) { d.content = v; }},
    TokenizeRow{"messages", FieldKind::kArray, 0, kAll,
                [](TokenizeDraft& d, const Json&) { d.with_messages = true; }},
    TokenizeRow{"add_special", FieldKind::kBool, -kAll, kAll,
                [](TokenizeDraft& d, const Json& v) { d.options.add_special = v.get<bool>(); }},
    TokenizeRow{"parse_special", FieldKind::kBool, -kAll, kAll,
                [](TokenizeDraft& d, const Json& v) { d.options.parse_special = v.get<bool>(); }},
    TokenizeRow{"with_pieces", FieldKind::kBool, -kAll, kAll,
                [](TokenizeDraft& d, const Json& v) { d.with_pieces = v.get<bool>(); }},
};

struct DetokenizeDraft {
  std::string model;
  Json tokens;
};
using DetokenizeRow = Field<DetokenizeDraft>;

constexpr std::array kDetokenizeRows = {
    DetokenizeRow{"model", FieldKind::kString, 0, 512,
                  [](DetokenizeDraft& d, const Json& v) { d.model = v.get<std::string>(); }},
    DetokenizeRow{"tokens", FieldKind::kArray, 0, kAll,
                  [](DetokenizeDraft& d, const Json& v) { d.tokens = v; }},
};

http::Refusal missing(const char* field) {
  return http::bad_request(std::string("'") + field + "' is missing", field, "missing_required_parameter");
}

TokenId read_token(const char* field, const Json& value, const Tokenizer& tokenizer) {
  check_field(field, FieldKind::kInteger, 0, static_cast<double>(tokenizer.size()) - 1, value);
  return static_cast<TokenId>(value.get<double>());
}

// Texts and ids in any order, as llama.cpp takes them; only the first item begins the text.
std::vector<TokenId> encode_content(const Json& content, tokenizer::EncodeOptions options,
                                    const Tokenizer& tokenizer) {
  if (content.is_string()) return tokenizer.encode(content.get<std::string_view>(), options);
  if (!content.is_array())
    throw http::bad_request(
        std::string("'content' must be a string or an array of strings and token ids, is ") +
            kind_of(content),
        "content", "invalid_type");
  std::vector<TokenId> out;
  for (const Json& item : content) {
    if (item.is_string()) {
      const auto part = tokenizer.encode(item.get<std::string_view>(), options);
      out.insert(out.end(), part.begin(), part.end());
    } else {
      out.push_back(read_token("content", item, tokenizer));
    }
    options.add_special = false;
  }
  return out;
}

// {"id": 7, "piece": "text"}, the piece a list of bytes where it is no whole UTF-8.
void write_piece(JsonWriter& json, TokenId token, const Tokenizer& tokenizer) {
  const std::string piece = tokenizer.token_bytes(token, true);
  json.begin_object().key("id").value(token).key("piece");
  if (text::is_valid_utf8(piece)) {
    json.value(piece);
  } else {
    json.begin_array();
    for (const char c : piece) json.value(static_cast<uint32_t>(static_cast<uint8_t>(c)));
    json.end_array();
  }
  json.end_object();
}

// As chat completions read it.
completion::ChatInput read_chat(const Call& call, std::string& model) {
  GenerateRequest chat = openai::parse(openai::Api::kChat, call.request.body).request;
  model = std::move(chat.model);
  return std::get<completion::ChatInput>(std::move(chat.prompts.front()));
}

std::string in_object(const char* key, std::string_view text) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key(key).value(text).end_object();
  return body;
}

std::string tokens_body(const std::vector<TokenId>& tokens, bool with_pieces, const Tokenizer& tokenizer) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("tokens").begin_array();
  for (const TokenId token : tokens) {
    if (with_pieces) {
      write_piece(json, token, tokenizer);
    } else {
      json.value(token);
    }
  }
  json.end_array().end_object();
  return body;
}

}  // namespace

void tokenize(Call& call) {
  TokenizeDraft draft;
  read_fields<TokenizeDraft>(parse_object(call.request.body), kTokenizeRows, draft);
  if (draft.content.is_null() && !draft.with_messages) throw missing("content");
  // What a chat completion with these messages would be given, BOS and all.
  std::optional<completion::ChatInput> chat;
  if (draft.content.is_null()) chat = read_chat(call, draft.model);
  const std::string model = draft.model;
  call.models.with(
      model, call.asker,
      [asker = call.asker, draft = std::move(draft), chat = std::move(chat)](fleet::Lease lease) {
        const completion::Completer& completer = lease->completer();
        const std::vector<TokenId> tokens =
            chat ? completer.tokenize(*chat)
                 : encode_content(draft.content, draft.options, completer.tokenizer());
        asker.answer_json(tokens_body(tokens, draft.with_pieces, completer.tokenizer()));
      });
}

void detokenize(Call& call) {
  DetokenizeDraft draft;
  read_fields<DetokenizeDraft>(parse_object(call.request.body), kDetokenizeRows, draft);
  if (draft.tokens.is_null()) throw missing("tokens");
  const std::string model = draft.model;
  call.models.with(model, call.asker, [asker = call.asker, draft = std::move(draft)](fleet::Lease lease) {
    const Tokenizer& tokenizer = lease->completer().tokenizer();
    std::vector<TokenId> tokens;
    tokens.reserve(draft.tokens.size());
    for (const Json& item : draft.tokens) tokens.push_back(read_token("tokens", item, tokenizer));
    asker.answer_json(in_object("content", tokenizer.decode(tokens, true)));
  });
}

void apply_template(Call& call) {
  std::string model;
  completion::ChatInput chat = read_chat(call, model);
  call.models.with(model, call.asker, [asker = call.asker, chat = std::move(chat)](fleet::Lease lease) {
    asker.answer_json(in_object("prompt", lease->completer().render(chat)));
  });
}

}  // namespace gantry::api::house
