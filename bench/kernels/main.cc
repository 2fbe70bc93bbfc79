// Speed of linear layers on the CPU: bytes of weights per second for one token, operations per second for
// many, beside the machine's own limits.
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "backends/cpu/cpu_backend.h"
#include "base/error.h"
#include "bench/arguments.h"
#include "bench/limits.h"

namespace gantry::bench {
namespace {

struct Settings {
  std::vector<std::string> isas;
  std::vector<std::string> types = {"Q4_0", "Q4_K", "Q5_K", "Q6_K", "Q8_0", "F16"};
  uint32_t threads = 0;
  uint32_t tokens = 0;  // 0: 1 and 512
  double seconds = 0.5;
  bool limits = true;
};

constexpr uint32_t kTokensMax = 1u << 16;

struct Shape {
  uint32_t rows, cols;
};
constexpr Shape kShapes[] = {{2048, 2048}, {8192, 2048}, {2048, 8192}, {4096, 4096}};

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> out(1);
  for (const char c : list) {
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

struct Limits {
  double bytes = 0, int8 = 0, f32 = 0;  // per second
};

// Enough copies of the weight that none is still in a cache when its turn comes again.
void time_linear(device::Device& device, const quant::DtypeFacts& type, Shape shape, uint32_t tokens,
                 double seconds, const Limits& limits) {
  constexpr uint64_t kColdBytes = uint64_t{512} << 20;
  const device::WeightShape weight_shape{type.dtype, shape.rows, shape.cols};
  const uint64_t bytes = device.sizer().packed_bytes(weight_shape);
  const auto copies = tokens == 1 ? static_cast<uint32_t>(1 + kColdBytes / bytes) : 1;
  const uint64_t scratch_bytes = device.sizer().linear_scratch_bytes({{weight_shape}}, tokens);
  const uint64_t x_bytes = uint64_t{tokens} * shape.cols * 4, out_bytes = uint64_t{tokens} * shape.rows * 4;
  const auto arena = device.new_arena("bench", copies * bytes + x_bytes + out_bytes + scratch_bytes + 1024);
  const auto stream = device.new_stream();
  const std::vector<std::byte> rows(quant::row_bytes(type.dtype, shape.cols) * shape.rows, std::byte{0x11});
  std::vector<device::LinearArgs> layers(copies);
  const device::Buffer x = device::take(*arena, x_bytes), out = device::take(*arena, out_bytes);
  const device::Buffer scratch = device::take(*arena, scratch_bytes);
  std::vector<float> values(x_bytes / 4);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 37) - 18;
  stream->write(x, std::as_bytes(std::span(values)));
  for (device::LinearArgs& args : layers) {
    const device::Weight weight{device::take(*arena, bytes), weight_shape};
    stream->upload_weight(weight, 0, rows);
    args = {device::Mat::packed(x, tokens, shape.cols),
            scratch,
            {{weight, {}, false, device::Mat::packed(out, tokens, shape.rows)}}};
  }
  const double best = shortest(seconds,
                               [&] {
                                 for (const device::LinearArgs& args : layers) stream->linear(args);
                                 stream->sync();
                               }) /
                      copies;
  const double gops = 2.0 * shape.rows * shape.cols * tokens / best;
  const double compute = type.block_values == 1 ? limits.f32 : limits.int8;
  fmt::print("  {:5} {:5} x {:<5} {:4} tokens  {:9.1f} us  {:6.1f} GB/s {:4.0f}%  {:7.1f} GOP/s {:4.0f}%\n",
             type.name, shape.rows, shape.cols, tokens, best * 1e6, static_cast<double>(bytes) / best / 1e9,
             limits.bytes > 0 ? 100 * static_cast<double>(bytes) / best / limits.bytes : 0, gops / 1e9,
             compute > 0 ? 100 * gops / compute : 0);
  std::fflush(stdout);
}

void run(const Settings& settings) {
  const auto backend = cpu::make_cpu_backend();
  Limits limits;
  if (settings.limits) {
    os::ThreadPool pool(backend->list({"", settings.threads, 0})[0].facts.compute_units);
    limits.bytes = memory_read_bytes_per_s(pool, 1);
    limits.int8 = int8_operations_per_s(pool, 0.5);
    limits.f32 = f32_operations_per_s(pool, 0.5);
    fmt::print("limits with {} threads: memory read {:.1f} GB/s, int8 {:.0f} GOP/s, f32 {:.0f} GFLOP/s\n",
               pool.threads(), limits.bytes / 1e9, limits.int8 / 1e9, limits.f32 / 1e9);
  }
  for (const std::string& isa : settings.isas) {
    const auto device = backend->open(0, {isa, settings.threads, 0});
    fmt::print("{}\n", device->facts().name);
    for (const std::string& name : settings.types) {
      const quant::DtypeFacts* type = quant::find_dtype(name);
      if (type == nullptr || !type->is_weight)
        throw Error(ErrorCode::kUsage, "there is no such type of weights", name);
      for (const Shape& shape : kShapes) {
        for (const uint32_t tokens : {1u, 512u}) {
          if (settings.tokens != 0 && tokens == 512) continue;
          time_linear(*device, *type, shape, settings.tokens != 0 ? settings.tokens : tokens,
                      settings.seconds, limits);
        }
      }
    }
  }
}

Settings read_settings(int count, char** words_given) {
  Settings out;
  out.isas = {""};
  for (int i = 1; i < count; ++i) {
    const std::string word = words_given[i];
    const size_t equals = word.find('=');
    const std::string key = word.substr(0, equals),
                      value = equals == std::string::npos ? "" : word.substr(equals + 1);
    if (key == "--isa")
      out.isas = words(value);
    else if (key == "--types")
      out.types = words(value);
    else if (key == "--threads")
      out.threads = parse_number(key, value, 0, os::ThreadPool::kThreadsMax);
    else if (key == "--tokens")
      out.tokens = parse_number(key, value, 0, kTokensMax);
    else if (key == "--seconds")
      out.seconds = parse_seconds(key, value);
    else if (key == "--no-limits")
      out.limits = false;
    else if (key == "--cpu-time") {
      count_cpu_time = true;
      out.threads = 1;
    } else
      throw Error(
          ErrorCode::kUsage, "unknown option", word,
          "--isa=avx2,avx512 --types=Q4_0,F16 --threads=N --tokens=N --seconds=S --no-limits --cpu-time");
  }
  return out;
}

}  // namespace
}  // namespace gantry::bench

int main(int count, char** words) {
  try {
    gantry::bench::run(gantry::bench::read_settings(count, words));
  } catch (const gantry::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return gantry::error_facts(error.code()).exit_status;
  }
  return 0;
}
