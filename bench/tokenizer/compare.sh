#!/usr/bin/env bash
# Speed of encoding beside tiktoken (npm, WebAssembly) and llama.cpp (npm node-llama-cpp, native) in one run: same texts, one thread, CPU
# time, interleaved, medians; of the ratios too, each within its round.
#   bench/tokenizer/compare.sh FOLDER_OF_VOCABULARIES [VOCABULARY...]
# Needs a built release tree and `npm ci` in bench/tokenizer and bench/peer. Let nothing else run meanwhile.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
folder=${1:?a folder with GGUF vocabularies}
shift
vocabularies=("$@")
[ $# -eq 0 ] && vocabularies=(ggml-vocab-gpt-2 rebuilt-llama-bpe rebuilt-qwen2 ggml-vocab-llama-spm ggml-vocab-falcon
  ggml-vocab-deepseek-llm rebuilt-sp-unigram-en ggml-vocab-bert-bge)
ours=$root/build/release/bench/tokenizer/gantry_bench_tokenizer
texts=${GANTRY_BENCH_TEXTS:-$root/build/bench-texts}
rounds=${ROUNDS:-3}
[ -f "$texts/mixed.txt" ] || python3 "$here/texts.py" "$texts"
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT

# The encoding of tiktoken with the same or nearly the same vocabulary and pattern.
tiktoken_of() {
  case $1 in
    *gpt-2) echo gpt2 ;;
    *llama-bpe | *qwen2) echo cl100k_base ;;
    *gpt-oss | *gpt-4o) echo o200k_base ;;
  esac
}

paths=("$texts"/{english,chinese,code,mixed}.txt)
for vocabulary in "${vocabularies[@]}"; do
  encoding=$(tiktoken_of "$vocabulary")
  for _ in $(seq "$rounds"); do
    "$ours" "$folder/$vocabulary.gguf" 3 "${paths[@]}" >>"$results/$vocabulary.gantry" 2>/dev/null
    node "$here/llama.mjs" "$folder/$vocabulary.gguf" 1 "${paths[@]}" >>"$results/$vocabulary.llama" 2>/dev/null || true
    [ -z "$encoding" ] || node "$here/tiktoken.mjs" "$encoding" 1 "${paths[@]}" >>"$results/$vocabulary.tiktoken"
  done
  node "$here/table.mjs" "$vocabulary" "$results" "${encoding:--}"
done
