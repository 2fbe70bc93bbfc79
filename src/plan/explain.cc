#include "plan/explain.h"

#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/counted.h"
#include "base/ids.h"
#include "plan/states.h"

namespace gantry::plan {
namespace {

// Bytes by type, as the file stores them.
std::map<std::string, uint64_t> bytes_by_type(const arch::Blueprint& blueprint) {
  std::map<std::string, uint64_t> bytes;
  const auto count = [&](const gguf::TensorInfo& tensor, uint64_t stored) {
    bytes[quant::facts(*tensor.dtype).name] += stored;
  };
  arch::visit_weights(blueprint,
                      {[&](const arch::Matrix& m) { count(*m.tensor, arch::stored_bytes(m)); },
                       [&](const arch::Vector& v) { count(*v.tensor, arch::stored_bytes(v)); },
                       [&](const arch::MatrixStack& s) { count(*s.tensors[0], arch::stored_bytes(s)); }});
  return bytes;
}

std::string kv_words(const ArenaPlan& arena, const Limits& limits) {
  std::string text = fmt::format("{} of {} tokens, {}, {}", counted(limits.pages, "page"), kPageTokens,
                                 counted(arena.items.size(), "layer"), quant::facts(limits.kv_dtype).name);
  for (const WindowPages& window : limits.windows)
    text +=
        fmt::format("; {} for windows of {}", counted(window.pages, "page"), counted(window.window, "token"));
  return text;
}

std::string what_it_holds(const ArenaPlan& arena, const Limits& limits, uint32_t recurrent_layers) {
  switch (arena.kind) {
    case ArenaKind::kWeights:
      return "in the device's layout";
    case ArenaKind::kKv:
      if (arena.items.empty()) return "no layer needs pages";
      return kv_words(arena, limits);
    case ArenaKind::kStates:
      return fmt::format("{} of {}, float32", arena.items.at(0).name,
                         counted(recurrent_layers, "recurrent layer"));
    case ArenaKind::kActivations:
      return fmt::format("a batch of {}, logits of {}", counted(limits.step_rows, "token"),
                         limits.logit_rows);
    case ArenaKind::kScratch:
      return "the most that one operation needs";
    case ArenaKind::kStaging:
      return "what tells the device about a batch";
    case ArenaKind::kHostCache:
      return "";  // a line of the host's
  }
  return "";
}

uint64_t expert_bytes(const ArenaPlan& arena) {
  uint64_t bytes = 0;
  for (const Item& item : arena.items) bytes += item.experts ? item.bytes : 0;
  return bytes;
}

std::string line_words(const char* name, uint64_t bytes, const std::string& words) {
  return fmt::format("  {:<12} {:>16} B  {:>9}  {}\n", name, bytes, human_bytes(bytes), words);
}
std::string part_words(const Item& item) {
  if (item.bytes == 0) return {};
  return fmt::format("   of these {:>19} B  {:>9}  {}\n", item.bytes, human_bytes(item.bytes), item.name);
}

// Of a shard: what is shared out, and what every rank has whole because its sum has too few sections.
struct Dealt {
  uint32_t mixers = 0, ffns = 0, all_ffns = 0;
  std::vector<uint32_t> whole;  // layers of which something is
};
Dealt count_dealt(const arch::Blueprint& blueprint) {
  Dealt dealt;
  for (uint32_t i = 0; i < blueprint.layers.size(); ++i) {
    const arch::LayerSpec& layer = blueprint.layers[i];
    const bool has_ffn = !std::holds_alternative<arch::NoFfn>(layer.ffn);
    dealt.mixers += layer.mixer_dealt ? 1 : 0;
    dealt.ffns += layer.ffn_dealt ? 1 : 0;
    dealt.all_ffns += has_ffn ? 1 : 0;
    if (!layer.mixer_dealt || (has_ffn && !layer.ffn_dealt)) dealt.whole.push_back(i);
  }
  return dealt;
}

std::string shard_words(const arch::Blueprint& blueprint) {
  if (blueprint.ranks.count() == 1) return {};
  const Dealt dealt = count_dealt(blueprint);
  std::string text = fmt::format(
      "shard     rank {} of {}, shares {}: of {} mixers {} are shared out, of {} feed-forward layers {}{}\n",
      blueprint.ranks.rank, blueprint.ranks.count(), fmt::join(blueprint.ranks.shares, ":"),
      blueprint.layers.size(), dealt.mixers, dealt.all_ffns, dealt.ffns,
      blueprint.output_dealt ? ", and the output" : "");
  if (!dealt.whole.empty())
    text += fmt::format("          whole on every rank, wholly or in part: layers {}\n",
                        fmt::join(dealt.whole, ", "));
  return text;
}

std::string device_words(const DevicePlan& device, const HostPlan& host, const Limits& limits,
                         uint32_t recurrent_layers) {
  std::string text = fmt::format(
      "device    {} {}: {} {} of {}\n", device.facts.id, device.facts.name, human_bytes(device.budget.bytes),
      device.budget.reserved ? "set aside" : "free", human_bytes(device.facts.memory_bytes));
  for (const ArenaPlan& arena : device.arenas) {
    if (arena.kind == ArenaKind::kStates && arena.items.empty()) continue;
    text += line_words(name_of(arena.kind), arena.bytes, what_it_holds(arena, limits, recurrent_layers));
    if (const uint64_t experts = expert_bytes(arena); experts != 0)
      text += part_words({"experts, of which a token needs a few only", experts});
  }
  text += line_words("overhead", device.overhead_bytes, "the backend's own");
  if (device.recordings_bytes != 0)
    text += line_words("recordings", device.recordings_bytes, "batches that the backend has recorded");
  if (device.host_bytes != 0) {
    text += line_words("host", device.host_bytes, "the engine's and the service's, in the same memory");
    for (const Item& item : host.items) text += part_words(item);
  }
  return text + line_words("total", device.bytes(), "all taken while loading, nothing after");
}

std::string host_cache_words(const DevicePlan& device) {
  std::string parts;
  for (const Item& item : device.host_cache.items)
    if (item.bytes != 0) parts += (parts.empty() ? "" : ", ") + item.name;
  if (parts.empty()) return "";
  return fmt::format("          cached prompts that {} has no room for move to main memory: {}\n",
                     device.facts.id, parts);
}

Json items_json(const std::vector<Item>& items) {
  Json json = Json::array();
  for (const Item& item : items) json.push_back({{"name", item.name}, {"bytes", item.bytes}});
  return json;
}

Json host_json(const Limits& limits) {
  Json windows = Json::array();
  for (const uint32_t pages : limits.host.window_pages) windows.push_back(pages);
  return {{"pages", limits.host.pages}, {"window_pages", std::move(windows)}, {"states", limits.host.states}};
}

}  // namespace

std::string summary(const arch::Blueprint& blueprint, const MemoryPlan& plan) {
  const DevicePlan& device = plan.devices.at(0);
  uint64_t beside = 0;
  for (const Item& item : plan.beside) beside += item.bytes;
  const uint64_t weights = device.arena(ArenaKind::kWeights).bytes;
  const uint64_t cache = device.arena(ArenaKind::kKv).bytes + device.arena(ArenaKind::kStates).bytes;
  std::string text =
      fmt::format("memory {}: weights {}, KV cache {}, work buffers {}", human_bytes(device.bytes() + beside),
                  human_bytes(weights), human_bytes(cache), human_bytes(device.bytes() - weights - cache));
  if (beside != 0) text += ", requests " + human_bytes(beside);
  if (plan.host_budget) text += fmt::format("; main memory {}", human_bytes(plan.host.bytes));
  text += fmt::format("; context {}", counted(plan.limits.context, "token"));
  if (blueprint.context_train != 0 && blueprint.context_train != plan.limits.context)
    text += fmt::format(" of the model's {}", blueprint.context_train);
  return text;
}

std::string explain(const arch::Blueprint& blueprint, const MemoryPlan& plan) {
  const Limits& limits = plan.limits;
  const StateLayout states = state_layout(blueprint);
  std::string types;
  for (const auto& [name, bytes] : bytes_by_type(blueprint)) {
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", name, human_bytes(bytes));
  }
  std::string text = fmt::format("model     {} ({}, {}, {:.4g} M parameters; {})\n", blueprint.name,
                                 blueprint.arch, counted(blueprint.layers.size(), "layer"),
                                 static_cast<double>(arch::parameters(blueprint)) / 1e6, types);
  text += shard_words(blueprint);
  for (const DevicePlan& device : plan.devices)
    text += device_words(device, plan.host, limits, states.recurrent_layers);
  if (plan.host_budget) {
    text += fmt::format("host      main memory: {} free\n", human_bytes(plan.host_budget->bytes));
    for (const Item& item : plan.host.items) text += part_words(item);
    text += line_words("total", plan.host.bytes, "beside the devices' own");
  }
  for (const Item& item : plan.beside)
    text += line_words("beside it", item.bytes, item.name + "; not counted as free above");
  text += fmt::format("serves    {}, up to {} of context each (the model was made for {}), {} in all\n",
                      counted(limits.sequences, "parallel request"), counted(limits.context, "token"),
                      blueprint.context_train, counted(uint64_t{limits.pages} * kPageTokens, "token"));
  if (states.bytes != 0) {
    text += fmt::format(
        "          each request has a state of {}, however long it is; {} for prompts that begin alike\n",
        human_bytes(states.bytes), counted(limits.checkpoints, "saved state"));
  }
  for (const DevicePlan& device : plan.devices) text += host_cache_words(device);
  for (const std::string& note : plan.notes) text += "note      " + note + "\n";
  for (const std::string& name : blueprint.unused_tensors)
    text += "note      the tensor " + name + " of the file is not used\n";
  return text;
}

Json to_json(const arch::Blueprint& blueprint, const MemoryPlan& plan) {
  Json json;
  json["model"] = {{"name", blueprint.name},
                   {"arch", blueprint.arch},
                   {"layers", blueprint.layers.size()},
                   {"parameters", arch::parameters(blueprint)},
                   {"context_train", blueprint.context_train},
                   {"bytes_by_type", bytes_by_type(blueprint)}};
  if (blueprint.ranks.count() > 1) {
    const Dealt dealt = count_dealt(blueprint);
    json["shard"] = {{"rank", blueprint.ranks.rank},     {"shares", blueprint.ranks.shares},
                     {"mixers", dealt.mixers},           {"feed_forward", dealt.ffns},
                     {"output", blueprint.output_dealt}, {"whole_in_layers", dealt.whole}};
  }
  const Limits& limits = plan.limits;
  Json windows = Json::array();
  for (const WindowPages& window : limits.windows)
    windows.push_back({{"window", window.window}, {"pages", window.pages}});
  json["limits"] = {{"context", limits.context},
                    {"sequences", limits.sequences},
                    {"step_rows", limits.step_rows},
                    {"logit_rows", limits.logit_rows},
                    {"pages", limits.pages},
                    {"page_tokens", kPageTokens},
                    {"pages_max", limits.pages_max},
                    {"windows", std::move(windows)},
                    {"checkpoints", limits.checkpoints},
                    {"host", host_json(limits)},
                    {"state_bytes", state_layout(blueprint).bytes},
                    {"kv_type", quant::facts(limits.kv_dtype).name}};
  json["devices"] = Json::array();
  for (const DevicePlan& device : plan.devices) {
    Json arenas = Json::array();
    for (const ArenaPlan& arena : device.arenas) {
      arenas.push_back(
          {{"kind", name_of(arena.kind)}, {"bytes", arena.bytes}, {"items", items_json(arena.items)}});
      if (const uint64_t experts = expert_bytes(arena); experts != 0) arenas.back()["expert_bytes"] = experts;
    }
    json["devices"].push_back({{"id", device.facts.id},
                               {"name", device.facts.name},
                               {"memory_bytes", device.facts.memory_bytes},
                               {"memory_free_bytes", device.facts.memory_free_bytes},
                               {"budget_bytes", device.budget.bytes},
                               {"budget_is_reserved", device.budget.reserved},
                               {"arenas", std::move(arenas)},
                               {"overhead_bytes", device.overhead_bytes},
                               {"recordings_bytes", device.recordings_bytes},
                               {"host_cache_bytes", device.host_cache.bytes},
                               {"host_bytes", device.host_bytes},
                               {"bytes", device.bytes()}});
  }
  json["host"] = {{"bytes", plan.host.bytes}, {"items", items_json(plan.host.items)}};
  if (plan.host_budget) json["host"]["budget_bytes"] = plan.host_budget->bytes;
  json["beside"] = items_json(plan.beside);
  json["notes"] = plan.notes;
  json["unused_tensors"] = blueprint.unused_tensors;
  return json;
}

}  // namespace gantry::plan
