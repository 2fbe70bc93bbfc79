#include "base/log.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace gantry::log {
namespace {

std::string text_of(const std::string& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

TEST(Log, AFileThatIsMovedAwayAndOpenedAgain) {
  const std::string path = testing::TempDir() + "/gantry_log_test", old = path + ".1";
  std::filesystem::remove(path);
  {
    ToFile file(path);
    write(Level::kError, "test", "one");
    ASSERT_EQ(std::rename(path.c_str(), old.c_str()), 0);
    write(Level::kError, "test", "two");
    file.reopen();
    write(Level::kError, "test", "three");
  }
  EXPECT_NE(text_of(old).find("test: one\n"), std::string::npos);
  EXPECT_NE(text_of(old).find("test: two\n"), std::string::npos);
  EXPECT_EQ(text_of(old).find("three"), std::string::npos);
  EXPECT_NE(text_of(path).find("test: three\n"), std::string::npos);
  {
    const ToFile file(path);
    write(Level::kError, "test", "four");
  }
  EXPECT_NE(text_of(path).find("three"), std::string::npos) << "what is there stays";
  EXPECT_NE(text_of(path).find("four"), std::string::npos);
  std::filesystem::remove(path);
  std::filesystem::remove(old);
}

TEST(Log, AFileThatCannotBeOpened) {
  try {
    const ToFile file("/no/such/folder/log");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_EQ(error.where(), "/no/such/folder/log");
  }
}

TEST(Log, AFullDiskEndsNothing) {
  const ToFile file("/dev/full");
  for (int i = 0; i < 100; ++i) write(Level::kError, "test", "nobody hears this");
}

}  // namespace
}  // namespace gantry::log
