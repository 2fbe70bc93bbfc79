// Answers that are made as their client reads them: a piece at a time, each on a request worker, as the
// client's own work and in its turn, when the piece before it has gone to the wire. So a long answer takes
// the memory of a few pieces, however slowly it is read, and no thread waits for a client.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "api/call.h"

namespace gantry::api {

inline constexpr size_t kPieceBytes = size_t{64} << 10;  // about what is pushed in one turn

// A stream that has begun. One turn at a time; break_off() may come at any.
class Flow {
 public:
  virtual ~Flow() = default;
  virtual const Asker& asker() const = 0;
  // Pushes what comes next, about kPieceBytes. False: it needs no more turns. What it throws breaks it off.
  virtual bool go_on() = 0;
  virtual void break_off(const http::Refusal& why) = 0;
};

// The flow has a turn as soon as its client has room, and after it the next. Once it goes, whoever began it
// has done with it.
void let_flow(std::shared_ptr<Flow> flow);

// What an answer consists of.
class Body {
 public:
  virtual ~Body() = default;
  // The next piece, of about kPieceBytes, in place of `piece`. False: it was the last.
  virtual bool next(std::string& piece) = 0;
};

// Answers with that JSON: at once, with its length, where it is one piece; else as a flow, which is torn
// where the client is to know that it was broken off.
void answer_json(const Asker& asker, std::unique_ptr<Body> body, std::vector<http::Header> headers = {});

}  // namespace gantry::api
