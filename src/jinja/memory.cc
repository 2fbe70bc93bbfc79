#include "jinja/memory.h"

#include <new>

#include "jinja/env.h"

namespace gantry::jinja {

thread_local constinit MemoryAccount memory_account;

void over_memory() { fail_limit("the values of the template take more memory than a rendering may have"); }

void* Object::operator new(size_t bytes) {
  take_memory(bytes);
  try {
    return ::operator new(bytes);
  } catch (...) {
    give_memory(bytes);
    throw;
  }
}

void Object::operator delete(void* memory, size_t bytes) noexcept {
  give_memory(bytes);
  ::operator delete(memory);
}

}  // namespace gantry::jinja
