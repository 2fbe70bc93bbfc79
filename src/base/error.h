// Errors with an outside cause: a file, a peer, a request, full memory, a missing driver.
//
// They are thrown as gantry::Error and caught at the doors (server, cli), where one table turns the code into
// an HTTP status and an exit status. Own bugs never travel this way: see base/check.h.
// (Contract F1.)
#pragma once

#include <cstdint>
#include <exception>
#include <span>
#include <string>
#include <string_view>

namespace gantry {

enum class ErrorCode : uint8_t {
  kUsage,             // the command line is wrong
  kInvalidRequest,    // a request's field is missing, of the wrong type or out of range
  kTemplate,          // the model's chat template refused the conversation
  kUnauthorized,      // no valid key
  kNotFound,          // no such model, route, file
  kMethodNotAllowed,  // the route exists, not with this method
  kTooLarge,          // body, header, prompt or count over its limit
  kTimeout,           // the peer or the work took longer than its limit
  kBusy,              // a bounded queue is full: come back later
  kShuttingDown,      // draining: no new work
  kCancelled,         // the asker went away
  kBadFile,           // a file's bytes are not what its format says
  kUnsupported,       // well formed, but Gantry cannot do it (yet): a dtype, an arch, a pre-tokenizer
  kMemory,            // the plan does not fit, or the system refused memory
  kExhausted,         // the system gives no more memory for this request
  kDevice,            // a device or its driver failed
  kIo,                // the operating system refused to read, write, listen or connect
  kInternal,          // a bug of ours, reported instead of ending the process
};

// One row of the table from code to everything that leaves the process.
struct ErrorFacts {
  ErrorCode code;
  const char* name;  // stable, machine-readable: "bad_file"
  int http_status;   // 400..599
  int exit_status;   // of the command line
};

std::span<const ErrorFacts> error_table();
const ErrorFacts& error_facts(ErrorCode code);

class Error : public std::exception {
 public:
  // what:  one sentence, what is wrong.
  // where: file and offset, field of the request, key of the metadata; may be empty.
  // mend:  what the reader can do about it; may be empty.
  Error(ErrorCode code, std::string what, std::string where = {}, std::string mend = {});

  ErrorCode code() const { return code_; }
  const std::string& message() const { return what_; }
  const std::string& where() const { return where_; }
  const std::string& mend() const { return mend_; }
  // "where: what (mend)", for logs and terminals.
  const char* what() const noexcept override { return full_.c_str(); }

 private:
  ErrorCode code_;
  std::string what_, where_, mend_, full_;
};

}  // namespace gantry
