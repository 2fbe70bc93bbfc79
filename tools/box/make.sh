#!/usr/bin/env bash
# Makes models/gantry-box.gguf and docs/model-card.md anew: data, vocabulary, training, export, evaluation, card.
# Needs Debian's packages python3-torch, python3-regex and wordnet-base, and what builds Gantry. A run that was cut
# goes on from its last checkpoint. How long it takes is stated in the card.
#
#   tools/box/make.sh            everything
#   tools/box/make.sh card       what follows training: export, evaluation, card
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

python=${PYTHON:-/usr/bin/python3}  # Debian's, which sees python3-torch
work=${BOX_WORK:-build/box}
gantry=${GANTRY:-build/release/gantry}
steps=${BOX_STEPS:-3200}
fall_from=${BOX_FALL_FROM:-2000}
model=models/gantry-box.gguf

if ! "$python" -c 'import torch, regex' 2>/dev/null || [[ ! -r /usr/share/wordnet/data.noun ]]; then
  echo "missing: apt-get install --no-install-recommends python3-torch python3-regex wordnet-base" >&2
  exit 1
fi

if [[ ${1:-} != card ]]; then
  [[ -f $work/data/held-out.npy ]] || "$python" tools/box/prepare.py "$work/data"
  OMP_WAIT_POLICY=passive "$python" tools/box/train.py "$work/data" "$work/run" --steps "$steps" --fall-from "$fall_from"
fi

if [[ ! -x $gantry || ! -x build/release/tools/box/gantry_box_export ]]; then
  cmake --preset release
  ninja -C build/release gantry gantry_box_export
fi
mkdir -p models
"$python" tools/box/dump.py "$work/data" "$work/run" "$work/export" --fixture tools/box/tokens.json
build/release/tools/box/gantry_box_export "$work/export" "$model" q8_0
"$python" tools/box/evaluate.py "$model" --gantry "$gantry" --data "$work/data" --out "$work/evaluation.json"
"$python" tools/box/fixture.py "$model" --gantry "$gantry" --data "$work/data" --out tools/box/answers.json
"$python" tools/box/card.py "$model" --gantry "$gantry" --run "$work/run" --evaluation "$work/evaluation.json" \
  --out docs/model-card.md
