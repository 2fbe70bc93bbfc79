// The commands and the longer words of their --help. What a command takes stands in settings/table.h.
#pragma once

#include <array>
#include <string_view>

#include "base/check.h"
#include "settings/setting.h"

namespace gantry::cli {

inline constexpr const char* kAbout =
    "Gantry serves language models from GGUF files on your own machine, over the API that OpenAI's clients "
    "speak.";

inline constexpr const char* kExamples =
    "Examples:\n"
    "  gantry serve model.gguf                 serve it on http://127.0.0.1:8421/v1\n"
    "  gantry run model.gguf                   talk to it in this terminal\n"
    "  gantry run model.gguf \"Why is it dark?\" answer one prompt and exit\n"
    "  gantry plan model.gguf --context 32768  what it needs, before it is loaded\n"
    "  gantry inspect model.gguf               what is in the file\n"
    "  gantry quantize f16.gguf q4.gguf Q4_K_M the same model in fewer bits\n"
    "\n"
    "`serve`, `run` and `plan` use $GANTRY_MODEL if no model is named, else gantry-box, the small model in "
    "this program. `gantry COMMAND --help` lists the options of a command.";

// Commands that stand behind another word.
struct GroupFacts {
  const char* name;
  const char* about;
  const char* examples;
};

inline constexpr std::array kGroups = {
    GroupFacts{"bench", "Measure how fast a server is, or the engine on this machine",
               "Examples:\n"
               "  gantry bench serve --clients 1,8,32 --duration 20s\n"
               "  gantry bench engine model.gguf\n"
               "\n"
               "`gantry bench COMMAND --help` lists the options of a command."},
    GroupFacts{"debug", "Look inside: logits, tokens, chat templates, the table of settings",
               "Examples:\n"
               "  gantry debug tokenize model.gguf \"Hello world\"\n"
               "  gantry debug template model.gguf conversation.json\n"
               "  gantry debug settings\n"
               "\n"
               "`gantry debug COMMAND --help` lists the options of a command."},
};

// Of those that may be set by variables as well.
inline constexpr const char* kVariables =
    "\n\nOptions of the server, the model and sampling can also be set in the environment: $GANTRY_KV_TYPE "
    "for --kv-type.";

struct CommandFacts {
  settings::Command command;
  const char* group;  // of kGroups; empty: it stands alone
  const char* name;
  const char* about;
  const char* examples;
};

inline constexpr std::array<CommandFacts, settings::kCommandCount> kCommands = {{
    {settings::Command::kServe, "", "serve", "Serve a model over HTTP",
     "Examples:\n"
     "  gantry serve model.gguf --port 8000 --parallel 16\n"
     "  gantry serve model.gguf --host 0.0.0.0 --api-key \"$(cat key.txt)\"\n"
     "  gantry serve --config gantry.toml\n"
     "\n"
     "After Ctrl-C or SIGTERM the server takes no new requests and lets running answers go on for --drain. A "
     "second signal ends it at once."},
    {settings::Command::kRun, "", "run", "Talk to a model in the terminal, or answer one prompt",
     "Examples:\n"
     "  gantry run model.gguf\n"
     "  gantry run model.gguf \"A haiku about rain\" --temp 0.7 --seed 1\n"
     "  cat letter.txt | gantry run model.gguf --system \"Summarise in two sentences.\"\n"
     "  cat letter.txt | gantry run model.gguf --prompt \"Who wrote this?\"\n"
     "  gantry run model.gguf --raw \"Once upon a time\"\n"
     "\n"
     "In a conversation /help lists the commands, Ctrl-C stops an answer, and Ctrl-D leaves."},
    {settings::Command::kPlan, "", "plan", "Print what a model would need, without loading it",
     "Examples:\n"
     "  gantry plan model.gguf\n"
     "  gantry plan model.gguf --context 32768 --kv-type q8_0 --memory-cap 8GiB\n"
     "  gantry plan model.gguf --json"},
    {settings::Command::kInspect, "", "inspect", "Print what is in a GGUF file",
     "Examples:\n"
     "  gantry inspect model.gguf\n"
     "  gantry inspect model.gguf --template"},
    // What stands behind "Types:" is the recipes' own table.
    {settings::Command::kQuantize, "", "quantize", "Write a model in another quantization",
     "Examples:\n"
     "  gantry quantize model-f16.gguf model-q4.gguf Q4_K_M\n"
     "  gantry quantize model-f16.gguf mine.gguf Q4_K_S --type 'blk.*.ffn_down=q6_k'\n"
     "  gantry quantize model-00001-of-00003.gguf one.gguf Q5_K_M --dry-run\n"
     "\n"
     "Types:\n"},
    {settings::Command::kPerplexity, "", "perplexity", "Measure how well a model predicts a text",
     "Examples:\n"
     "  gantry perplexity model.gguf --file wiki.txt\n"
     "  gantry perplexity model-q4.gguf --file wiki.txt --against model-f16.gguf\n"
     "\n"
     "The text is cut into windows of --context tokens. The second half of each window is scored, so that "
     "every scored token has at least half a window before it."},
    {settings::Command::kTokenize, "", "tokenize", "Count and show the tokens of a text",
     "Examples:\n"
     "  gantry tokenize model.gguf \"Hello world\"\n"
     "  gantry tokenize model.gguf --count < text.txt"},
    {settings::Command::kBenchServe, "bench", "serve", "Put load on a server of OpenAI's API and measure it",
     "Examples:\n"
     "  gantry bench serve --clients 1,8,32 --duration 20s\n"
     "  gantry bench serve http://10.0.0.5:8000 --rate 2,4,8 --mix shared --svg chart.svg\n"
     "  gantry bench serve --mix mine.toml --requests 500 --json figures.json\n"
     "\n"
     "Times count from when a request was due. A server that streams several tokens at once has fewer "
     "pieces than tokens. After Ctrl-C the figures so far are printed."},
    {settings::Command::kBenchEngine, "bench", "engine",
     "Measure the steps of a model beside the machine's limits",
     "Examples:\n"
     "  gantry bench engine model.gguf\n"
     "  gantry bench engine model.gguf --depth 0,4096 --batch 1,8,32\n"
     "  gantry bench engine model.gguf --prompt 512 --threads 1 --json engine.json\n"
     "\n"
     "Nothing is sampled and nothing is served. GB/s counts weights once a step, and the keys and values "
     "that "
     "are looked at; the limits are measured first, on as many threads."},
    {settings::Command::kDevices, "", "devices", "List what a model can be computed on",
     "Examples:\n"
     "  gantry devices\n"
     "  gantry devices --json"},
    {settings::Command::kDebugLogits, "debug", "logits", "Compute the logits of every token of a list",
     "Examples:\n"
     "  gantry debug logits model.gguf --token-list 1,306,626 --out logits.f32\n"
     "  gantry debug logits model.gguf --tokens ids.txt > logits.f32"},
    {settings::Command::kDebugTokenize, "debug", "tokenize", "Show how text becomes tokens",
     "Examples:\n"
     "  gantry debug tokenize model.gguf \"Hello world\"\n"
     "  gantry debug tokenize model.gguf --pieces < text.txt"},
    {settings::Command::kDebugTemplate, "debug", "template", "Show what the model reads of a conversation",
     "Examples:\n"
     "  echo '[{\"role\":\"user\",\"content\":\"Hi\"}]' | gantry debug template model.gguf\n"
     "  gantry debug template chat.jinja conversation.json"},
    {settings::Command::kDebugSettings, "debug", "settings", "List every setting that there is",
     "Examples:\n"
     "  gantry debug settings\n"
     "  gantry debug settings --json"},
    {settings::Command::kDebugManual, "debug", "manual", "Print a page of the manual, as man reads it",
     "Examples:\n"
     "  gantry debug manual gantry-serve | man -l -"},
    {settings::Command::kCompletion, "", "completion",
     "Print what a shell reads to complete commands and flags",
     "Examples:\n"
     "  source <(gantry completion bash)\n"
     "  gantry completion zsh > \"${fpath[1]}/_gantry\"\n"
     "  gantry completion fish > ~/.config/fish/completions/gantry.fish"},
}};

constexpr const GroupFacts& group_facts(std::string_view name) {
  for (const GroupFacts& group : kGroups)
    if (group.name == name) return group;
  GANTRY_CHECK(false);  // every group of kCommands stands there
}

}  // namespace gantry::cli
