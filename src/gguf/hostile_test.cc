// Damaged files: whatever is done to the bytes of a good file, reading it ends in a file or in an Error that
// names the place, without an allocation out of proportion.
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include <gtest/gtest.h>

#include "base/error.h"
#include "gguf/gguf.h"
#include "gguf/testing.h"
#include "gguf/writer.h"

namespace {

// The largest single request since it was last set to 0.
std::atomic<size_t> largest_request{0};

void* counted(size_t bytes) noexcept {
  size_t seen = largest_request.load();
  while (bytes > seen && !largest_request.compare_exchange_weak(seen, bytes)) {
  }
  return std::malloc(std::max<size_t>(bytes, 1));
}

}  // namespace

void* operator new(size_t bytes) {
  if (void* memory = counted(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept { return counted(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace gantry::gguf {
namespace {

constexpr const char* kName = "hostile.gguf";

// A few times the file: views of 16 bytes for strings of 8, tables of keys and tensors.
constexpr size_t kAllowedBytes = 64 << 10;

// True when it was read. An Error must name the file, and (past the magic) the byte.
bool reads(std::span<const std::byte> bytes, const OpenOptions& options = {}) {
  largest_request = 0;
  bool read = false;
  try {
    const auto file = GgufFile::parse(bytes, kName, options);
    touch_everything(*file);
    read = true;
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::kBadFile || error.code() == ErrorCode::kUnsupported)
        << error.what();
    EXPECT_NE(error.where().find(kName), std::string::npos) << error.what();
    EXPECT_FALSE(error.message().empty());
    EXPECT_FALSE(error.mend().empty()) << error.what();
  }
  EXPECT_LE(largest_request.load(), kAllowedBytes);
  return read;
}

// Where the data of the last tensor ends; what follows is padding.
uint64_t data_end(std::span<const std::byte> bytes) {
  const auto file = GgufFile::parse(bytes, kName);
  uint64_t end = 0;
  for (const TensorInfo& tensor : file->tensors()) end = std::max(end, tensor.offset + tensor.bytes);
  return end;
}

uint64_t header_end(std::span<const std::byte> bytes) {
  const auto file = GgufFile::parse(bytes, kName);
  uint64_t begin = bytes.size();
  for (const TensorInfo& tensor : file->tensors()) begin = std::min(begin, tensor.offset);
  return begin;
}

TEST(Hostile, TruncatedAtEveryByte) {
  const std::vector<std::byte> whole = make_sample_file();
  const uint64_t needed = data_end(whole), header = header_end(whole);
  OpenOptions header_only;
  header_only.check_tensor_data = false;
  for (size_t length = 0; length <= whole.size(); ++length) {
    // A copy of exactly that length: the sanitizer sees a read past its end.
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_EQ(reads(cut), length >= needed) << length;
    // Between them lies the padding before the data, which may be cut.
    const bool header_reads = reads(cut, header_only);
    EXPECT_TRUE(header_reads || length < header) << length;
    EXPECT_TRUE(!header_reads || length + 32 > header) << length;
  }
}

TEST(Hostile, EveryFieldReplacedByExtremes) {
  const std::vector<std::byte> whole = make_sample_file();
  const uint64_t header = header_end(whole);
  const uint64_t values[] = {0,
                             1,
                             2,
                             9,
                             0xff,
                             0x7fffffff,
                             0xffffffff,
                             uint64_t{1} << 32,
                             (uint64_t{1} << 32) + 1,
                             uint64_t{1} << 59,
                             uint64_t{1} << 61,
                             uint64_t{1} << 63,
                             (uint64_t{1} << 63) - 1,
                             ~uint64_t{0} - 31,
                             ~uint64_t{0} - 7,
                             ~uint64_t{0}};
  size_t read = 0, refused = 0;
  for (const size_t width : {size_t{1}, size_t{4}, size_t{8}}) {
    for (size_t at = 0; at + width <= header; ++at) {
      for (const uint64_t value : values) {
        std::vector<std::byte> bytes = whole;
        std::memcpy(bytes.data() + at, &value, width);
        reads(bytes) ? ++read : ++refused;
      }
    }
  }
  EXPECT_GT(read, 1000u) << "values and names may be anything";
  EXPECT_GT(refused, 10000u);
}

TEST(Hostile, RandomMutations) {
  const std::vector<std::byte> whole = make_sample_file();
  uint64_t state = 1;
  const auto next = [&](uint64_t below) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % below;
  };
  OpenOptions lenient;
  lenient.check_tensor_data = false;
  lenient.single_part = true;
  for (int round = 0; round < 20000; ++round) {
    std::vector<std::byte> bytes = whole;
    for (uint64_t k = 0; k <= next(4); ++k) bytes[next(bytes.size())] = static_cast<std::byte>(next(256));
    if (next(4) == 0) bytes.resize(next(bytes.size()));
    reads(bytes, round % 2 == 0 ? OpenOptions{} : lenient);
  }
}

// A header written by hand, to say what the writer would not.
class Bytes {
 public:
  Bytes(uint64_t tensors, uint64_t keys) { text("GGUF").u32(3).u64(tensors).u64(keys); }
  Bytes& u32(uint32_t value) { return raw(&value, 4); }
  Bytes& u64(uint64_t value) { return raw(&value, 8); }
  Bytes& text(std::string_view value) { return raw(value.data(), value.size()); }
  Bytes& string(std::string_view value) { return u64(value.size()).text(value); }
  Bytes& tensor(std::string_view name, const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset) {
    string(name).u32(static_cast<uint32_t>(shape.size()));
    for (const uint64_t extent : shape) u64(extent);
    return u32(type).u64(offset);
  }
  Bytes& data(size_t bytes) {
    bytes_.resize((bytes_.size() + 31) / 32 * 32 + bytes);
    return *this;
  }
  std::string refusal(const OpenOptions& options = {}) const {
    EXPECT_FALSE(reads(bytes_, options));
    try {
      GgufFile::parse(bytes_, kName, options);
    } catch (const Error& error) {
      return error.what();
    }
    return "read";
  }
  const std::vector<std::byte>& get() const { return bytes_; }

 private:
  Bytes& raw(const void* from, size_t count) {
    const auto* begin = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), begin, begin + count);
    return *this;
  }
  std::vector<std::byte> bytes_;
};

#define EXPECT_SAYS(text, part) \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "in: " << (text) << "\nwanted: " << (part)

TEST(Hostile, CountsAreBoundedByTheFile) {
  EXPECT_SAYS(Bytes(~uint64_t{0}, 0).refusal(),
              "byte 8, tensor count: the count is 18446744073709551615, more than the limit");
  EXPECT_SAYS(Bytes(1000, 0).refusal(),
              "tensor count: the count is 1000, and so many cannot lie in the 0 bytes");
  EXPECT_SAYS(Bytes(0, 60000).data(64).refusal(),
              "byte 16, metadata count: the count is 60000, and so many cannot lie");
  EXPECT_SAYS(Bytes(0, 1).string("k").u32(9).u32(8).u64(uint64_t{1} << 40).data(99).refusal(),
              "array length of 'k': the count is 1099511627776, more than the limit");
  EXPECT_SAYS(Bytes(0, 1).string("k").u32(9).u32(8).u64(5000).data(99).refusal(),
              "array length of 'k': the count is 5000, and so many");
  EXPECT_SAYS(Bytes(0, 1).string("k").u32(9).u32(10).u64(uint64_t{1} << 61).data(99).refusal(),
              "array length of 'k'");
  EXPECT_SAYS(Bytes(0, 1).string("k").u32(8).u64(uint64_t{1} << 40).data(99).refusal(),
              "value of 'k': the string has 1099511627776 bytes, more than the limit");
}

TEST(Hostile, NestedArraysHaveALimit) {
  for (uint32_t depth = 1; depth < 8; ++depth) {
    Bytes file(0, 1);
    file.string("k").u32(9);
    for (uint32_t d = 1; d < depth; ++d) file.u32(9).u64(1);
    file.u32(0).u64(4).text("abcd");
    if (depth <= kMaxArrayDepth)
      EXPECT_TRUE(reads(file.get())) << depth;
    else
      EXPECT_SAYS(file.refusal(), "array of 'k': arrays are nested deeper than 4");
  }
}

TEST(Hostile, TensorsThatCannotBe) {
  const auto one = [](const std::vector<uint64_t>& shape, uint32_t type, uint64_t offset, size_t data) {
    return Bytes(1, 0).tensor("w", shape, type, offset).data(data);
  };
  EXPECT_TRUE(reads(one({32}, 8, 0, 34).get()));
  EXPECT_SAYS(one({32}, 8, 0, 33).refusal(), "offset of 'w': the data of the tensor ends at byte");
  EXPECT_SAYS(one({33}, 8, 0, 68).refusal(),
              "shape of 'w': rows of 33 values are not whole blocks of Q8_0 (32");
  EXPECT_SAYS(one({128}, 12, 0, 144).refusal(), "not whole blocks of Q4_K (256");
  EXPECT_SAYS(one({32}, 8, 16, 99).refusal(),
              "offset of 'w': the offset 16 is no multiple of the alignment 32");
  EXPECT_SAYS(one({32}, 8, ~uint64_t{31}, 99).refusal(), "ends beyond 64 bits");
  EXPECT_SAYS(one({32, 0}, 8, 0, 99).refusal(), "shape of 'w': dimension 1 is 0");
  EXPECT_SAYS(one({1, 1, 1, 1, 1}, 0, 0, 99).refusal(),
              "shape of 'w': the tensor has 5 dimensions, more than the limit of 4");
  const uint64_t huge = uint64_t{1} << 32;
  EXPECT_SAYS(one({huge, huge}, 0, 0, 99).refusal(), "shape of 'w': the number of values does not fit");
  EXPECT_SAYS(one({huge, huge, huge, huge}, 0, 0, 99).refusal(),
              "shape of 'w': the number of values does not fit");
  EXPECT_SAYS(one({huge, huge >> 2}, 0, 0, 99).refusal(), "shape of 'w': the number of bytes does not fit");
  EXPECT_SAYS(one({4}, 0, 1 << 20, 99).refusal(), "the file at byte");
}

TEST(Hostile, TensorsMayNotOverlapNorRepeat) {
  EXPECT_SAYS(Bytes(2, 0).tensor("a", {64}, 0, 0).tensor("b", {8}, 0, 32).data(400).refusal(),
              "offset of 'b': its data begins inside that of tensor 'a'");
  EXPECT_SAYS(Bytes(2, 0).tensor("a", {8}, 0, 32).tensor("b", {64}, 0, 0).data(400).refusal(),
              "offset of 'a': its data begins inside that of tensor 'b'");
  EXPECT_SAYS(Bytes(2, 0).tensor("a", {8}, 0, 0).tensor("a", {8}, 0, 32).data(400).refusal(),
              "tensor name of 'a': the tensor is there twice");
  EXPECT_TRUE(reads(Bytes(2, 0).tensor("a", {8}, 0, 32).tensor("b", {8}, 0, 0).data(64).get()))
      << "the order of the data need not be that of the table";
}

TEST(Hostile, UnknownTypesAreKeptInTheTable) {
  const Bytes file = Bytes(2, 0).tensor("a", {8}, 0, 0).tensor("b", {77}, 16, 32).data(64);
  const auto read = GgufFile::parse(file.get(), kName);
  const TensorInfo* b = read->find_tensor("b");
  ASSERT_NE(b, nullptr);
  EXPECT_FALSE(b->dtype.has_value());
  EXPECT_EQ(b->type_id, 16u);
  EXPECT_EQ(b->bytes, 0u);
  try {
    (void)read->data(*b);
    ADD_FAILURE() << "data of an unknown type";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_SAYS(error.what(), "tensor 'b' is of type IQ2_XXS");
  }
  EXPECT_SAYS(Bytes(1, 0).tensor("b", {77}, 16, 1 << 20).data(64).refusal(), "the file at byte");
}

TEST(Hostile, MetadataThatCannotBe) {
  const auto key = [](std::string_view name) { return Bytes(0, 1).string(name); };
  EXPECT_SAYS(key("k").u32(13).u64(0).refusal(),
              "value type of 'k': the type is 13, and no value has that type");
  EXPECT_SAYS(key("k").u32(9).u32(99).u64(0).refusal(), "element type of 'k': the type is 99");
  EXPECT_SAYS(key("k").u32(7).text("\2").refusal(), "value of 'k': the value is 2, and a bool is 0 or 1");
  EXPECT_SAYS(key("k").u32(9).u32(7).u64(2).text("\1\3").refusal(), "element 1 is 3, and a bool is 0 or 1");
  EXPECT_SAYS(Bytes(0, 2).string("k").u32(4).u32(1).string("k").u32(4).u32(2).refusal(),
              "byte 41, metadata key of 'k': the key is there twice");
  for (const uint32_t alignment : {0u, 4u, 48u, 1u << 21})
    EXPECT_SAYS(key("general.alignment").u32(4).u32(alignment).refusal(),
                "byte 49, value of 'general.alignment': the alignment is " + std::to_string(alignment));
  EXPECT_SAYS(key("general.alignment").u32(8).string("32").refusal(),
              "'general.alignment' is of type string");
  EXPECT_SAYS(key(std::string("a\x1b[31m\n")).u32(99).refusal(), "'a\\x1b[31m\\x0a'");
}

}  // namespace
}  // namespace gantry::gguf
