#include "tests/device/program.h"

#include <algorithm>
#include <array>
#include <memory>
#include <optional>

namespace gantry::device {
namespace {

constexpr uint32_t kDevices = 2, kStreams = 3, kBuffers = 5, kSlots = 6;
constexpr uint32_t kRows = 4, kCols = 32;
constexpr uint64_t kBytes = uint64_t{4} * kRows * kCols;
constexpr uint32_t kAllStreams = kDevices * kStreams;

// What somebody knows to be done: of each stream, how many of its calls.
using Clock = std::array<uint32_t, kAllStreams>;
void learn(Clock& clock, const Clock& other) {
  for (uint32_t i = 0; i < kAllStreams; ++i) clock[i] = std::max(clock[i], other[i]);
}

// Something that calls use: a device's buffer, or a slot of host memory. The calls that come before one that
// writes it: the last writer and all readers since; before one that reads it: the last writer.
struct Place {
  std::optional<std::pair<uint32_t, uint32_t>> writer;  // stream, number of the call
  Clock readers{};
};

class Program {
 public:
  Program(const Backend& backend, const std::function<uint32_t()>& draw, const ProgramOptions& options)
      : draw_(draw), options_(options) {
    for (uint32_t d = 0; d < kDevices; ++d) {
      devices_.push_back(backend.open(0, {"", 1, 0}));
      arenas_.push_back(devices_[d]->new_arena("program", 1 << 16));
      for (uint32_t s = 0; s < kStreams; ++s) streams_.push_back(devices_[d]->new_stream());
      for (uint32_t b = 0; b < kBuffers; ++b) buffers_.push_back(take(*arenas_[d], kBytes));
    }
    host_arena_ = devices_[0]->new_arena("slots", kSlots * kBytes, MemoryKind::kHost);
    for (uint32_t i = 0; i < kSlots; ++i) slots_.push_back(take(*host_arena_, kBytes));
    for (uint32_t b = 0; b < buffers_.size(); ++b) {
      streams_[b / kBuffers * kStreams]->fill(buffers_[b], std::byte{static_cast<uint8_t>(b)});
    }
    for (const auto& stream : streams_) stream->sync();
    for (uint32_t i = 0; i < kSlots; ++i) fill_slot(i);
  }

  std::vector<float> run() {
    for (uint32_t step = 0; step < options_.steps; ++step) one_step();
    for (const auto& stream : streams_) stream->sync();
    for (uint32_t b = 0; b < buffers_.size(); ++b) {
      Stream& stream = *streams_[b / kBuffers * kStreams];
      stream.read(host_bytes(slots_[0]), buffers_[b]);
      stream.sync();
      see(0);
    }
    return std::move(seen_);
  }

 private:
  uint32_t below(uint32_t limit) { return draw_() % limit; }
  float* floats(uint32_t slot) { return reinterpret_cast<float*>(host_bytes(slots_[slot]).data()); }
  void fill_slot(uint32_t slot) {
    for (uint32_t i = 0; i < kRows * kCols; ++i)
      floats(slot)[i] =
          static_cast<float>(static_cast<int32_t>((++filled_ * 2654435761u) >> 8) - (1 << 23)) * 0x1p-22f;
  }
  void see(uint32_t slot) { seen_.insert(seen_.end(), floats(slot), floats(slot) + kRows * kCols); }

  // ---- who has to come before whom

  // `clock` becomes one that knows of call `number` of stream `of`: a stream waits for an event, or the host
  // does.
  void need(std::optional<uint32_t> by, uint32_t of, uint32_t number) {
    Clock& clock = by ? known_[*by] : host_;
    if (by == of || clock[of] >= number) return;
    if (options_.forget && below(4) == 0) return;
    const bool host_waits = !by || below(4) == 0;
    if (host_waits && below(2) == 0) {
      streams_[of]->sync();
    } else {
      const auto event = devices_[of / kStreams]->new_event();
      streams_[of]->record(*event);
      if (host_waits && below(2) == 0)
        while (!event->reached()) {
        }
      if (host_waits)
        event->wait();
      else
        streams_[*by]->wait(*event);
    }
    Clock all = known_[of];
    all[of] = calls_[of];
    if (host_waits) {
      learn(host_, all);
      for (Clock& stream : known_) learn(stream, host_);  // what is called from now on comes after
    } else {
      learn(clock, all);
    }
  }
  void before_reading(std::optional<uint32_t> by, const Place& place) {
    if (place.writer) need(by, place.writer->first, place.writer->second);
  }
  void before_writing(std::optional<uint32_t> by, const Place& place) {
    before_reading(by, place);
    for (uint32_t of = 0; of < kAllStreams; ++of)
      if (place.readers[of] != 0) need(by, of, place.readers[of]);
  }
  void reads(uint32_t stream, Place& place) { place.readers[stream] = calls_[stream]; }
  void writes(uint32_t stream, Place& place) {
    place.writer = {stream, calls_[stream]};
    place.readers = {};
  }

