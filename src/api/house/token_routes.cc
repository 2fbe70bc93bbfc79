#include "api/token_routes.h"

#include <array>
#include <utility>
#include <vector>

#include "api/json_read.h"
#include "api/json_writer.h"
#include "api/lease.h"
#include "api/openai/request.h"
#include "text/utf8.h"

namespace gantry::api {
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
  if (content.is_string()) return tokenizer.encode(content.get_ref<const std::string&>(), options);
  if (!content.is_array())
    throw http::bad_request(
        std::string("'content' must be a string or an array of strings and token ids, is ") +
            kind_of(content),
        "content", "invalid_type");
  std::vector<TokenId> out;
  for (const Json& item : content) {
    if (item.is_string()) {
      const auto part = tokenizer.encode(item.get_ref<const std::string&>(), options);
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

completion::ChatInput read_chat(std::string_view request, std::string& model) {
  GenerateRequest chat = read_generate_request(Api::kChat, request);
  model = std::move(chat.model);
  return std::get<completion::ChatInput>(std::move(chat.prompts.front()));
}

std::string in_object(const char* key, std::string_view text) {
  std::string body;
  JsonWriter json(body);
  json.begin_object().key(key).value(text).end_object();
  return body;
}

}  // namespace

std::string tokenize_body(fleet::Fleet& fleet, std::string_view request) {
  TokenizeDraft draft;
  read_fields<TokenizeDraft>(parse_object(request), kTokenizeRows, draft);
  if (draft.content.is_null() && !draft.with_messages) throw missing("content");
  const fleet::Lease lease = lease_model(fleet, draft.model);
  const completion::Completer& completer = lease->completer();
  const Tokenizer& tokenizer = *completer.parts().tokenizer;
  std::vector<TokenId> tokens;
  if (draft.content.is_null()) {
    // What a chat completion with these messages would be given, BOS and all.
    tokens = completer.tokenize(read_chat(request, draft.model));
  } else {
    tokens = encode_content(draft.content, draft.options, tokenizer);
  }
  std::string body;
  JsonWriter json(body);
  json.begin_object().key("tokens").begin_array();
  for (const TokenId token : tokens) {
    if (draft.with_pieces) {
      write_piece(json, token, tokenizer);
    } else {
      json.value(token);
    }
  }
  json.end_array().end_object();
  return body;
}

std::string detokenize_body(fleet::Fleet& fleet, std::string_view request) {
  DetokenizeDraft draft;
  read_fields<DetokenizeDraft>(parse_object(request), kDetokenizeRows, draft);
  if (draft.tokens.is_null()) throw missing("tokens");
  const fleet::Lease lease = lease_model(fleet, draft.model);
  const Tokenizer& tokenizer = *lease->completer().parts().tokenizer;
  std::vector<TokenId> tokens;
  tokens.reserve(draft.tokens.size());
  for (const Json& item : draft.tokens) tokens.push_back(read_token("tokens", item, tokenizer));
  return in_object("content", tokenizer.decode(tokens, true));
}

std::string apply_template_body(fleet::Fleet& fleet, std::string_view request) {
  std::string model;
  const completion::ChatInput chat = read_chat(request, model);
  return in_object("prompt", lease_model(fleet, model)->completer().render(chat));
}

}  // namespace gantry::api
