#include "api/house/token_routes.h"

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "api/chat_changes.h"
#include "api/flow.h"
#include "api/json_read.h"
#include "api/json_writer.h"
#include "api/models.h"
#include "api/openai/request.h"
#include "api/text_parts.h"
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
void encode_content(const Json& content, tokenizer::EncodeOptions options, const Tokenizer& tokenizer,
                    const tokenizer::TakeTokens& take) {
  if (content.is_string()) return tokenizer.encode_to(content.get<std::string_view>(), options, take);
  if (!content.is_array())
    throw http::bad_request(
        std::string("'content' must be a string or an array of strings and token ids, not ") +
            kind_of(content),
        "content", "invalid_type");
  for (const Json& item : content) {
    if (item.is_string()) {
      tokenizer.encode_to(item.get<std::string_view>(), options, take);
    } else {
      const TokenId token = read_token("content", item, tokenizer);
      take({&token, 1});
    }
    options.add_special = false;
  }
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

// {"KEY": "text"}; of a prompt also {"changes": [...]}
class TextBody final : public Body {
 public:
  TextBody(const char* key, std::string text, std::vector<std::string> changes)
      : text_(std::move(text)), parts_(text_), changes_(std::move(changes)) {
    begin(key);
  }
  TextBody(const char* key, std::shared_ptr<const Tokenizer> tokenizer, std::vector<TokenId> tokens)
      : tokenizer_(std::move(tokenizer)), tokens_(std::move(tokens)), parts_(*tokenizer_, tokens_, true) {
    begin(key);
  }
  bool next(std::string& piece) override {
    std::string part = parts_.next();
    for (; !part.empty(); part = parts_.next()) {
      json_.characters(part);
      if (written_.size() >= kPieceBytes) break;
    }
    if (part.empty()) end();
    piece = std::exchange(written_, {});
    return !part.empty();
  }

 private:
  void begin(const char* key) { json_.begin_object().key(key).begin_string(); }
  void end() {
    json_.end_string();
    if (changes_) {
      json_.key("changes").begin_array();
      for (const std::string& change : *changes_) json_.value(change);
      json_.end_array();
    }
    json_.end_object();
  }

  // What the parts are read of.
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::string text_;
  const std::vector<TokenId> tokens_;
  TextParts parts_;
  const std::optional<std::vector<std::string>> changes_;
  std::string written_;
  JsonWriter json_{written_};
};

// Where a million lies nowhere twice, as it would while a vector grows.
using Tokens = std::deque<TokenId>;

// {"tokens": [...]}
class TokensBody final : public Body {
 public:
  TokensBody(std::shared_ptr<const Tokenizer> tokenizer, Tokens tokens, bool with_pieces)
      : tokenizer_(std::move(tokenizer)), tokens_(std::move(tokens)), with_pieces_(with_pieces) {
    json_.begin_object().key("tokens").begin_array();
  }
  bool next(std::string& piece) override {
    for (; next_ < tokens_.size() && written_.size() < kPieceBytes; ++next_) {
      if (with_pieces_)
        write_piece(json_, tokens_[next_], *tokenizer_);
      else
        json_.value(tokens_[next_]);
    }
    const bool more = next_ < tokens_.size();
    if (!more) json_.end_array().end_object();
    piece = std::exchange(written_, {});
    return more;
  }

 private:
  const std::shared_ptr<const Tokenizer> tokenizer_;
  const Tokens tokens_;
  const bool with_pieces_;
  size_t next_ = 0;
  std::string written_;
  JsonWriter json_{written_};
};

}  // namespace

void tokenize(Call& call) {
  TokenizeDraft draft;
  read_fields<TokenizeDraft>(parse_object(call.request.body), kTokenizeRows, draft);
  if (draft.content.is_null() && !draft.with_messages) throw missing("content");
  // What a chat completion with these messages would be given, BOS and all.
  std::optional<completion::ChatInput> chat;
  if (draft.content.is_null()) chat = read_chat(call, draft.model);
  std::string().swap(call.request.body);  // all of it has been read
  const std::string model = draft.model;
  call.models.with(
      model, call.asker,
      [asker = call.asker, draft = std::move(draft), chat = std::move(chat)](fleet::Lease lease) {
        const completion::Completer& completer = lease->completer();
        Tokens tokens;
        const auto take = [&](std::span<const TokenId> some) {
          tokens.insert(tokens.end(), some.begin(), some.end());
          return true;
        };
        if (chat)
          take(completer.tokenize(*chat));
        else
          encode_content(draft.content, draft.options, completer.tokenizer(), take);
        answer_json(asker,
                    std::make_unique<TokensBody>(lease->tokenizer(), std::move(tokens), draft.with_pieces));
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
    answer_json(asker, std::make_unique<TextBody>("content", lease->tokenizer(), std::move(tokens)));
  });
}

void apply_template(Call& call) {
  std::string model;
  completion::ChatInput chat = read_chat(call, model);
  call.models.with(model, call.asker, [asker = call.asker, chat = std::move(chat)](fleet::Lease lease) {
    chat::Rendered rendered = lease->completer().render(chat);
    std::vector<http::Header> headers = change_headers(rendered.changes);
    answer_json(asker,
                std::make_unique<TextBody>("prompt", std::move(rendered.text), std::move(rendered.changes)),
                std::move(headers));
  });
}

}  // namespace gantry::api::house
