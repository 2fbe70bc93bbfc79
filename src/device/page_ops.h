// Pages of keys and values on their way out of a device and back, in the canonical layout that no backend
// owns (contract S1, docs/formats/pages.md): one layer's part of one page is K, then V (which is left out
// where it lies in K), each [kv_head][position][values of the head], every row in the KV type's own GGUF
// blocks, the last block of a row filled up with zeros. Recurrent states need no such operations: they are
// canonical where they lie (plan/states.h).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ids.h"
#include "device/ops.h"
#include "quant/dtype.h"

namespace gantry::device {

// The values of one head at one position: whole blocks.
inline uint64_t canonical_row_bytes(quant::Dtype dtype, uint32_t values) {
  return quant::row_bytes(dtype, align_up(values, quant::facts(dtype).block_values));
}

// One layer's part of one page.
inline uint64_t canonical_page_bytes(const KvShape& shape) {
  const uint64_t key = canonical_row_bytes(shape.dtype, shape.key_dim);
  const uint64_t value = shape.value_in_key ? 0 : canonical_row_bytes(shape.dtype, shape.value_dim);
  return uint64_t{shape.kv_heads} * kPageTokens * (key + value);
}

// Positions from `positions` on were never written: zeros go out for them, so that equal contents are equal
// bytes, and what another sequence left there stays.
struct ExportPageArgs {
  KvPages pages;
  PageId page = kNoPage;
  uint32_t positions = kPageTokens;
  Buffer out;  // canonical_page_bytes(pages.shape)
};

// The whole page is written. The bytes are what export_page() gave, of whatever device.
struct ImportPageArgs {
  KvPages pages;
  PageId page = kNoPage;
  Buffer in;  // canonical_page_bytes(pages.shape)
};

}  // namespace gantry::device
