#include "cli/history_file.h"

#include <filesystem>
#include <map>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "os/file.h"

namespace gantry::cli {
namespace {

class History : public ::testing::Test {
 protected:
  History() {
    std::string pattern = ::testing::TempDir() + "history-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/state/gantry/history";
  }
  ~History() override { std::filesystem::remove_all(folder_); }

  std::string folder_, path_;
};

TEST_F(History, IsReadAgainAndIsTheUsersAlone) {
  HistoryFile file(path_);
  EXPECT_TRUE(file.read().empty());
  file.append("one");
  file.append("two\nlines \"of\" \u00e9\x01");
  HistoryFile(path_).append("three");
  EXPECT_EQ(HistoryFile(path_).read(),
            (std::vector<std::string>{"one", "two\nlines \"of\" \u00e9\x01", "three"}));
  struct stat facts {};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u);
  ASSERT_EQ(::stat((folder_ + "/state/gantry").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0700u);
  EXPECT_EQ(file.trouble(), "");
}

TEST_F(History, AFileOfSomethingElseStaysAsItIs) {
  path_ = folder_ + "/notes";
  os::write_file_atomically(path_, "my notes\n");
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  HistoryFile file(path_);
  EXPECT_TRUE(file.read().empty());
  file.append("one");
  EXPECT_NE(file.trouble().find(path_ + ": it is a file of something else"), std::string::npos);
  EXPECT_EQ(os::read_file(path_, 100), "my notes\n");
  struct stat facts {};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0644u);

  HistoryFile nowhere("/dev/null");
  ASSERT_EQ(::stat("/dev/null", &facts), 0);
  const mode_t before = facts.st_mode;
  nowhere.append("one");
  EXPECT_NE(nowhere.trouble(), "");
  ASSERT_EQ(::stat("/dev/null", &facts), 0);
  EXPECT_EQ(facts.st_mode, before);
}

TEST_F(History, AFileThatOthersCouldReadIsMadePrivate) {
  HistoryFile(path_).append("one");
  ASSERT_EQ(::chmod(path_.c_str(), 0644), 0);
  HistoryFile(path_).append("two");
  struct stat facts {};
  ASSERT_EQ(::stat(path_.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777u, 0600u);
}

TEST_F(History, IsBounded) {
  HistoryFile file(path_);
  const std::string entry(kHistoryEntryBytesMax - 8, 'x');
  for (int i = 0; i < 200; ++i) {
    file.append(entry + std::to_string(i));
    ASSERT_LE(std::filesystem::file_size(path_), kHistoryFileBytesMax);
  }
  EXPECT_EQ(file.read().back(), entry + "199") << "the newest stays";
  file.append(std::string(kHistoryEntryBytesMax + 1, 'y'));
  EXPECT_EQ(file.read().back(), entry + "199") << "what is too long is not kept";
  for (int i = 0; i < 700; ++i) file.append("short");
  EXPECT_EQ(file.read().size(), kHistoryEntriesMax);
}

TEST_F(History, LinesThatAreNoneArePassedOver) {
  std::filesystem::create_directories(folder_ + "/state/gantry");
  os::write_file_atomically(path_, "nonsense\n\"one\"\n{}\n\"\"\n\"half");
  EXPECT_EQ(HistoryFile(path_).read(), std::vector<std::string>{"one"});
}

TEST_F(History, TroubleIsToldOnceAndEndsNothing) {
  std::filesystem::create_directories(path_);  // a folder in its place
  HistoryFile file(path_);
  EXPECT_TRUE(file.read().empty());
  file.append("one");
  EXPECT_NE(file.trouble().find("the history is not kept: " + path_), std::string::npos);
  file.append("two");
  EXPECT_EQ(file.trouble(), "");
}

TEST(HistoryPath, FollowsTheVariables) {
  const auto path = [](std::map<std::string, const char*> variables) {
    return history_path([&](const std::string& name) { return variables[name]; });
  };
  EXPECT_EQ(path({{"XDG_STATE_HOME", "/s"}, {"HOME", "/h"}}), "/s/gantry/history");
  EXPECT_EQ(path({{"XDG_STATE_HOME", "s"}, {"HOME", "/h"}}), "/h/.local/state/gantry/history");
  EXPECT_EQ(path({{"XDG_STATE_HOME", ""}}), "");
}

}  // namespace
}  // namespace gantry::cli
