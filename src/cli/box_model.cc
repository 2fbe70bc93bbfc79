#include "cli/box_model.h"

// The assembler reads the file: a compiler takes minutes over an array of so many numbers. 64: GGUF's
// alignment.
__asm__(
    ".pushsection .rodata\n"
    ".balign 64\n"
    ".globl gantry_box_begin\n"
    ".globl gantry_box_end\n"
    "gantry_box_begin:\n"
    ".incbin \"" GANTRY_BOX_FILE
    "\"\n"
    "gantry_box_end:\n"
    ".popsection\n");

extern "C" const std::byte gantry_box_begin[];
extern "C" const std::byte gantry_box_end[];

namespace gantry::cli {

std::span<const std::byte> box_model() { return {gantry_box_begin, gantry_box_end}; }

}  // namespace gantry::cli
