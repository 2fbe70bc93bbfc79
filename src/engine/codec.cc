#include "engine/codec.h"

#include <algorithm>
#include <bit>
#include <string>
#include <type_traits>
#include <utility>

#include <fmt/format.h>

#include "kv/root_key.h"

namespace gantry::engine {
namespace {

constexpr uint32_t kJobMark = 0x424f4a47, kEventMark = 0x54564547;  // "GJOB", "GEVT"
constexpr uint16_t kVersion = 4;

class Writer {
 public:
  explicit Writer(uint32_t mark) {
    number(mark);
    number(kVersion);
  }

  template <typename T>
  void number(T value) {
    static_assert(std::is_integral_v<T>);
    const auto bits = static_cast<std::make_unsigned_t<T>>(value);
    for (size_t i = 0; i < sizeof(T); ++i)
      bytes_.push_back(static_cast<std::byte>(static_cast<uint64_t>(bits) >> (8 * i)));
  }
  void number(bool value) { number(static_cast<uint8_t>(value)); }
  void number(float value) { number(std::bit_cast<uint32_t>(value)); }
  void number(double value) { number(std::bit_cast<uint64_t>(value)); }
  void text(const std::string& text) {
    number(static_cast<uint32_t>(text.size()));
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
  }
  template <typename T>
  void list(const std::vector<T>& values) {
    number(static_cast<uint32_t>(values.size()));
    for (const T value : values) number(value);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, uint32_t mark, const char* what) : left_(bytes), what_(what) {
    if (number<uint32_t>() != mark) refuse("these bytes are none");
    const auto version = number<uint16_t>();
    if (version != kVersion)
      refuse(fmt::format("its version is {}, this build speaks {}", version, kVersion));
  }

  template <typename T>
  T number() {
    if constexpr (std::is_same_v<T, bool>) {
      return number_below<uint8_t>(2) != 0;
    } else if constexpr (std::is_same_v<T, float>) {
      return std::bit_cast<float>(number<uint32_t>());
    } else if constexpr (std::is_same_v<T, double>) {
      return std::bit_cast<double>(number<uint64_t>());
    } else {
      const auto raw = take(sizeof(T));
      uint64_t bits = 0;
      for (size_t i = 0; i < sizeof(T); ++i) bits |= static_cast<uint64_t>(raw[i]) << (8 * i);
      return static_cast<T>(bits);
    }
  }
  template <typename T>
  T number_below(T end) {
    const T value = number<T>();
    if (value >= end) refuse(fmt::format("a field is {}, must be below {}", value, end));
    return value;
  }
  // How many follow, each of at least `bytes_each`.
  uint32_t count(size_t most, size_t bytes_each) {
    const auto count = number<uint32_t>();
    if (count > most) refuse(fmt::format("{} of something, at most {} are taken", count, most));
    if (count > left_.size() / bytes_each) refuse("its bytes end too early");
    return count;
  }
  std::string text(size_t most) {
    const auto raw = take(count(most, 1));
    std::string text(raw.size(), '\0');
    std::transform(raw.begin(), raw.end(), text.begin(), [](std::byte b) { return static_cast<char>(b); });
    return text;
  }
  template <typename T>
  std::vector<T> list(size_t most) {
    std::vector<T> values(count(most, sizeof(T)));
    for (T& value : values) value = number<T>();
    return values;
  }
  void end() const {
    if (!left_.empty()) refuse(fmt::format("{} bytes stand behind its end", left_.size()));
  }

 private:
  std::span<const std::byte> take(size_t count) {
    if (count > left_.size()) refuse("its bytes end too early");
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
  }
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error(ErrorCode::kInvalidRequest, "this is no " + std::string(what_) + ": " + why);
  }

  std::span<const std::byte> left_;
  const char* what_;
};

void write(Writer& out, const sample::SamplingParams& params) {
  out.number(params.temperature);
  out.number(params.top_k);
  out.number(params.top_p);
  out.number(params.min_p);
  out.number(params.typical_p);
  out.number(params.repetition_penalty);
  out.number(params.presence_penalty);
  out.number(params.frequency_penalty);
  out.number(params.penalty_window);
  out.number(static_cast<uint32_t>(params.logit_bias.size()));
  for (const auto& [token, bias] : params.logit_bias) {
    out.number(token);
    out.number(bias);
  }
  out.number(params.seed);
}

sample::SamplingParams read_sampling(Reader& in) {
  sample::SamplingParams params;
  params.temperature = in.number<double>();
  params.top_k = in.number<uint32_t>();
  params.top_p = in.number<double>();
  params.min_p = in.number<double>();
  params.typical_p = in.number<double>();
  params.repetition_penalty = in.number<double>();
  params.presence_penalty = in.number<double>();
  params.frequency_penalty = in.number<double>();
  params.penalty_window = in.number<uint32_t>();
  params.logit_bias.resize(in.count(sample::kLogitBiasMax, sizeof(TokenId) + sizeof(float)));
  for (auto& [token, bias] : params.logit_bias) {
    token = in.number<TokenId>();
    bias = in.number<float>();
  }
  params.seed = in.number<uint64_t>();
  return params;
}

std::string shortened(const std::string& text) { return text.substr(0, kEventTextBytesMax); }

}  // namespace

