// What a server must be asked before it can be measured: which model it has, which fields it takes, and how
// many of its tokens a text has.
#pragma once

#include <string>
#include <vector>

#include "bench/traffic.h"
#include "bench/wire.h"

namespace gantry::bench {

struct Probed {
  Form form;
  bool tells_usage = false;        // in its streams
  std::vector<std::string> notes;  // what was found otherwise than wished, for people
};

// `form.model` empty: the first one that the server lists. Error kIo, kUnauthorized, ... with the server's
// words where it answers nothing that can be measured; kCancelled when `stopped` says so.
Probed probe(boost::asio::io_context& io, Wire& wire, Form form, const std::string& key,
             const std::function<bool()>& stopped);

}  // namespace gantry::bench
