#include "model/step_thread.h"

#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "os/wait_for_change.h"

namespace gantry::model {
namespace {

// About 50 microseconds: longer than the pause between two steps, short enough to cost little where none
// follows.
constexpr uint32_t kSpins = 1500;

}  // namespace

StepThread::StepThread(std::function<void()> work) : work_(std::move(work)) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error& error) {
    throw Error(ErrorCode::kMemory, std::string("the system refused a thread: ") + error.what());
  }
}

StepThread::~StepThread() {
  try {
    wait();
  } catch (...) {  // nobody is left to be told
  }
  stopping_.store(true, std::memory_order_relaxed);
  begin();
  thread_.join();
}

void StepThread::begin() {
  begun_.fetch_add(1, std::memory_order_release);
  begun_.notify_one();
}

void StepThread::wait() {
  const uint32_t begun = begun_.load(std::memory_order_relaxed);
  for (uint32_t done = done_.load(std::memory_order_acquire); done != begun;
       done = done_.load(std::memory_order_acquire))
    done_.wait(done, std::memory_order_acquire);
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void StepThread::run() {
  for (uint32_t seen = 0;; ++seen) {
    os::wait_for_change(begun_, seen, kSpins);
    if (stopping_.load(std::memory_order_relaxed)) return;
    try {
      work_();
    } catch (...) {
      error_ = std::current_exception();
    }
    done_.store(seen + 1, std::memory_order_release);
    done_.notify_one();
  }
}

}  // namespace gantry::model
