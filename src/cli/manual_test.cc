#include "cli/manual.h"

#include <string>

#include <gtest/gtest.h>

#include "base/error.h"
#include "cli/command_table.h"
#include "settings/spelling.h"

namespace gantry::cli {
namespace {

std::string as_roff(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '-' ? std::string("\\-") : std::string(1, c);
  return out;
}

TEST(Manual, EveryFlagStandsOnItsCommandsPage) {
  ASSERT_EQ(manual_names().size(), kCommands.size() + 1);
  for (size_t i = 0; i < kCommands.size(); ++i) {
    const std::string page = manual_page(manual_names()[i + 1]);
    EXPECT_NE(page.find(kCommands[i].about), std::string::npos) << manual_names()[i + 1];
    for (const settings::Setting& row : settings::kTable)
      if (row.commands.has(kCommands[i].command)) {
        const std::string name = as_roff(settings::flag(row));
        EXPECT_TRUE(page.find(name + "\\fR") != std::string::npos ||
                    page.find(name + ",") != std::string::npos)
            << manual_names()[i + 1] << " " << row.name;
      }
  }
}

TEST(Manual, NoLineIsTakenForARequest) {
  for (const std::string& name : manual_names()) {
    const std::string page = manual_page(name);
    EXPECT_TRUE(page.starts_with(".TH ")) << name;
    for (size_t at = page.find("\n."); at != std::string::npos; at = page.find("\n.", at + 1)) {
      const std::string word = page.substr(at + 2, page.find_first_of(" \n", at + 2) - at - 2);
      EXPECT_TRUE(word == "SH" || word == "SS" || word == "TP" || word == "PP" || word == "nf" ||
                  word == "fi")
          << name << ": ." << word;
    }
  }
}

TEST(Manual, AnUnknownPageIsRefusedWithThePagesThereAre) {
  try {
    manual_page("gantry-fly");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
    EXPECT_NE(error.mend().find("gantry-serve"), std::string::npos);
  }
}

TEST(Completion, EveryShellKnowsEveryFlag) {
  for (const std::string_view shell : settings::rows::kShells) {
    const std::string text = completion(shell);
    for (const settings::Setting& row : settings::kTable) {
      if (row.only_positional) continue;
      for (const std::string& flag : settings::flags(row)) {
        const std::string spelled = shell != "fish"          ? flag
                                    : flag.starts_with("--") ? " -l " + flag.substr(2)
                                                             : " -s " + flag.substr(1);
        EXPECT_NE(text.find(spelled), std::string::npos) << shell << " " << flag;
      }
    }
  }
}

}  // namespace
}  // namespace gantry::cli