std::vector<std::byte> encode(const Job& job) {
  Writer out(kJobMark);
  out.list(job.prompt);
  write(out, job.sampling);
  out.number(job.tokens_max);
  out.list(job.stop_tokens);
  out.number(job.logprobs);
  out.number(job.top_logprobs);
  out.text(job.grammar.kind);
  out.text(job.grammar.text);
  out.number(static_cast<uint8_t>(job.wanted));
  out.number(job.client);
  out.number(job.priority);
  out.number(job.deadline_ms);
  out.number(job.first_token_ms);
  out.text(job.salt);
  out.number(job.adapter);
  out.number(job.answers);
  return out.take();
}

Job decode_job(std::span<const std::byte> bytes) {
  Reader in(bytes, kJobMark, "job");
  Job job;
  job.prompt = in.list<TokenId>(kJobPromptMax);
  job.sampling = read_sampling(in);
  job.tokens_max = in.number<uint32_t>();
  job.stop_tokens = in.list<TokenId>(sample::kStopTokensMax);
  job.logprobs = in.number<bool>();
  job.top_logprobs = in.number<uint32_t>();
  job.grammar.kind = in.text(kGrammarKindBytesMax);
  job.grammar.text = in.text(kGrammarBytesMax);
  job.wanted = static_cast<Wanted>(in.number_below<uint8_t>(kWantedCount));
  job.client = in.number<uint64_t>();
  job.priority = in.number<int32_t>();
  job.deadline_ms = in.number<uint32_t>();
  job.first_token_ms = in.number<uint32_t>();
  job.salt = in.text(kv::kSaltBytesMax);
  job.adapter = in.number<uint32_t>();
  job.answers = in.number<uint32_t>();
  in.end();
  return job;
}

std::vector<std::byte> encode(const TokenEvent& event) {
  Writer out(kEventMark);
  out.number(event.job);
  out.number(event.token);
  out.number(event.logprob);
  out.number(event.top_count);
  for (uint32_t i = 0; i < event.top_count; ++i) {
    out.number(event.top[i].token);
    out.number(event.top[i].logprob);
  }
  out.number(static_cast<uint8_t>(event.finish));
  out.number(event.error != nullptr);
  if (event.error != nullptr) {
    out.number(static_cast<uint8_t>(event.error->code()));
    out.text(shortened(event.error->message()));
    out.text(shortened(event.error->where()));
    out.text(shortened(event.error->mend()));
  }
  out.number(event.prompt_tokens);
  out.number(event.cached_tokens);
  out.list(event.values);
  return out.take();
}

TokenEvent decode_event(std::span<const std::byte> bytes) {
  Reader in(bytes, kEventMark, "event");
  TokenEvent event;
  event.job = in.number<JobId>();
  event.token = in.number<TokenId>();
  event.logprob = in.number<float>();
  event.top_count = in.number_below<uint32_t>(sample::kTopLogprobsMax + 1);
  for (uint32_t i = 0; i < event.top_count; ++i) {
    event.top[i].token = in.number<TokenId>();
    event.top[i].logprob = in.number<float>();
  }
  event.finish = static_cast<FinishReason>(in.number_below<uint8_t>(kFinishReasonCount));
  if (in.number<bool>()) {
    const auto code = static_cast<ErrorCode>(in.number_below(static_cast<uint8_t>(error_table().size())));
    std::string what = in.text(kEventTextBytesMax), where = in.text(kEventTextBytesMax);
    event.error =
        std::make_shared<Error>(code, std::move(what), std::move(where), in.text(kEventTextBytesMax));
  }
  event.prompt_tokens = in.number<uint32_t>();
  event.cached_tokens = in.number<uint32_t>();
  event.values = in.list<float>(kEventValuesMax);
  in.end();
  return event;
}

}  // namespace gantry::engine
