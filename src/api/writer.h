// How a dialect writes one answer. A request has a writer of its own, which may keep what it needs between
// calls; they come one at a time, on any thread.
//
// A stream is begin(), for each choice delta() until finish(), in any order of choices, then end(); or fail()
// at any point behind begin(). Each returns whole events in the bytes that go out, or nothing. An answer that
// is no stream is whole_begin(), whole_choice() for each in their order, and whole_end().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "completion/completion.h"
#include "fleet/fleet.h"
#include "http/http.h"

namespace gantry::api {

struct StreamForm {
  std::string_view content_type;
  std::string_view idle;  // sent when nothing came for a while; may be empty
};
// Server-sent events, with a comment for an idle line.
inline constexpr StreamForm kEventStream = {"text/event-stream; charset=utf-8", ": keep-alive\n\n"};

// What is known when the answers begin.
struct Begun {
  const fleet::ModelCard& card;
  const std::vector<completion::PreparedPtr>& prompts;
  uint32_t choices;  // of all prompts, those of one prompt together
};

// One choice of an answer that is told at once.
struct Choice {
  std::string reasoning;
  std::string text;
  uint64_t echoed_characters = 0;            // of the text, at its beginning
  std::vector<completion::CallDelta> calls;  // whole ones
  std::vector<completion::TokenReport> tokens;
  completion::Finish finish = completion::Finish::kNone;
  std::string stop_string;
  completion::Usage usage;

  void add(completion::Delta delta);
};

// Of the whole request: a prompt counts once, however many choices it has.
struct Totals {
  completion::Usage usage;
  std::chrono::nanoseconds waiting{0};  // for the model
  std::chrono::nanoseconds reading{0};  // from then to the first piece of an answer
  std::chrono::nanoseconds writing{0};  // from then to the end
};

// So many tokens in that time; 0 where there was none.
double per_second(uint64_t tokens, std::chrono::nanoseconds time);

class Writer {
 public:
  virtual ~Writer() = default;

  virtual StreamForm form() const { return kEventStream; }
  virtual std::string begin(const Begun& begun) = 0;
  virtual std::string delta(uint32_t choice, const completion::Delta& delta) = 0;
  // `last`: the delta that ended the choice; its text has been through delta().
  virtual std::string finish(uint32_t choice, const completion::Delta& last) = 0;
  virtual std::string end(const Totals& totals) = 0;
  virtual std::string fail(const http::Refusal& refusal) = 0;

  // Together the body, as JSON.
  virtual std::string whole_begin(const Begun& begun) = 0;
  virtual std::string whole_choice(uint32_t index, const Choice& choice) = 0;
  virtual std::string whole_end(const Totals& totals) = 0;
};

}  // namespace gantry::api
