#include "os/file.h"

#include <atomic>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/mapped_file.h"
#include "os/temporary.h"

namespace gantry::os {
namespace {

namespace fs = std::filesystem;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "gantry-os-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }

  std::string at(const std::string& name) const { return (dir_ / name).string(); }
  size_t count() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(dir_), fs::directory_iterator()));
  }

  fs::path dir_;
};

template <typename Call>
Error error_of(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no Error was thrown";
  return Error(ErrorCode::kInternal, "none");
}

TEST_F(Files, WriteThenReadThenMap) {
  write_file_atomically(at("a"), "hello");
  EXPECT_EQ(read_file(at("a"), 100), "hello");
  EXPECT_EQ(read_file(at("a"), 5), "hello");
  const MappedFile mapped = MappedFile::open(at("a"));
  EXPECT_EQ(mapped.size(), 5u);
  EXPECT_EQ(mapped.bytes()[4], std::byte{'o'});
  mapped.advise(Advice::kWillNeed);
  mapped.advise(Advice::kSequential, 3, ~uint64_t{0});
  mapped.advise(Advice::kDontNeed, 99, 1);
  EXPECT_EQ(mapped.bytes()[0], std::byte{'h'});
  EXPECT_EQ(count(), 1u) << "no temporary is left";
}

TEST_F(Files, LimitIsExact) {
  write_file_atomically(at("a"), std::string(4096, 'x'));
  EXPECT_EQ(read_file(at("a"), 4096).size(), 4096u);
  const Error error = error_of([&] { read_file(at("a"), 4095); });
  EXPECT_EQ(error.code(), ErrorCode::kTooLarge);
  EXPECT_EQ(error.where(), at("a"));
}

TEST_F(Files, FilesWithoutASizeAreReadToTheirEnd) {
  if (!fs::exists("/proc/self/status")) GTEST_SKIP() << "no /proc";
  EXPECT_NE(read_file("/proc/self/status", 1 << 20).find("Pid:"), std::string::npos);
  EXPECT_EQ(error_of([&] { read_file("/proc/self/status", 10); }).code(), ErrorCode::kTooLarge);
}

TEST_F(Files, EmptyFiles) {
  write_file_atomically(at("a"), "");
  EXPECT_EQ(read_file(at("a"), 0), "");
  EXPECT_TRUE(MappedFile::open(at("a")).bytes().empty());
  MappedFile::open(at("a")).advise(Advice::kWillNeed);
}

TEST_F(Files, WhatIsWrongIsSaid) {
  const Error absent = error_of([&] { MappedFile::open(at("none")); });
  EXPECT_EQ(absent.code(), ErrorCode::kNotFound);
  EXPECT_EQ(absent.where(), at("none"));
  EXPECT_NE(absent.message().find("No such file"), std::string::npos) << absent.what();
  EXPECT_FALSE(absent.mend().empty());

  const Error folder = error_of([&] { read_file(dir_.string(), 10); });
  EXPECT_EQ(folder.code(), ErrorCode::kIo);
  EXPECT_NE(folder.message().find("folder"), std::string::npos);

  ASSERT_EQ(::mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { MappedFile::open(at("pipe")); }).code(), ErrorCode::kIo);

  EXPECT_EQ(error_of([&] { write_file_atomically(at("no/such/folder/a"), "x"); }).code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { write_file_atomically(dir_.string(), "x"); }).code(), ErrorCode::kIo);
}

