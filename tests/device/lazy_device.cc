#include "tests/device/lazy_device.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "base/check.h"
#include "tests/device/schedule.h"

namespace gantry::device {
namespace {

// An operation's operands as they were at the call. What is valid during a call only is kept apart.
template <typename Args>
struct Kept {
  Args args;
  std::vector<Run> runs;

  explicit Kept(const Args& given) : args(given) {
    if constexpr (requires { given.rows.run_list; }) {
      runs.assign(given.rows.run_list.begin(), given.rows.run_list.end());
      args.rows.run_list = runs;
    }
  }
  // For a recorded step, whose runs are those of the buffers at the time, in at most as many places.
  void forget_runs() {
    for (Run& run : runs) run = {-1, -1, -1, -1};
  }
};

class LazyEvent final : public Event {
 public:
  explicit LazyEvent(std::shared_ptr<Schedule> schedule) : schedule_(std::move(schedule)) {}
  bool reached() override { return schedule_->poll(state_); }
  void wait() override { schedule_->finish(state_); }
  const std::shared_ptr<EventState>& state() const { return state_; }

 private:
  const std::shared_ptr<Schedule> schedule_;
  const std::shared_ptr<EventState> state_ = std::make_shared<EventState>();
};

class LazyRecording final : public Recording {
 public:
  std::vector<Task> tasks;
};

class LazyHostArena final : public Arena {
 public:
  LazyHostArena(std::unique_ptr<Arena> inner, std::shared_ptr<Schedule> schedule)
      : Arena(inner->name(), inner->bytes(), inner->alignment(), MemoryKind::kHost),
        inner_(std::move(inner)),
        schedule_(std::move(schedule)) {
    schedule_->add_host(inner_->host_bytes());
  }
  ~LazyHostArena() override { schedule_->remove_host(inner_->host_bytes()); }
  std::span<std::byte> host_bytes() override { return inner_->host_bytes(); }

 private:
  const std::unique_ptr<Arena> inner_;
  const std::shared_ptr<Schedule> schedule_;
};

class LazyStream final : public Stream {
 public:
  LazyStream(std::unique_ptr<Stream> inner, std::shared_ptr<Schedule> schedule)
      : inner_(std::move(inner)), queue_(*inner_), schedule_(std::move(schedule)) {
    schedule_->add(queue_);
  }
  ~LazyStream() override { schedule_->remove(queue_); }

