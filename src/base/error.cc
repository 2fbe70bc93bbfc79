#include "base/error.h"

#include <array>
#include <utility>

#include "base/check.h"

namespace gantry {
namespace {

constexpr std::array kTable = {
    ErrorFacts{ErrorCode::kUsage, "usage", 400, 2},
    ErrorFacts{ErrorCode::kInvalidRequest, "invalid_request", 400, 2},
    ErrorFacts{ErrorCode::kTemplate, "template", 400, 3},
    ErrorFacts{ErrorCode::kUnauthorized, "unauthorized", 401, 4},
    ErrorFacts{ErrorCode::kNotFound, "not_found", 404, 5},
    ErrorFacts{ErrorCode::kMethodNotAllowed, "method_not_allowed", 405, 2},
    ErrorFacts{ErrorCode::kTooLarge, "too_large", 413, 6},
    ErrorFacts{ErrorCode::kTimeout, "timeout", 408, 7},
    ErrorFacts{ErrorCode::kBusy, "busy", 429, 8},
    ErrorFacts{ErrorCode::kShuttingDown, "shutting_down", 503, 9},
    ErrorFacts{ErrorCode::kCancelled, "cancelled", 499, 130},
    ErrorFacts{ErrorCode::kBadFile, "bad_file", 500, 10},
    ErrorFacts{ErrorCode::kUnsupported, "unsupported", 501, 11},
    ErrorFacts{ErrorCode::kMemory, "memory", 507, 12},
    ErrorFacts{ErrorCode::kExhausted, "exhausted", 503, 12},
    ErrorFacts{ErrorCode::kDevice, "device", 500, 13},
    ErrorFacts{ErrorCode::kIo, "io", 500, 14},
    ErrorFacts{ErrorCode::kInternal, "internal", 500, 70},
};

std::string join(const std::string& what, const std::string& where, const std::string& mend) {
  std::string out = where.empty() ? what : where + ": " + what;
  if (!mend.empty()) out += " (" + mend + ")";
  return out;
}

}  // namespace

std::span<const ErrorFacts> error_table() { return kTable; }

const ErrorFacts& error_facts(ErrorCode code) {
  const auto index = static_cast<size_t>(code);
  GANTRY_CHECK(index < kTable.size() && kTable[index].code == code);
  return kTable[index];
}

Error::Error(ErrorCode code, std::string what, std::string where, std::string mend)
    : code_(code),
      what_(std::move(what)),
      where_(std::move(where)),
      mend_(std::move(mend)),
      full_(join(what_, where_, mend_)) {}

}  // namespace gantry