  // ---- steps

  void one_step() {
    switch (below(12)) {
      case 0:
        return host_fills();
      case 1:
        return host_looks();
      case 2:
        return send();
      case 3:
        return fetch();
      case 4:
        return needless();
      default:
        return compute();
    }
  }

  void host_fills() {
    const uint32_t slot = below(kSlots);
    before_writing({}, slot_places_[slot]);
    fill_slot(slot);
    slot_places_[slot] = {};
  }
  void host_looks() {
    const uint32_t slot = below(kSlots);
    before_reading({}, slot_places_[slot]);
    see(slot);
  }
  void send() {
    const uint32_t stream = below(kAllStreams), slot = below(kSlots), to = buffer_of(stream);
    before_reading(stream, slot_places_[slot]);
    before_writing(stream, places_[to]);
    ++calls_[stream];
    streams_[stream]->write(buffers_[to], host_bytes(slots_[slot]));
    reads(stream, slot_places_[slot]);
    writes(stream, places_[to]);
  }
  void fetch() {
    const uint32_t stream = below(kAllStreams), slot = below(kSlots), from = buffer_of(stream);
    before_writing(stream, slot_places_[slot]);
    before_reading(stream, places_[from]);
    ++calls_[stream];
    streams_[stream]->read(host_bytes(slots_[slot]), buffers_[from]);
    reads(stream, places_[from]);
    writes(stream, slot_places_[slot]);
  }
  // An event that nobody needs, or a wait for one.
  void needless() {
    const uint32_t of = below(kAllStreams), by = below(kAllStreams);
    const auto event = devices_[of / kStreams]->new_event();
    if (below(2) == 0) streams_[of]->record(*event);
    if (by != of && below(2) == 0) streams_[by]->wait(*event);
    if (below(4) == 0) streams_[by]->sync();
  }
  void compute() {
    const uint32_t stream = below(kAllStreams);
    const uint32_t a = buffer_of(stream), b = buffer_of(stream), out = buffer_of(stream);
    const Mat x = Mat::packed(buffers_[a], kRows, kCols), y = Mat::packed(buffers_[b], kRows, kCols);
    const Mat to = Mat::packed(buffers_[out], kRows, kCols);
    before_reading(stream, places_[a]);
    before_reading(stream, places_[b]);
    before_writing(stream, places_[out]);
    ++calls_[stream];
    Stream& s = *streams_[stream];
    switch (below(6)) {
      case 0:
        s.add({x, y, to, 0.5f});
        break;
      case 1:
        s.norm({NormKind::kLayer, x, {}, {}, 1, 1e-3f, to});
        break;
      case 2:
        s.glu({Activation::kSilu, x, y, to});
        break;
      case 3:
        s.activate({Activation::kLimited, x, to});
        break;
      case 4:
        if (a != out) s.copy(to.buffer, x.buffer);
        break;
      default:
        s.l2_norm({x, 2, 1e-3f, 3, to});
        break;
    }
    reads(stream, places_[a]);
    reads(stream, places_[b]);
    writes(stream, places_[out]);
  }
  // One of the buffers on the stream's device.
  uint32_t buffer_of(uint32_t stream) { return stream / kStreams * kBuffers + below(kBuffers); }

  const std::function<uint32_t()>& draw_;
  const ProgramOptions options_;
  std::vector<std::shared_ptr<Device>> devices_;
  std::vector<std::unique_ptr<Arena>> arenas_;
  std::unique_ptr<Arena> host_arena_;
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<Buffer> buffers_, slots_;
  std::array<Place, kDevices * kBuffers> places_;
  std::array<Place, kSlots> slot_places_;
  std::array<Clock, kAllStreams> known_{};
  Clock host_{}, calls_{};
  uint32_t filled_ = 0;
  std::vector<float> seen_;
};

}  // namespace

std::vector<float> run_program(const Backend& backend, const std::function<uint32_t()>& draw,
                               const ProgramOptions& options) {
  return Program(backend, draw, options).run();
}

}  // namespace gantry::device
