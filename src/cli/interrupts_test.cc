#include "cli/interrupts.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace gantry::cli {
namespace {

using Woken = Interrupts::Woken;

TEST(Interrupts, TheWindowIsNoSignalToStopFor) {
  Interrupts interrupts(false);
  interrupts.watch_window();
  ::raise(SIGWINCH);
  EXPECT_EQ(interrupts.wait_for_either(-1), Woken::kWindow);
  EXPECT_FALSE(Interrupts::came());
  EXPECT_TRUE(interrupts.take_window());
  EXPECT_FALSE(interrupts.take_window());
  ::raise(SIGCONT);
  EXPECT_EQ(interrupts.wait_for_either(-1), Woken::kWindow);
  EXPECT_EQ(interrupts.take(), 0);
}

TEST(Interrupts, ASignalGoesBeforeTheWindowAndBothBeforeWhatIsRead) {
  Interrupts interrupts(false);
  interrupts.watch_window();
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  EXPECT_EQ(interrupts.wait_for_either(ends[0]), Woken::kOther);
  ::raise(SIGWINCH);
  ::raise(SIGINT);
  EXPECT_EQ(interrupts.wait_for_either(ends[0]), Woken::kSignal);
  EXPECT_EQ(interrupts.take(), SIGINT);
  ::raise(SIGWINCH);
  EXPECT_EQ(interrupts.wait_for_either(ends[0]), Woken::kWindow);
  EXPECT_TRUE(interrupts.take_window());
  EXPECT_EQ(interrupts.wait_for_either(ends[0]), Woken::kOther);
  ::close(ends[0]);
  ::close(ends[1]);
}

}  // namespace
}  // namespace gantry::cli
