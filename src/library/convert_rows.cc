#include "library/convert_rows.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/error.h"

namespace gantry::library {
namespace {

using quant::Dtype;

constexpr uint64_t kBatchValues = 1u << 16;  // a batch is some tens of milliseconds of the slowest encoder

constexpr size_t kCopyBytes = size_t{16} << 20;  // what is only copied, between two looks at `stopped`

// Block types check their values themselves. A float type would quietly hold what is no number, or turn into
// infinity what binary16 cannot reach.
void check_floats(Dtype to, std::span<const float> row) {
  constexpr float kRoundsToInfinity = 65520;
  for (size_t i = 0; i < row.size(); ++i)
    if (!std::isfinite(row[i]) || (to == Dtype::kF16 && std::abs(row[i]) >= kRoundsToInfinity))
      throw Error(
          ErrorCode::kBadFile,
          fmt::format("value {} of the row is {}, which {} cannot hold", i, row[i], quant::facts(to).name),
          {}, "use BF16 or F32, or repair the model it comes from");
}

class Converter {
 public:
  Converter(Dtype from, std::span<const std::byte> src, Dtype to, std::span<std::byte> dst,
            uint64_t row_values, const std::function<bool()>& stopped)
      : from_(from),
        to_(to),
        src_(src),
        dst_(dst),
        stopped_(stopped),
        row_values_(row_values),
        src_stride_(quant::row_bytes(from, row_values)),
        dst_stride_(quant::row_bytes(to, row_values)),
        rows_(src.size() / src_stride_),
        batch_rows_(std::max<uint64_t>(kBatchValues / row_values, 1)) {
    GANTRY_CHECK_EQ(src.size(), rows_ * src_stride_);
    GANTRY_CHECK_EQ(dst.size(), rows_ * dst_stride_);
  }

  void run(unsigned threads) {
    const uint64_t batches = (rows_ + batch_rows_ - 1) / batch_rows_;
    std::vector<std::jthread> helpers;
    try {
      while (helpers.size() + 1 < std::min<uint64_t>(threads, batches))
        helpers.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // the machine has no more threads: those that are there will do
    }
    work();
    helpers.clear();  // joins
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // Batches are taken in order and finished once taken: the first bad row is found whoever meets it.
  void work() {
    try {
      std::vector<float> row(row_values_);
      while (!failed_.load()) {
        const uint64_t begin = next_.fetch_add(batch_rows_);
        if (begin >= rows_) return;
        if (stopped_()) throw cancelled();
        for (uint64_t r = begin; r < std::min(begin + batch_rows_, rows_); ++r)
          if (!convert(r, row)) return;
      }
    } catch (...) {
      fail(0, std::current_exception());
    }
  }

  bool convert(uint64_t r, std::span<float> row) {
    try {
      quant::decode_row(from_, src_.subspan(r * src_stride_, src_stride_), row);
      if (quant::facts(to_).block_values == 1) check_floats(to_, row);
      quant::encode_row(to_, row, dst_.subspan(r * dst_stride_, dst_stride_));
      return true;
    } catch (const Error& error) {
      fail(r, std::make_exception_ptr(Error(error.code(), fmt::format("row {}: {}", r, error.message()),
                                            error.where(), error.mend())));
      return false;
    }
  }

  void fail(uint64_t row, std::exception_ptr failure) {
    const std::lock_guard lock(mutex_);
    if (!failure_ || row < failed_row_) {
      failure_ = std::move(failure);
      failed_row_ = row;
    }
    failed_.store(true);
  }

  const Dtype from_, to_;
  const std::span<const std::byte> src_;
  const std::span<std::byte> dst_;
  const std::function<bool()>& stopped_;
  const uint64_t row_values_, src_stride_, dst_stride_, rows_, batch_rows_;
  std::atomic<uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::exception_ptr failure_;
  uint64_t failed_row_ = 0;
};

}  // namespace

Error cancelled() { return Error(ErrorCode::kCancelled, "the work was ended before it was done"); }

void convert_rows(Dtype from, std::span<const std::byte> src, Dtype to, std::span<std::byte> dst,
                  uint64_t row_values, unsigned threads, const std::function<bool()>& stopped) {
  if (src.empty()) return;
  if (from == to) {
    GANTRY_CHECK_EQ(src.size(), dst.size());
    for (size_t at = 0; at < src.size(); at += kCopyBytes) {
      if (stopped()) throw cancelled();
      const auto piece = src.subspan(at, std::min(kCopyBytes, src.size() - at));
      std::copy(piece.begin(), piece.end(), dst.begin() + static_cast<ptrdiff_t>(at));
    }
    return;
  }
  Converter(from, src, to, dst, row_values, stopped).run(threads);
}

}  // namespace gantry::library
