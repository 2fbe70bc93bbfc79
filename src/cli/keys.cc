#include "cli/keys.h"

namespace gantry::cli {
namespace {

struct Key {
  std::string_view sequence, keys;
};

// Of xterm, the Linux console, rxvt, screen and tmux. On the right what the editor's Emacs keys are called
// by: ^A, ^B, ... and Alt-B, Alt-F, Alt-D. Those that stay are bound by the editor (line_reader.cc).
constexpr Key kKeys[] = {
    {"\x1b[A", "\x10"},
    {"\x1bOA", "\x10"},
    {"\x1b[B", "\x0e"},
    {"\x1bOB", "\x0e"},
    {"\x1b[C", "\x06"},
    {"\x1bOC", "\x06"},
    {"\x1b[D", "\x02"},
    {"\x1bOD", "\x02"},
    {"\x1b[H", "\x01"},
    {"\x1bOH", "\x01"},
    {"\x1b[1~", "\x01"},
    {"\x1b[7~", "\x01"},
    {"\x1b[F", "\x05"},
    {"\x1bOF", "\x05"},
    {"\x1b[4~", "\x05"},
    {"\x1b[8~", "\x05"},
    {"\x1b[1;5C",
     "\x1b"
     "f"},
    {"\x1b[1;3C",
     "\x1b"
     "f"},
    {"\x1bOc",
     "\x1b"
     "f"},
    {"\x1b[1;5D",
     "\x1b"
     "b"},
    {"\x1b[1;3D",
     "\x1b"
     "b"},
    {"\x1bOd",
     "\x1b"
     "b"},
    {"\x1b[3;5~",
     "\x1b"
     "d"},
    {"\x1b[3;3~",
     "\x1b"
     "d"},
    {"\x1b[3~", "\x1b[3~"},
    {"\x1b[200~", "\x1b[200~"},
};

bool ends_sequence(char byte) { return byte >= 0x40 && byte <= 0x7e; }

}  // namespace

std::string_view editor_keys(std::string_view sequence) {
  for (const Key& key : kKeys)
    if (key.sequence == sequence) return key.keys;
  return {};
}

int read_key_after_escape(const NextByte& next, std::string& keys) {
  keys.clear();
  char byte = 0;
  // Twice: Alt with a key that is itself a sequence.
  do {
    if (const int got = next(byte); got != 1) return got;
  } while (byte == kEscape);
  if (byte != '[' && byte != 'O') {  // Alt with a character
    keys = {kEscape, byte};
    return 1;
  }
  std::string sequence = {kEscape, byte};
  do {
    if (const int got = next(byte); got != 1) return got;
    sequence += byte;
  } while (sequence[1] == '[' && !ends_sequence(byte) && sequence.size() < kKeyBytesMax);
  keys = editor_keys(sequence);
  return 1;
}

}  // namespace gantry::cli
