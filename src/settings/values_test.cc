#include "settings/values.h"

#include <map>

#include <gtest/gtest.h>

namespace gantry::settings {
namespace {

Lookup environment_of(std::map<std::string, std::string> variables) {
  return [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

TEST(Values, AFlagGoesBeforeAVariableThatBeforeAFileThatBeforeTheDefault) {
  const Setting& port = setting(Id::kPort);
  const auto got = [&](const Values& values) {
    uint16_t out = 0;
    values.take(Id::kPort, out);
    return out;
  };
  Values values = defaults(Command::kServe);
  EXPECT_EQ(got(values), 8421);
  values.put_text(port, "3", Source::kFlag, "--port");
  values.put_text(port, "1", Source::kFile, "f:1: port");
  values.put_text(port, "2", Source::kEnvironment, "$GANTRY_PORT");
  EXPECT_EQ(got(values), 3);
  EXPECT_EQ(values.find(Id::kPort)->place, "--port");
  Values less;
  less.put_text(port, "2", Source::kEnvironment, "$GANTRY_PORT");
  less.put_text(port, "1", Source::kFile, "f:1: port");
  less.put_all(defaults(Command::kServe));
  EXPECT_EQ(got(less), 2);
  // Of one source the last word counts.
  values.put_text(port, "4", Source::kFlag, "--port");
  EXPECT_EQ(got(values), 4);
}

TEST(Values, RunHasDefaultsOfItsOwn) {
  const auto temperature = [](Command command) {
    return std::get<double>(defaults(command).find(Id::kTemperature)->value);
  };
  EXPECT_EQ(temperature(Command::kRun), 0.8);
  EXPECT_FALSE(defaults(Command::kServe).given(Id::kTemperature));
  EXPECT_FALSE(defaults(Command::kServe).given(Id::kSequences));
  EXPECT_EQ(defaults(Command::kRun).find(Id::kSequences)->value, Value(uint64_t{1}));
}

TEST(Values, TheEnvironmentIsReadForTheCommandAlone) {
  const Lookup lookup =
      environment_of({{"GANTRY_CONTEXT", "64"}, {"GANTRY_PORT", ""}, {"GANTRY_JSON", "true"}});
  Values values;
  put_environment(values, Command::kPlan, lookup);
  EXPECT_EQ(values.find(Id::kContext)->value, Value(uint64_t{64}));
  EXPECT_EQ(values.find(Id::kContext)->place, "$GANTRY_CONTEXT");
  EXPECT_FALSE(values.given(Id::kJson));  // of one run of the program
  Values served;
  put_environment(served, Command::kServe, lookup);
  EXPECT_FALSE(served.given(Id::kPort));
  Values none;
  put_environment(none, Command::kInspect, lookup);
  EXPECT_FALSE(none.given(Id::kContext));
}

TEST(Values, AWrongVariableIsNamed) {
  Values values;
  try {
    put_environment(values, Command::kServe, environment_of({{"GANTRY_PORT", "high"}}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.where(), "$GANTRY_PORT");
    EXPECT_EQ(error.message(), "'high' is not a whole number from 0 to 65535");
  }
}

TEST(Values, ErrorsNameThePlace) {
  Values values = defaults(Command::kPlan);
  values.put_text(setting(Id::kContext), "64", Source::kEnvironment, "$GANTRY_CONTEXT");
  const Error below(ErrorCode::kInvalidRequest, "too many", "context", "at most context=32");
  const Error above = at_its_place(below, Command::kPlan, values);
  EXPECT_EQ(above.where(), "$GANTRY_CONTEXT");
  EXPECT_EQ(above.mend(), "at most --context 32");
  EXPECT_EQ(above.code(), ErrorCode::kInvalidRequest);
  const auto where = [&](const char* word) {
    return at_its_place(Error(ErrorCode::kUsage, "x", word), Command::kPlan, values).where();
  };
  EXPECT_EQ(where("kv_type"), "--kv-type");  // a default
  EXPECT_EQ(where("step_rows"), "--step-rows");
  EXPECT_EQ(where("m.gguf: context"), "m.gguf: context");
  EXPECT_EQ(where("port"), "port");  // of another command
}

TEST(Values, TakesIntoFields) {
  Values values = defaults(Command::kServe);
  std::chrono::seconds drain{0};
  values.take(Id::kDrain, drain);
  EXPECT_EQ(drain.count(), 30);
  std::optional<uint32_t> checkpoints;
  values.take(Id::kCheckpoints, checkpoints);
  EXPECT_FALSE(checkpoints);
  values.put_text(setting(Id::kCheckpoints), "0", Source::kFlag, "--checkpoints");
  values.take(Id::kCheckpoints, checkpoints);
  EXPECT_EQ(checkpoints, 0u);
  bool cache = false;
  values.take(Id::kPrefixCache, cache);
  EXPECT_TRUE(cache);
}

}  // namespace
}  // namespace gantry::settings