TEST_F(Files, PermissionDenied) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write_file_atomically(at("a"), "x");
  fs::permissions(at("a"), fs::perms::none);
  const Error error = error_of([&] { read_file(at("a"), 10); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_NE(error.mend().find("permissions"), std::string::npos);
}

TEST_F(Files, AFailingWriterLeavesTheOldFile) {
  write_file_atomically(at("a"), "old");
  EXPECT_THROW(write_file_atomically(at("a"),
                                     [](FileSink& sink) {
                                       sink.write(std::string(3 << 20, 'n'));
                                       throw std::runtime_error("stop");
                                     }),
               std::runtime_error);
  EXPECT_EQ(read_file(at("a"), 10), "old");
  EXPECT_EQ(count(), 1u);
}

TEST_F(Files, AWriteThatTheSystemRefusesLeavesTheOldFile) {
  write_file_atomically(at("a"), "old");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 4096;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Error error = error_of([&] { write_file_atomically(at("a"), std::string(10000, 'n')); });
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_NE(error.message().find("File too large"), std::string::npos) << error.what();
  EXPECT_EQ(read_file(at("a"), 10), "old");
  EXPECT_EQ(count(), 1u);
}

// Ends the process in the middle of a write, which a child of it does.
void die_while_writing(const std::string& path, const std::function<void()>& end) {
  write_file_atomically(path, [&](FileSink& sink) {
    sink.write(std::string(3 << 20, 'n'));
    end();
  });
}

TEST_F(Files, AProcessThatIsKilledLeavesNoHalfFile) {
  write_file_atomically(at("a"), "old");
  for (const int signal : {SIGKILL, SIGHUP, SIGPIPE}) {
    EXPECT_EXIT(die_while_writing(at("a"), [=] { ::raise(signal); }), ::testing::KilledBySignal(signal), "");
    EXPECT_EQ(read_file(at("a"), 10), "old");
    EXPECT_EQ(count(), 1u);
  }
}

TEST_F(Files, TemporariesThatMustHaveNames) {
  write_file_atomically(at("a"), "old");
  {
    const Temporary given_up(at("a"), Temporary::Kind::kNamed);
    EXPECT_EQ(count(), 2u);
  }
  EXPECT_EQ(count(), 1u);
  const auto end = [this] {
    const Temporary temporary(at("a"), Temporary::Kind::kNamed), other(at("b"), Temporary::Kind::kNamed);
    unlink_temporaries();
    ::_exit(count() == 1 ? 7 : 1);
  };
  EXPECT_EXIT(end(), ::testing::ExitedWithCode(7), "");
  for (const auto kind : {Temporary::Kind::kNamed, Temporary::Kind::kNameless}) {
    Temporary temporary(at("a"), kind);
    ASSERT_EQ(::write(temporary.fd(), "new", 3), 3);
    temporary.sync();
    temporary.rename_to(at("a"));
    EXPECT_EQ(read_file(at("a"), 10), "new");
    write_file_atomically(at("a"), "old");
  }
  unlink_temporaries();
  EXPECT_EQ(count(), 1u) << "what was renamed is no temporary any more";
}

// Files of other processes may have the names that are tried (of one with the same number, on another machine
// or in a container).
TEST_F(Files, NobodyElsesFileIsTakenForATemporary) {
  const auto name_of = [this](uint64_t serial) {
    return at("a") + ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(serial);
  };
  uint64_t serial = 0;
  {
    const Temporary first(at("a"), Temporary::Kind::kNamed);
    while (!fs::exists(name_of(serial))) ASSERT_LT(++serial, 100'000U);
  }
  constexpr uint64_t kFiles = 90;
  std::atomic<bool> stop = false;
  std::thread handler([&] {
    while (!stop) unlink_temporaries();
  });
  for (int round = 0; round < 20; ++round, serial += kFiles + 1) {
    for (uint64_t i = 1; i <= kFiles; ++i) std::ofstream(name_of(serial + i)) << "not ours";
    const Temporary temporary(at("a"), Temporary::Kind::kNamed);  // tries them all, and has the next
    for (uint64_t i = 1; i <= kFiles; ++i) EXPECT_TRUE(fs::remove(name_of(serial + i))) << round;
  }
  stop = true;
  handler.join();
  EXPECT_EQ(count(), 0U);
}

// Whatever is given up or renamed while a handler looks is either there or not.
TEST_F(Files, AHandlerBesideThoseWhoWrite) {
  std::atomic<bool> stop = false;
  std::thread handler([&] {
    while (!stop) unlink_temporaries();
  });
  for (int i = 0; i < 100; ++i) {
    try {
      write_file_atomically(at("a"), "new");
    } catch (const Error&) {  // it was taken away before it could be renamed
    }
    const Temporary given_up(at("b"), Temporary::Kind::kNamed);
  }
  stop = true;
  handler.join();
  EXPECT_LE(count(), 1U) << "no temporary is left";
}

TEST_F(Files, ADeviceIsWrittenAsItComes) {
  write_file_or_device("/dev/null", [](FileSink& sink) { sink.write("x"); });
  const auto full = [] { write_file_or_device("/dev/full", [](FileSink& sink) { sink.write("x"); }); };
  EXPECT_NE(error_of(full).message().find("No space"), std::string::npos);
  write_file_or_device(at("a"), [](FileSink& sink) { sink.write("x"); });
  EXPECT_EQ(read_file(at("a"), 10), "x");
}

TEST_F(Files, ADeviceIsNotReplaced) {
  EXPECT_EQ(error_of([&] { write_file_atomically("/dev/null", "x"); }).code(), ErrorCode::kIo);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(Files, SmallAndLargeWritesComeInOrder) {
  std::string want;
  write_file_atomically(at("a"), [&](FileSink& sink) {
    for (int i = 0; i < 60; ++i) {
      const std::string piece(static_cast<size_t>(i) * 5000 + 1, static_cast<char>('a' + i % 26));
      sink.write(piece);
      want += piece;
      EXPECT_EQ(sink.written(), want.size());
    }
    const std::string large(size_t{2} << 20, '!');
    sink.write(large);
    sink.write("end");
    want += large + "end";
  });
  EXPECT_TRUE(read_file(at("a"), 100 << 20) == want);
}

TEST_F(Files, ModeAndLinksStay) {
  write_file_atomically(at("real"), "1");
  ASSERT_EQ(::chmod(at("real").c_str(), 0640), 0);
  fs::create_symlink("real", at("link"));
  write_file_atomically(at("link"), "2");
  EXPECT_TRUE(fs::is_symlink(at("link")));
  EXPECT_EQ(read_file(at("real"), 10), "2");
  struct stat status {};
  ASSERT_EQ(::stat(at("real").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
}

TEST_F(Files, AMappingOutlivesItsFileCutShort) {
  const size_t page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  write_file_atomically(at("a"), std::string(16 * page, 'x'));
  MappedFile first = MappedFile::open(at("a"));
  const MappedFile mapped = std::move(first), beside = MappedFile::open(at("a"));
  EXPECT_EQ(mapped.bytes()[15 * page], std::byte{'x'});
  mapped.check();
  fs::resize_file(at("a"), 5 * page + 100);
  EXPECT_EQ(mapped.bytes()[5 * page + 99], std::byte{'x'}) << "what is left is as it was";
  std::vector<std::jthread> readers;
  std::atomic<uint64_t> sum{0};
  for (int i = 0; i < 4; ++i)
    readers.emplace_back([&] {
      for (size_t at = 6 * page; at < mapped.size(); ++at)
        sum += std::to_integer<uint64_t>(mapped.bytes()[at]);
    });
  readers.clear();
  EXPECT_EQ(sum.load(), 0u);
  for (const MappedFile* file : {&mapped, &beside}) {
    const Error error = error_of([&] { file->check(); });
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_EQ(error.where(), at("a"));
    EXPECT_NE(error.message().find(std::to_string(5 * page + 100)), std::string::npos) << error.what();
  }
  // It grows again, with other bytes: what was read before was not the file's all the same.
  fs::resize_file(at("a"), 16 * page);
  const Error error = error_of([&] { mapped.check(); });
  EXPECT_NE(error.message().find("byte " + std::to_string(6 * page)), std::string::npos) << error.what();
  beside.check();  // nothing was read of it
  MappedFile::open(at("a")).check();
}

// By the signal, or by the report of a sanitizer, whose handler stood there before.
bool has_died_of_it(int status) {
  return ::testing::KilledBySignal(SIGBUS)(status) || (WIFEXITED(status) && WEXITSTATUS(status) != 0);
}

TEST(MappingFaultsDeathTest, ABusErrorElsewhereIsWhatItWas) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto watched = MappedFile::open("/proc/self/exe");  // installs the handler
  EXPECT_EXIT(::raise(SIGBUS), has_died_of_it, "");
  EXPECT_EXIT(
      {
        const int fd = ::memfd_create("gantry", 0);
        [[maybe_unused]] const int refused = ::ftruncate(fd, 1);
        void* data = ::mmap(nullptr, 1, PROT_READ, MAP_SHARED, fd, 0);
        [[maybe_unused]] const int cut = ::ftruncate(fd, 0);
        ::_exit(*static_cast<volatile char*>(data));
      },
      has_died_of_it, "");
}

TEST_F(Files, AMappingOutlivesItsReplacementAndMoves) {
  write_file_atomically(at("a"), "first");
  MappedFile one = MappedFile::open(at("a"));
  write_file_atomically(at("a"), "other");
  MappedFile two = std::move(one);
  EXPECT_EQ(one.size(), 0u);  // NOLINT: a moved-from mapping is empty
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(two.bytes().data()), 5), "first");
  two = MappedFile::open(at("a"));
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(two.bytes().data()), 5), "other");
}

}  // namespace
}  // namespace gantry::os
