#include "cli/loading.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/counted.h"
#include "cli/default_model.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "os/cpu_info.h"
#include "os/file.h"

namespace gantry::cli {
namespace {

constexpr std::chrono::milliseconds kQuietLoading{300};  // a model that is loaded by then needs no progress

// Names that were given, and those that were taken from the files' names. The fleet would refuse them too,
// but does not know where they stand.
void refuse_equal_names(const std::vector<fleet::LoadSettings>& slots,
                        const std::vector<ServedModel>& models) {
  std::set<std::string> names;
  for (size_t i = 0; i < slots.size(); ++i) {
    const std::string name = fleet::id_of(slots[i]);
    if (names.insert(name).second) continue;
    const settings::Values& values = models[i].values;
    const settings::Held* held = values.find(settings::Id::kAlias);
    if (held == nullptr) held = values.find(settings::Id::kModel);
    throw Error(ErrorCode::kUsage, fmt::format("there is a second model by the name '{}'", name),
                held != nullptr ? held->place : "",
                "clients tell models apart by name: give one of them another name");
  }
}

}  // namespace

void name_model(fleet::LoadSettings& settings, const std::string& source) {
  const std::string words = choose_model(settings, source);
  if (!words.empty()) note("{}\n", words);
  if (const uint32_t cores = os::cpu_info().cores_usable; settings.threads > cores)
    note("note: {} on {} that this process may use: they wait for each other, and fewer are faster\n",
         counted(settings.threads, "thread"), counted(cores, "core"));
}

std::unique_ptr<fleet::LiveModel> load_chosen(const device::Registry& registry, fleet::LoadSettings settings,
                                              const std::string& source) {
  name_model(settings, source);
  ProgressLine line(stderr, is_terminal(STDERR_FILENO), kQuietLoading);
  auto model = fleet::load_model(
      registry, settings, [&line](std::string_view stage, double fraction) { line.update(stage, fraction); });
  line.clear();
  note("{}\n", model->card().memory);
  for (const std::string& words : model->card().notes) note("note: {}\n", words);
  return model;
}

std::vector<plan::Item> beside_models(uint64_t request_memory) {
  return {{"requests and their answers", request_memory}};
}

namespace {

// Of the fleet, which may give it when nobody waits for it any more.
class LeaseAnswer {
 public:
  LeaseAnswer() : came_fd_(::eventfd(0, EFD_CLOEXEC)) {
    if (came_fd_.get() < 0) throw os::file_error("make", "an eventfd", errno);
  }
  // Readable once it has come.
  int fd() const { return came_fd_.get(); }
  bool came() const { return came_.load(); }
  // Once it has come.
  const std::optional<Error>& error() const { return error_; }
  void come(std::optional<Error> error) {
    error_ = std::move(error);
    came_.store(true);
    ::eventfd_write(came_fd_.get(), 1);
  }

 private:
  const os::Fd came_fd_;
  std::optional<Error> error_;
  std::atomic<bool> came_ = false;
};

// False: a signal came first. A hangup is for whoever waits for signals next.
bool wait_for(const LeaseAnswer& answer, Interrupts& interrupts) {
  bool leaves = false;
  while (!answer.came() && !Interrupts::came()) {
    interrupts.wait_for_either(answer.fd());
    leaves |= interrupts.take_hangup();
  }
  if (leaves) std::raise(SIGHUP);
  return answer.came();
}

}  // namespace

// The line is there while load() runs: models that come later show none.
struct ColdFleet::Shown {
  void update(std::string_view stage, double fraction) {
    const std::lock_guard lock(mutex);
    if (line) line->update(stage, fraction);
    if (told) told(stage, fraction);
  }

  void begin(const fleet::Progress& other) {
    const std::lock_guard lock(mutex);
    line.emplace(stderr, is_terminal(STDERR_FILENO), kQuietLoading);
    told = other;
  }
  void end() {
    const std::lock_guard lock(mutex);
    line.reset();
    told = nullptr;
  }

  std::mutex mutex;
  std::optional<ProgressLine> line;
  fleet::Progress told;
};

ColdFleet::ColdFleet(const fleet::DevicePool& pool, const std::vector<ServedModel>& models)
    : first_(models.front().values), shown_(std::make_shared<Shown>()) {
  std::vector<fleet::LoadSettings> slots;
  for (const ServedModel& model : models) {
    slots.push_back(model.load);
    name_model(slots.back(), model.source);
  }
  refuse_equal_names(slots, models);
  fleet::FleetOptions options;
  options.progress = [shown = shown_](const std::string&, std::string_view stage, double fraction) {
    shown->update(stage, fraction);
  };
  fleet_ = fleet::Fleet::create(std::move(slots), fleet::make_loader(pool), std::move(options));
}

bool ColdFleet::load(Interrupts& interrupts, const fleet::Progress& told) {
  struct Showing {
    explicit Showing(Shown& what, const fleet::Progress& other) : shown(what) { shown.begin(other); }
    ~Showing() { shown.end(); }
    Showing(const Showing&) = delete;
    Showing& operator=(const Showing&) = delete;
    Shown& shown;
  };
  const Showing showing(*shown_, told);
  const auto answer = std::make_shared<LeaseAnswer>();
  fleet_->lease(
      "", [answer](const fleet::Lease&, std::optional<Error> error) { answer->come(std::move(error)); });
  if (!wait_for(*answer, interrupts)) return false;
  if (answer->error()) throw settings::at_its_place(*answer->error(), settings::Command::kServe, first_);
  return true;
}

}  // namespace gantry::cli
