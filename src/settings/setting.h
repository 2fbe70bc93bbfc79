// What is known of a setting before anybody has set it: a row of table.h.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace gantry::settings {

enum class Kind : uint8_t {
  kBool,      // a flag without a value
  kCount,     // a whole number
  kBytes,     // 4096, 800MiB, 1.5GB
  kDuration,  // 30 (seconds), 1.5s, 500ms, 2min, 1h; held in milliseconds
  kNumber,
  kText,
  kChoice,  // one of `choices`
  kTexts,   // a flag that may be given again
};

// Whose matter it is, and so where it may stand: server, model and request in a file or the environment as
// well as in a flag; command in a flag, and in the environment where its row says so.
enum class Scope : uint8_t {
  kServer,   // [server]
  kModel,    // [[model]], [model_defaults]
  kRequest,  // a field of a request, or a flag of `gantry run`
  kCommand,  // of one run of the program
};

enum class Command : uint8_t {
  kServe,
  kRun,
  kPlan,
  kInspect,
  kQuantize,
  kPerplexity,
  kTokenize,
  kDebugLogits,
  kDebugTokenize,
  kDebugTemplate,
  kDebugSettings,
  kDebugManual,
  kCompletion,
  kDevices,
  kBenchServe,
  kBenchEngine,
};
inline constexpr uint8_t kCommandCount = 16;

class Commands {
 public:
  template <typename... Names>
  constexpr explicit Commands(Names... names) : bits_(static_cast<uint16_t>((0u | ... | bit(names)))) {}
  constexpr bool has(Command command) const { return (bits_ & bit(command)) != 0; }

 private:
  static constexpr unsigned bit(Command command) { return 1u << static_cast<unsigned>(command); }
  uint16_t bits_;
};

enum class Id : uint8_t;  // ids.h

struct Setting {
  Id id;
  std::string_view name;  // "kv_type": as files, requests and errors spell it
  Kind kind;
  Scope scope;
  Commands commands;
  std::string_view words;       // one line, beginning small, without a stop; of a bool: what true does
  std::string_view value = {};  // what stands for a value: "N"
  // kCount and kBytes as they are, kDuration in milliseconds, kNumber in low and high; ends included.
  uint64_t least = 0, most = UINT64_MAX;
  double low = 0, high = 0;
  std::string_view unit = {};
  std::span<const std::string_view> choices = {};
  std::string_view fallback = {};         // the default, written as a value; empty: none
  std::string_view fallback_of_run = {};  // where that of `gantry run` is another
  std::string_view fallback_of_serve = {};
  std::string_view left_out = {};    // where there is no default: what happens without a value
  std::string_view group = {};       // of --help
  std::string_view positional = {};  // its name there where it needs no flag: "MODEL"
  bool only_positional = false;
  bool required = false;
  bool empty_ok = false;             // a text without letters says something
  bool is_path = false;              // in a file: from the folder of that file
  bool is_variable = false;          // of a command: may stand in the environment as well
  bool secret = false;               // never shown
  std::string_view short_flag = {};  // "-p"
  std::string_view also_flag = {};   // a second spelling: "--temp"
  std::string_view file_key = {};    // where the file's is another: "path"
};

}  // namespace gantry::settings
