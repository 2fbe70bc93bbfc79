#!/usr/bin/env bash
# run.sh against GANTRY with the story model, which TOOL (gantry_stories) makes from $GANTRY_SHARED or ../shared.
# Usage: stories.sh GANTRY TOOL. Exit status 77 (skipped) where its weights or the client are absent;
# 1 where the weights are absent and GANTRY_SHARED_REQUIRED is 1.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
weights=${GANTRY_SHARED:-$here/../../../shared}/conformance/weights/stories260K
if ! [ -d "$weights" ]; then
  echo "stories.sh: absent: $weights" >&2
  [ "${GANTRY_SHARED_REQUIRED:-0}" = 1 ] && exit 1
  exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$2" "$weights" "$folder/stories260K.gguf"
# The golden continuations are those of exact weights and an exact cache.
GANTRY_GOLDEN=$weights/golden.json "$here/run.sh" "$1" "$folder/stories260K.gguf" --kv-type f32
