#include "tests/scenario/whole_subjects.h"

#include <algorithm>

#include "base/pages.h"
#include "fleet/opened_model.h"
#include "model/transformer.h"
#include "tests/reply/reply_data.h"
#include "tests/scenario/fakes.h"
#include "tests/scenario/piece_tokenizer.h"
#include "tests/sim/sim_runner.h"

namespace gantry::testing {
namespace {

constexpr const char* kName = "own";

// With tools in the prompt and a reply behind it; and of models that compute.
constexpr uint32_t kTellerContext = 2048, kBabblerContext = 768, kWeightsContext = 192;
constexpr uint32_t kSimVocab = 260, kSimRows = 64;

// --- tellers ---

struct Told {
  std::string prompt, text;  // what the prompt ends with, and what follows
};

std::vector<Told> replies(const reply::ReplyFormat& format) {
  std::vector<Told> out = {{"", "It is warm \xE2\x82\xAC 5.\n"}};
  for (const reply::testing::FamilyReply& reply : reply::testing::family_replies()) {
    if (reply.format != format.name) continue;
    out.push_back({reply.prompt, reply.text});
    // Whatever the family takes for calls behind calls.
    out.push_back({reply.prompt, reply.text + "\n" + reply.text});
  }
  return out;
}

// Bytes; control tokens are '\0'.
TokenId tell(const std::vector<Told>& texts, std::span<const TokenId> tokens) {
  std::string history;
  for (const TokenId token : tokens) history += token < kBos ? static_cast<char>(token) : '\0';
  const size_t order = history.rfind("tell(");
  const size_t end = order == std::string::npos ? order : history.find(')', order);
  if (end == std::string::npos)
    return 'a' + static_cast<TokenId>((history.size() * 7 + static_cast<size_t>(tokens.back())) % 26);
  const Told& told = texts.at(std::strtoul(history.c_str() + order + 5, nullptr, 10) % texts.size());
  std::string_view rest = std::string_view(history).substr(end + 1);
  constexpr std::string_view kTurnOfAssistant("\0assistant:", 11);
  if (const size_t turn = rest.find(kTurnOfAssistant); turn != std::string_view::npos)
    rest.remove_prefix(turn + kTurnOfAssistant.size());
  if (rest.starts_with(told.prompt)) rest.remove_prefix(told.prompt.size());
  return rest.size() < told.text.size() ? static_cast<unsigned char>(told.text[rest.size()]) : kEos;
}

std::vector<std::string> pieces_of(const std::vector<Told>& texts) {
  constexpr size_t kStep = 7, kLength = 3;
  std::vector<std::string> out;
  for (const Told& told : texts)
    for (size_t at = 0; at + kLength < told.text.size(); at += kStep) {
      const std::string piece = told.text.substr(at, kLength);
      if (std::ranges::all_of(piece, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
        out.push_back(piece);
    }
  return out;
}

std::unique_ptr<sim::SimRunner> simulation(uint32_t context, const Circumstances& at,
                                           std::function<TokenId(std::span<const TokenId>)> say) {
  const uint32_t pages = pages_for(context) + at.spare_pages;
  return std::make_unique<sim::SimRunner>(
      sim::SimOptions{.limits = sim::sim_limits(kSimVocab, context, at.sequences, kSimRows, pages),
                      .seed = 5,
                      .say = std::move(say)});
}

// --- pieces ---

std::vector<std::string> markers_of(const reply::ReplyFormat& format) {
  std::vector<std::string> out = reply::reply_markers(format, true);
  out.insert(out.end(), format.silent.begin(), format.silent.end());
  const size_t whole = out.size();
  for (size_t i = 0; i < whole; ++i) {
    out.push_back(out[i].substr(0, out[i].size() / 2));
    out.push_back(out[i].substr(out[i].size() / 2));
  }
  std::erase(out, "");
  return out;
}

const std::vector<std::string>& json_pieces() {
  static const std::vector<std::string> pieces = {R"({"name": "get_time", "arguments": {}})",
                                                  R"({"name": ")",
                                                  "get_time",
                                                  R"(", "arguments": {"a": )",
                                                  R"("}})",
                                                  "\xC3\xA9\xE2\x82",
                                                  "get_time()",
                                                  " the"};
  return pieces;
}

// Whole replies, in one token and in some; of a large vocabulary there is room for them.
std::vector<std::string> reply_pieces(const reply::ReplyFormat& format) {
  constexpr size_t kStep = 23;
  std::vector<std::string> out = json_pieces();
  for (const Told& told : replies(format)) out.push_back(told.text);
  for (const Told& told : replies(format))
    for (size_t at = 0; at < told.text.size(); at += kStep) out.push_back(told.text.substr(at, kStep));
  return out;
}

// Some markers only, so that a small vocabulary has something beside.
std::unique_ptr<const tokenizer::Tokenizer> pieces_tokenizer(uint32_t vocab,
                                                             const reply::ReplyFormat& format) {
  constexpr size_t kMarkersMax = 12;
  std::vector<std::string> markers = markers_of(format);
  if (markers.size() > kMarkersMax) markers.resize(kMarkersMax);
  return std::make_unique<PieceTokenizer>(vocab, markers, reply_pieces(format));
}

