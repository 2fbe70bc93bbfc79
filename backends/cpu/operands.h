// What every operation does with its operands: find their bytes, check that they lie inside their buffers,
// share rows out to the pool.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/cpu_device.h"
#include "backends/cpu/cpu_stream.h"
#include "base/check.h"
#include "device/ops.h"

namespace gantry::cpu {

inline float* row_of(const device::Mat& m, uint64_t row) {
  return reinterpret_cast<float*>(data_of(m.buffer)) + row * m.stride;
}

// The matrix lies inside its buffer.
inline void check_mat(const device::Mat& m) {
  GANTRY_CHECK(m.buffer);
  GANTRY_CHECK_LE(m.cols, m.stride);
  if (m.rows != 0)
    GANTRY_CHECK_LE((uint64_t{m.rows - 1} * m.stride + m.cols) * sizeof(float), m.buffer.bytes);
}

inline void check_bytes(const device::Buffer& buffer, uint64_t bytes) {
  GANTRY_CHECK(bytes == 0 || buffer);
  GANTRY_CHECK_LE(bytes, buffer.bytes);
}

// The buffers hold what the counts say.
inline void check_rows(const device::Rows& rows) {
  check_bytes(rows.positions, uint64_t{rows.count} * sizeof(int32_t));
  check_bytes(rows.sequences, uint64_t{rows.count} * sizeof(int32_t));
  check_bytes(rows.page_tables, uint64_t{rows.sequence_count} * rows.pages_max * sizeof(uint32_t));
  check_bytes(rows.runs, rows.run_list.size_bytes());
}

template <typename T>
const T* array_of(const device::Buffer& buffer) {
  return reinterpret_cast<const T*>(data_of(buffer));
}
template <typename T>
T* writable(const device::Buffer& buffer) {
  return reinterpret_cast<T*>(data_of(buffer));
}

template <typename Body>
void CpuStream::for_rows(uint32_t rows, uint64_t values_per_row, Body&& body) {
  constexpr uint64_t kValues = 16384;  // below this waking a thread costs more than the work
  const auto per_task =
      static_cast<uint32_t>(std::max<uint64_t>(1, kValues / std::max<uint64_t>(1, values_per_row)));
  const uint32_t tasks = (rows + per_task - 1) / per_task;
  device_.pool().parallel_for(tasks, [&](uint32_t task, uint32_t) {
    const uint32_t end = std::min(rows, (task + 1) * per_task);
    for (uint32_t row = task * per_task; row < end; ++row) body(row);
  });
}

}  // namespace gantry::cpu
