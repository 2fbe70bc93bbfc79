#include "api/refusals.h"

#include <gtest/gtest.h>

#include "engine/job_check.h"

namespace gantry::api {
namespace {

FieldNames names() {
  FieldNames names;
  names.add("max_tokens", "max_completion_tokens");
  names.add("messages", "turns");
  names.add("prompt", "turns");
  return names;
}

TEST(Refusals, AFieldIsToldByTheClientsName) {
  const http::Refusal refusal =
      refusal_of(Error(ErrorCode::kTooLarge, "it needs 9 pages", "max_tokens", "ask for less"), names());
  EXPECT_EQ(refusal.status(), 413);
  EXPECT_EQ(refusal.code(), "too_large");
  EXPECT_EQ(refusal.field(), "max_completion_tokens");
  EXPECT_EQ(refusal.message(), "max_completion_tokens: it needs 9 pages (ask for less)");
}

TEST(Refusals, APlaceThatIsNoFieldIsToldInWordsOnly) {
  const http::Refusal refusal = refusal_of(Error(ErrorCode::kDevice, "it is gone", "cpu:0"), names());
  EXPECT_EQ(refusal.status(), 500);
  EXPECT_EQ(refusal.field(), "");
  EXPECT_EQ(refusal.message(), "cpu:0: it is gone");
}

TEST(Refusals, ATemplatesLineIsNoField) {
  const http::Refusal refusal = refusal_of(Error(ErrorCode::kTemplate, "never", "line 3"), names());
  EXPECT_EQ(refusal.field(), "turns");
  EXPECT_EQ(refusal.message(), "line 3: never");
}

TEST(Refusals, ALongPromptHasACodeOfItsOwn) {
  const http::Refusal refusal = refusal_of(engine::PromptTooLong("it comes to 9 tokens"), names());
  EXPECT_EQ(refusal.status(), 400);
  EXPECT_EQ(refusal.code(), "context_length_exceeded");
  EXPECT_EQ(refusal.field(), "turns");
}

}  // namespace
}  // namespace gantry::api
