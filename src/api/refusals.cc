#include "api/refusals.h"

#include "engine/job_check.h"
#include "engine/outlook.h"

namespace gantry::api {
namespace {

constexpr const char* kTooLongCode = "context_length_exceeded";  // clients shorten the talk when they read it

bool names_a_field(ErrorCode code) {
  return code == ErrorCode::kInvalidRequest || code == ErrorCode::kNotFound || code == ErrorCode::kTooLarge ||
         code == ErrorCode::kUnsupported;
}

}  // namespace

http::Refusal refusal_of(const Error& error, const FieldNames& names) {
  const ErrorFacts& facts = error_facts(error.code());
  // The place of a template's error is a line of the template.
  if (error.code() == ErrorCode::kTemplate)
    return {facts.http_status, facts.name, error.what(), names.written("messages")};
  if (!names_a_field(error.code())) {
    http::Refusal refusal(facts.http_status, facts.name, error.what());
    if (const auto* busy = dynamic_cast<const engine::Busy*>(&error))
      refusal.come_back_in(busy->retry_after());
    return refusal;
  }
  const Error told(error.code(), error.message(), names.written(error.where()), error.mend());
  const bool too_long = dynamic_cast<const engine::PromptTooLong*>(&error) != nullptr;
  return {facts.http_status, too_long ? kTooLongCode : facts.name, told.what(), told.where()};
}

}  // namespace gantry::api
