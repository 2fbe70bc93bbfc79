#include "cli/terminal.h"

#include <cstdlib>
#include <memory>

#include <gtest/gtest.h>

namespace gantry::cli {
namespace {

TEST(Terminal, DescribesAnErrorInThreeLines) {
  EXPECT_EQ(describe(Error(ErrorCode::kIo, "it failed", "a/b", "do c")),
            "error: it failed\nwhere: a/b\nhint:  do c\n");
  EXPECT_EQ(describe(Error(ErrorCode::kIo, "it failed")), "error: it failed\n");
}

TEST(Terminal, HarmlessKeepsTextAndStopsControls) {
  EXPECT_EQ(harmless("a\tb\nc \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "a\tb\nc \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(harmless("\x1b[2J"), "\xe2\x90\x9b[2J");
  EXPECT_EQ(harmless("\x07\x7f\r"), "\xe2\x90\x87\xe2\x90\xa1\xe2\x90\x8d");
  EXPECT_EQ(harmless(std::string_view("\0", 1)), "\xe2\x90\x80");
  // U+009B is an escape sequence's beginning in one character; U+00A0 is a space.
  EXPECT_EQ(harmless("\xc2\x9b"
                     "2J\xc2\xa0"),
            "\xef\xbf\xbd"
            "2J\xc2\xa0");
}

std::string all_of(std::FILE* file) {
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  return text;
}

TEST(Terminal, ReasoningStandsApart) {
  for (const bool terminal : {true, false}) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> aside(std::tmpfile(), std::fclose);
    AnswerWriter writer(out.get(), aside.get(), terminal);
    writer.write("Let me", true);
    writer.write(" see.\x1b", true);
    writer.write("Two", false);
    writer.write(".", false);
    writer.end();
    EXPECT_EQ(all_of(out.get()), terminal ? "\x1b[2mLet me see.\xe2\x90\x9b\x1b[0m\n\nTwo.\n" : "Two.\n");
    EXPECT_EQ(all_of(aside.get()), terminal ? "" : "Let me see.\x1b\n");
  }
}

TEST(Terminal, CrLfIsOneLineEndOnATerminalHoweverItIsCut) {
  const std::string text = "one\r\ntwo\rthree\r\n";
  for (const bool terminal : {true, false}) {
    for (size_t cut = 1; cut < text.size(); ++cut) {
      const std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::tmpfile(), std::fclose);
      AnswerWriter writer(out.get(), stderr, terminal);
      writer.write(text.substr(0, cut), false);
      writer.write(text.substr(cut), false);
      writer.end();
      EXPECT_EQ(all_of(out.get()), terminal ? "one\ntwo\xe2\x90\x8dthree\n\n" : text + "\n") << cut;
    }
  }
}

TEST(Terminal, HumanNumbers) {
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(260032), "260 thousand");
  EXPECT_EQ(human_count(7241732096), "7.2 billion");
}

std::string progress_text(bool terminal, const std::vector<double>& fractions,
                          std::chrono::milliseconds quiet = std::chrono::milliseconds(0)) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* out = ::open_memstream(&text, &size);
  {
    ProgressLine line(out, terminal, quiet);
    for (const double fraction : fractions) line.update("weights", fraction);
  }
  std::fclose(out);
  const std::string copy(text, size);
  std::free(text);
  return copy;
}

TEST(Terminal, ProgressIsOneLineOnATerminalAndFewElsewhere) {
  std::vector<double> fractions;
  for (int i = 0; i <= 1000; ++i) fractions.push_back(i / 1000.0);
  const std::string plain = progress_text(false, fractions);
  EXPECT_EQ(plain, "loading: weights 0 %\n") << "and one more after ten seconds";
  const std::string line = progress_text(true, fractions);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_TRUE(line.ends_with("\r\x1b[K"));
  EXPECT_EQ(progress_text(true, {}), "");
  EXPECT_EQ(progress_text(true, fractions, std::chrono::hours(1)), "");
  EXPECT_EQ(progress_text(false, {7.0}), "loading: weights 100 %\n");
}

}  // namespace
}  // namespace gantry::cli
