// Reading a page of a mapped file that is not there any more (somebody made the file shorter, the disk fails)
// is a signal, SIGBUS, which would end the process. Mappings that are watched outlive it: zeros take the
// place of everything from that page on, and fault() says from where. Who reads such a mapping asks fault()
// before what was read is believed.
//
// Any thread; the handler is installed with the first object. A bus error elsewhere is what it was before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

namespace gantry::os {

class WatchedMapping {
 public:
  WatchedMapping() = default;
  // The mapping lives at least as long as this.
  WatchedMapping(const void* data, size_t bytes);
  WatchedMapping(WatchedMapping&& other) noexcept;
  WatchedMapping& operator=(WatchedMapping&& other) noexcept;
  ~WatchedMapping() { end(); }

  // The first byte that reads as zero because its page is gone.
  std::optional<uint64_t> fault() const;

 private:
  struct Entry;
  friend struct Watch;
  void end();

  Entry* entry_ = nullptr;
};

}  // namespace gantry::os
