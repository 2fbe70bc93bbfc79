#include "api/foreign_paths.h"

#include <array>

#include <fmt/format.h>

namespace gantry::api {
namespace {

constexpr std::string_view kChat = "here it is /v1/chat/completions", kText = "here it is /v1/completions",
                           kModels = "here it is /v1/models",
                           kFiles = "models are files here, which `gantry serve` is given at its start",
                           kNoEmbeddings = "Gantry makes no embeddings",
                           kNoAudio = "Gantry reads and writes text only";

struct ForeignPath {
  std::string_view path;  // and what stands behind it and a slash
  std::string_view whose;
  std::string_view words;
};
constexpr std::array kPaths = {
    ForeignPath{"/api/chat", "Ollama", kChat},
    ForeignPath{"/api/generate", "Ollama", kText},
    ForeignPath{"/api/tags", "Ollama", kModels},
    ForeignPath{"/api/ps", "Ollama", kModels},
    ForeignPath{"/api/show", "Ollama", kModels},
    ForeignPath{"/api/version", "Ollama", "`gantry --version` tells the version"},
    ForeignPath{"/api/embed", "Ollama", kNoEmbeddings},
    ForeignPath{"/api/embeddings", "Ollama", kNoEmbeddings},
    ForeignPath{"/api/pull", "Ollama", kFiles},
    ForeignPath{"/api/push", "Ollama", kFiles},
    ForeignPath{"/api/create", "Ollama", kFiles},
    ForeignPath{"/api/copy", "Ollama", kFiles},
    ForeignPath{"/api/delete", "Ollama", kFiles},
    ForeignPath{"/completion", "llama.cpp", kText},
    ForeignPath{"/completions", "llama.cpp", kText},
    ForeignPath{"/infill", "llama.cpp",
                "the nearest here is /v1/completions, with the prompt as the model wants it"},
    ForeignPath{"/props", "llama.cpp", "the nearest here is /v1/models"},
    ForeignPath{"/slots", "llama.cpp", "the nearest here is /metrics"},
    ForeignPath{"/embedding", "llama.cpp", kNoEmbeddings},
    ForeignPath{"/embeddings", "llama.cpp", kNoEmbeddings},
    ForeignPath{"/reranking", "llama.cpp", "Gantry ranks nothing"},
    ForeignPath{"/rerank", "llama.cpp", "Gantry ranks nothing"},
    ForeignPath{"/lora-adapters", "llama.cpp", "Gantry takes no adapters"},
    ForeignPath{"/v1/messages", "Anthropic", kChat},
    ForeignPath{"/v1/complete", "Anthropic", kText},
    ForeignPath{"/v1/responses", "OpenAI", "Gantry speaks its /v1/chat/completions"},
    ForeignPath{"/v1/assistants", "OpenAI", "Gantry speaks its /v1/chat/completions"},
    ForeignPath{"/v1/threads", "OpenAI", "Gantry speaks its /v1/chat/completions"},
    ForeignPath{"/v1/embeddings", "OpenAI", kNoEmbeddings},
    ForeignPath{"/v1/audio", "OpenAI", kNoAudio},
    ForeignPath{"/v1/images", "OpenAI", kNoAudio},
    ForeignPath{"/v1/engines", "OpenAI", kModels},
    ForeignPath{"/generate", "TGI", kText},
    ForeignPath{"/generate_stream", "TGI", "here it is /v1/completions with \"stream\": true"},
    ForeignPath{"/version", "vLLM", "`gantry --version` tells the version"},
    ForeignPath{"/ping", "vLLM", "here it is /health"},
    ForeignPath{"/healthz", "Kubernetes", "here it is /health"},
    ForeignPath{"/readyz", "Kubernetes", "here it is /health"},
    ForeignPath{"/livez", "Kubernetes", "here it is /health"},
};

}  // namespace

std::string words_on_foreign_path(std::string_view path) {
  for (const ForeignPath& known : kPaths) {
    if (!path.starts_with(known.path)) continue;
    const std::string_view rest = path.substr(known.path.size());
    if (rest.empty() || rest[0] == '/') return fmt::format("it is {}'s; {}", known.whose, known.words);
  }
  return {};
}

}  // namespace gantry::api