std::vector<std::string> texts_of(const tokenizer::Tokenizer& tokenizer) {
  constexpr uint32_t kFew = 300;
  std::vector<std::string> out;
  for (uint32_t i = 0; i < std::min(tokenizer.size(), kFew); ++i) {
    const auto token = static_cast<TokenId>(i);
    const std::string text = tokenizer.decode(std::span(&token, 1), false);
    if (!text.empty()) out.push_back(text);
  }
  return out;
}

// About so many come to so many tokens.
uint32_t characters_of(uint32_t tokens, const tokenizer::Tokenizer& tokenizer) {
  const std::string sample = "kq zr ab ow il mmn dea t rspyx";
  const size_t sample_tokens = tokenizer.encode(sample, {}).size();
  return static_cast<uint32_t>(tokens * sample.size() / std::max<size_t>(sample_tokens, 1));
}

AskFacts plain_facts() {
  AskFacts facts;
  facts.model = kName;
  facts.tools = nlohmann::json::parse(R"([{"type":"function","function":{"name":"get_time"}}])");
  facts.suffixes = {"<think>\n", " "};
  return facts;
}

// --- weights ---

// What a runner over a file stands on.
struct Loaded {
  fleet::OpenedModel opened;
  std::unique_ptr<model::LoadedModel> loaded;
};

ModelParts load(fleet::LoadSettings settings, const Circumstances& at, const reply::ReplyFormat& format) {
  settings.sequences = at.sequences;
  settings.threads = at.threads;
  settings.isa = at.isa;
  settings.host_cache_bytes = at.host_cache_bytes;
  settings.prefix_cache = at.prefix_cache;
  auto under = std::make_shared<Loaded>(fleet::open_model(registry(), settings));
  const fleet::OpenedModel& opened = under->opened;
  under->loaded = model::LoadedModel::load(*opened.blueprint, *opened.file, opened.plan, *opened.device);
  ModelParts parts;
  parts.runner = model::make_transformer(*opened.blueprint, *under->loaded, *opened.device);
  const gguf::Metadata& metadata = opened.file->metadata();
  const bool no_vocabulary = metadata.get_string("tokenizer.ggml.model") == "no_vocab";
  parts.tokenizer = no_vocabulary ? pieces_tokenizer(opened.blueprint->vocab, format)
                                  : tokenizer::Tokenizer::from_gguf(metadata);
  const auto own = metadata.get_string("tokenizer.chat_template");
  parts.chat_template = jinja::ChatTemplate::parse(own ? *own : kPlainTemplate);
  parts.format = own ? nullptr : &format;
  parts.under = std::move(under);
  return parts;
}

}  // namespace

Subject teller(const reply::ReplyFormat& format) {
  Subject out;
  out.name = "teller of " + format.name;
  const auto texts = std::make_shared<const std::vector<Told>>(replies(format));
  out.make = [texts, &format](const Circumstances& at) {
    ModelParts parts;
    parts.runner = simulation(kTellerContext, at,
                              [texts](std::span<const TokenId> tokens) { return tell(*texts, tokens); });
    parts.tokenizer = std::make_unique<ByteTokenizer>();
    parts.chat_template = jinja::ChatTemplate::parse(kPlainTemplate);
    parts.format = &format;
    return parts;
  };
  out.facts = plain_facts();
  out.facts.vocab = kSimVocab;
  out.facts.characters = 120;
  out.facts.tokens_max = 300;
  out.facts.unlimited = true;
  out.facts.tools = nlohmann::json::parse(reply::testing::test_tools().dump());
  out.facts.tells = static_cast<uint32_t>(texts->size());
  out.facts.scraps = pieces_of(*texts);
  for (const Told& told : *texts) {
    if (!told.prompt.empty()) out.facts.suffixes.push_back(told.prompt);
    out.written += told.text;
  }
  return out;
}

Subject babbler(const reply::ReplyFormat& format) {
  Subject out;
  out.name = "babbler of " + format.name;
  out.make = [&format](const Circumstances& at) {
    ModelParts parts;
    parts.runner = simulation(kBabblerContext, at, nullptr);
    parts.tokenizer = pieces_tokenizer(kSimVocab, format);
    parts.chat_template = jinja::ChatTemplate::parse(kPlainTemplate);
    parts.format = &format;
    return parts;
  };
  const auto tokenizer = pieces_tokenizer(kSimVocab, format);
  out.facts = plain_facts();
  out.facts.vocab = tokenizer->size();
  out.facts.characters = 120;
  out.facts.tokens_max = 120;
  out.facts.scraps = texts_of(*tokenizer);
  return out;
}

Subject weights(const std::string& name, fleet::LoadSettings settings, const reply::ReplyFormat& format) {
  Subject out;
  out.name = name;
  const uint32_t known = fleet::open_file(registry(), settings).blueprint->context_train;
  settings.context = std::min(kWeightsContext, known);
  const ModelParts parts = load(settings, {}, format);
  out.make = [settings, &format](const Circumstances& at) { return load(settings, at, format); };
  out.facts = plain_facts();
  out.facts.vocab = parts.runner->limits().vocab;
  out.facts.characters = characters_of(settings.context / 3, *parts.tokenizer);
  out.facts.tokens_max = settings.context / 4;
  out.times = 1;
  out.facts.scraps = texts_of(*parts.tokenizer);
  return out;
}

}  // namespace gantry::testing
