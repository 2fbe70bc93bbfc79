// A new file beside the one that it will replace, gone again unless rename_to() was reached: also when the
// process ends by a signal, since it has no name until then. Where the file system knows no files without a
// name it has one from the beginning, and unlink_temporaries() is for who ends the process by force.
//
// One thread at a time.
#pragma once

#include <string>

#include "os/file.h"

namespace gantry::os {

class Temporary {
 public:
  enum class Kind : uint8_t { kNameless, kNamed };

  // kNameless becomes kNamed where it must. Error as file_error's, naming `target`.
  explicit Temporary(const std::string& target, Kind kind = Kind::kNameless);
  ~Temporary();
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  int fd() const { return fd_.get(); }
  void sync() const;
  void rename_to(const std::string& target);

 private:
  struct Slot;
  friend void unlink_temporaries();
  bool open_nameless();
  void open_named();
  template <typename Make>
  void take_name(Make make);
  template <typename Take>
  void give_up_name(Take take);

  const std::string target_;
  std::string name_;  // empty: none yet
  Fd fd_;
  Slot* slot_ = nullptr;
};

// Takes away those that have names, and no file of anybody else's. May be called by a handler of signals; the
// process ends afterwards.
void unlink_temporaries();

}  // namespace gantry::os
