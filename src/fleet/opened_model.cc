#include "fleet/opened_model.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "fleet/wording.h"
#include "os/memory_info.h"
#include "tokenizer/memory.h"

namespace gantry::fleet {
namespace {

// The tokenizer; and the header of the file, which is read again until the model is loaded.
std::vector<plan::Item> host_items(const gguf::GgufFile& file) {
  uint64_t header = file.file_bytes();
  for (const gguf::TensorInfo& tensor : file.tensors())
    if (tensor.part == 0) header = std::min(header, tensor.offset);
  return {{"tokenizer", tokenizer::memory_bytes(file.metadata())}, {"the file's header", header}};
}

}  // namespace

OpenedModel open_file(const DevicePool& pool, const LoadSettings& settings) {
  check_wording(settings);
  if (settings.host_cache_bytes != 0 && !settings.prefix_cache)
    throw Error(ErrorCode::kUsage,
                "the host's cache keeps beginnings of prompts, and those are not to be kept", "host_cache",
                "leave it out, or let prefix_cache be");
  plan::parse_kv_dtype(settings.kv_type);
  OpenedModel opened;
  opened.file = settings.model_bytes.empty()
                    ? gguf::GgufFile::open(settings.model_path)
                    : gguf::GgufFile::parse(settings.model_bytes, settings.model_path);
  opened.blueprint = gguf::read_whole(*opened.file, [&] {
    return std::make_unique<const arch::Blueprint>(arch::read_blueprint(*opened.file));
  });
  opened.device =
      pool.open(settings.device.empty() ? "cpu" : settings.device,
                {settings.isa, settings.threads, settings.memory_cap_bytes, settings.memory_on_demand});
  return opened;
}

plan::MemoryPlan plan_model(const DevicePool& pool, const OpenedModel& opened, const LoadSettings& settings,
                            const PlanWishes& wishes) {
  plan::Settings asked;
  asked.context = settings.context;
  asked.sequences = settings.sequences;
  asked.step_rows = settings.step_rows;
  asked.checkpoints = settings.checkpoints;
  asked.kv_dtype = plan::parse_kv_dtype(settings.kv_type);
  asked.host_cache_bytes = settings.host_cache_bytes;
  asked.host_items = host_items(*opened.file);
  asked.logits_of_all_rows = wishes.logits_of_all_rows;
  asked.whole_windows = wishes.whole_windows || wishes.logits_of_all_rows;
  try {
    return plan::make_plan(*opened.blueprint, asked, pool.machine(*opened.device, wishes.given_back));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kMemory) throw;
    const std::string holders = pool.holders(*opened.device), limit = os::memory_info().limit;
    std::string words = error.message(), mend = error.mend();
    if (!holders.empty()) words += "; held by " + holders;
    if (!limit.empty()) {
      words += "; what is free is bounded by " + limit;
      mend += "; or raise that limit";
    }
    throw Error(error.code(), std::move(words), error.where(), std::move(mend));
  }
}

model::LoadProgress told_as_fractions(const Progress& progress) {
  if (!progress) return {};
  return [progress](std::string_view stage, uint64_t done, uint64_t all) {
    progress(stage, all == 0 ? 1 : static_cast<double>(done) / static_cast<double>(all));
  };
}

OpenedModel open_model(const DevicePool& pool, const LoadSettings& settings, bool logits_of_all_rows,
                       bool whole_windows) {
  OpenedModel opened = open_file(pool, settings);
  opened.plan = plan_model(pool, opened, settings,
                           {.logits_of_all_rows = logits_of_all_rows, .whole_windows = whole_windows});
  return opened;
}

}  // namespace gantry::fleet