  void write(const Buffer& to, std::span<const std::byte> from) override {
    submit_host("write", from, {}, [=](Stream& inner) { inner.write(to, from); });
  }
  void read(std::span<std::byte> to, const Buffer& from) override {
    submit_host("read", {}, to, [=](Stream& inner) { inner.read(to, from); });
  }
  void copy(const Buffer& to, const Buffer& from) override {
    submit("copy", [=](Stream& inner) { inner.copy(to, from); });
  }
  void fill(const Buffer& to, std::byte value) override {
    submit("fill", [=](Stream& inner) { inner.fill(to, value); });
  }
  void upload_weight(const Weight& weight, uint32_t first_row, std::span<const std::byte> rows) override {
    submit_host("upload_weight", rows, {},
                [=](Stream& inner) { inner.upload_weight(weight, first_row, rows); });
  }
#define GANTRY_LAZY(enumerator, call, Args, words) \
  void call(const Args& args) override { submit_operation<Args>(#call, args, &Stream::call); }
  GANTRY_DEVICE_OPERATIONS(GANTRY_LAZY)
#undef GANTRY_LAZY

  void record(Event& event) override {
    GANTRY_CHECK(recording_ == nullptr);
    schedule_->record(queue_, static_cast<LazyEvent&>(event).state());
  }
  void wait(Event& event) override {
    GANTRY_CHECK(recording_ == nullptr);
    schedule_->wait(queue_, static_cast<LazyEvent&>(event).state());
  }
  void sync() override {
    GANTRY_CHECK(recording_ == nullptr);
    schedule_->finish(queue_);
  }
  void begin_recording() override {
    GANTRY_CHECK(recording_ == nullptr);
    recording_ = std::make_unique<LazyRecording>();
  }
  std::unique_ptr<Recording> end_recording() override {
    GANTRY_CHECK(recording_ != nullptr);
    return std::move(recording_);
  }
  void replay(Recording& recording) override {
    GANTRY_CHECK(recording_ == nullptr);
    for (const Task& task : static_cast<LazyRecording&>(recording).tasks) schedule_->submit(queue_, task);
  }

  // For the ranks: work that waits for other streams.
  void submit_meeting(const char* name, std::function<void(Stream&)> run) {
    Task task;
    task.name = name;
    task.run = std::move(run);
    task.meets = true;
    submit(std::move(task));
  }

 private:
  void submit(const char* name, std::function<void(Stream&)> run) {
    Task task;
    task.name = name;
    task.run = std::move(run);
    submit(std::move(task));
  }
  void submit_host(const char* name, std::span<const std::byte> from, std::span<std::byte> to,
                   std::function<void(Stream&)> run) {
    if (recording_ != nullptr) GANTRY_CHECK(schedule_->is_host(from.empty() ? to : from));
    Task task;
    task.name = name;
    task.run = std::move(run);
    task.from = from;
    task.to = to;
    submit(std::move(task));
  }
  template <typename Args>
  void submit_operation(const char* name, const Args& args, void (Stream::*call)(const Args&)) {
    const auto kept = std::make_shared<Kept<Args>>(args);
    if (recording_ != nullptr) kept->forget_runs();
    submit(name, [kept, call](Stream& inner) { (inner.*call)(kept->args); });
  }
  void submit(Task task) {
    if (recording_ != nullptr)
      recording_->tasks.push_back(std::move(task));
    else
      schedule_->submit(queue_, std::move(task));
  }

  const std::unique_ptr<Stream> inner_;
  Queue queue_;
  const std::shared_ptr<Schedule> schedule_;
  std::unique_ptr<LazyRecording> recording_;
};

class LazyDevice final : public Device {
 public:
  LazyDevice(std::shared_ptr<Device> inner, std::shared_ptr<Schedule> schedule)
      : inner_(std::move(inner)), schedule_(std::move(schedule)) {}
  const DeviceFacts& facts() const override { return inner_->facts(); }
  const Sizer& sizer() const override { return inner_->sizer(); }
  bool can_record() const override { return true; }
  std::unique_ptr<Arena> new_arena(const std::string& name, uint64_t bytes, MemoryKind kind) override {
    auto arena = inner_->new_arena(name, bytes, kind);
    if (kind == MemoryKind::kDevice) return arena;
    return std::make_unique<LazyHostArena>(std::move(arena), schedule_);
  }
  std::unique_ptr<Stream> new_stream() override {
    return std::make_unique<LazyStream>(inner_->new_stream(), schedule_);
  }
  std::unique_ptr<Event> new_event() override { return std::make_unique<LazyEvent>(schedule_); }

  const std::shared_ptr<Device>& inner() const { return inner_; }

 private:
  const std::shared_ptr<Device> inner_;
  const std::shared_ptr<Schedule> schedule_;
};

class LazyCommunicator final : public Communicator {
 public:
  explicit LazyCommunicator(std::unique_ptr<Communicator> inner) : inner_(std::move(inner)) {}
  uint32_t rank() const override { return inner_->rank(); }
  uint32_t ranks() const override { return inner_->ranks(); }
  void all_reduce_sum(Stream& stream, const Mat& x) override {
    submit(stream, "all_reduce_sum", [this, x](Stream& inner) { inner_->all_reduce_sum(inner, x); });
  }
  void all_gather_cols(Stream& stream, const Mat& part, const Mat& out) override {
    submit(stream, "all_gather_cols",
           [this, part, out](Stream& inner) { inner_->all_gather_cols(inner, part, out); });
  }
  void send(Stream& stream, const Mat& x, uint32_t to_rank) override {
    submit(stream, "send", [this, x, to_rank](Stream& inner) { inner_->send(inner, x, to_rank); });
  }
  void receive(Stream& stream, const Mat& x, uint32_t from_rank) override {
    submit(stream, "receive", [this, x, from_rank](Stream& inner) { inner_->receive(inner, x, from_rank); });
  }
  void abort() override { inner_->abort(); }

 private:
  static void submit(Stream& stream, const char* name, std::function<void(Stream&)> run) {
    static_cast<LazyStream&>(stream).submit_meeting(name, std::move(run));
  }

  const std::unique_ptr<Communicator> inner_;
};

class LazyBackend final : public Backend {
 public:
  LazyBackend(std::unique_ptr<Backend> inner, const LazyOptions& options)
      : inner_(std::move(inner)), schedule_(std::make_shared<Schedule>(options.seed)) {}
  std::string_view name() const override { return inner_->name(); }
  std::vector<DeviceEntry> list(const OpenDeviceOptions& options) const override {
    return inner_->list(options);
  }
  std::shared_ptr<Device> open(uint32_t index, const OpenDeviceOptions& options) const override {
    return std::make_shared<LazyDevice>(inner_->open(index, options), schedule_);
  }
  std::vector<std::unique_ptr<Communicator>> connect(
      const std::vector<std::shared_ptr<Device>>& devices) const override {
    std::vector<std::shared_ptr<Device>> inner;
    for (const auto& device : devices) inner.push_back(static_cast<LazyDevice&>(*device).inner());
    std::vector<std::unique_ptr<Communicator>> out;
    for (auto& communicator : inner_->connect(inner))
      out.push_back(std::make_unique<LazyCommunicator>(std::move(communicator)));
    return out;
  }

 private:
  const std::unique_ptr<Backend> inner_;
  const std::shared_ptr<Schedule> schedule_;
};

}  // namespace

std::unique_ptr<Backend> make_lazy_backend(std::unique_ptr<Backend> inner, const LazyOptions& options) {
  return std::make_unique<LazyBackend>(std::move(inner), options);
}

}  // namespace gantry::device
