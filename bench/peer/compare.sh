#!/usr/bin/env bash
# Gantry beside llama.cpp on the same files on this machine, interleaved, medians: prefill and decode of one stream.
#   bench/peer/compare.sh VOCABULARY.gguf [SHAPE] [TYPE...]
# PROMPT and TOKENS: how many are read and then written (512, 64); ROUNDS, THREADS. Needs a built release tree (./dev build) and
# `npm ci` in bench/peer. Let nothing else run meanwhile.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
vocabulary=${1:?a GGUF file whose vocabulary the models borrow}
shape=${2:-1.2b}
shift $(($# < 2 ? $# : 2))
types=("${@:-q4_0}")
[ $# -eq 0 ] && types=(q4_0 q4_K q8_0)
build=$root/build/release
models=${GANTRY_BENCH_MODELS:-$root/build/bench-models}
threads=${THREADS:-$(nproc)}
rounds=${ROUNDS:-3}
prompt=${PROMPT:-512}
tokens=${TOKENS:-64}
mkdir -p "$models"
[ -d "$here/node_modules" ] || (cd "$here" && NODE_LLAMA_CPP_SKIP_DOWNLOAD=true npm ci --no-audit --no-fund >/dev/null)
for type in "${types[@]}"; do
  model=$models/$shape-$type.gguf
  [ -f "$model" ] || "$build/bench/models/gantry_bench_model" "$model" "$shape" "$type" "$vocabulary"
  ours=() theirs=()
  for _ in $(seq "$rounds"); do
    ours+=("$("$build/bench/speed/gantry_bench_speed" "$model" --threads "$threads" --prompt "$prompt" --tokens "$tokens" --rounds 2)")
    theirs+=("$(cd "$here" && node llama.mjs "$model" "$threads" "$prompt" "$tokens" 2)")
  done
  printf '%s\n' "${ours[@]}" >"$models/ours.jsonl"
  printf '%s\n' "${theirs[@]}" >"$models/theirs.jsonl"
  node -e '
    const fs = require("fs"), [ours, theirs, name] = process.argv.slice(1);
    const read = (path) => fs.readFileSync(path, "utf8").trim().split("\n").map(JSON.parse);
    const median = (rows, key) => rows.map((row) => row[key]).sort((a, b) => a - b)[Math.floor(rows.length / 2)];
    const a = read(ours), b = read(theirs);
    for (const key of ["prefill", "decode"]) {
      const x = median(a, key), y = median(b, key);
      console.log(`${name} ${key}: gantry ${x.toFixed(1)} tokens/s, llama.cpp ${y.toFixed(1)}, ratio ${(x / y).toFixed(2)}`);
    }' "$models/ours.jsonl" "$models/theirs.jsonl" "$shape $type"
done
