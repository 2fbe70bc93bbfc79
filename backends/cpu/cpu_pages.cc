// The CPU stream's operations on whole pages: out to the canonical layout and back.
#include "backends/cpu/cpu_sizer.h"
#include "backends/cpu/cpu_stream.h"
#include "backends/cpu/kv_pages.h"
#include "backends/cpu/operands.h"

namespace gantry::cpu {
namespace {

uint8_t* page_of(const device::KvPages& pages, const KvLayout& layout, PageId page) {
  GANTRY_CHECK_LE((uint64_t{page} + 1) * layout.page_bytes, pages.buffer.bytes);
  return data_of(pages.buffer) + page * layout.page_bytes;
}

}  // namespace

void CpuStream::export_page(const device::ExportPageArgs& args) {
  const device::KvShape& shape = args.pages.shape;
  const KvLayout layout = kv_layout(shape);
  GANTRY_CHECK_LE(args.positions, kPageTokens);
  check_bytes(args.out, device::canonical_page_bytes(shape));
  const uint8_t* page = page_of(args.pages, layout, args.page);
  for_rows(shape.kv_heads, kPageTokens * uint64_t{shape.key_dim + shape.value_dim},
           [&](uint32_t head) { export_head(shape, layout, page, head, args.positions, data_of(args.out)); });
}

void CpuStream::import_page(const device::ImportPageArgs& args) {
  const device::KvShape& shape = args.pages.shape;
  const KvLayout layout = kv_layout(shape);
  check_bytes(args.in, device::canonical_page_bytes(shape));
  uint8_t* page = page_of(args.pages, layout, args.page);
  for_rows(shape.kv_heads, kPageTokens * uint64_t{shape.key_dim + shape.value_dim},
           [&](uint32_t head) { import_head(shape, layout, data_of(args.in), head, page); });
}

}  // namespace gantry::cpu
