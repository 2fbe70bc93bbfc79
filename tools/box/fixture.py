"""fixture.py MODEL.gguf --gantry PROGRAM [--data DATA_DIR] --out FILE: what the tests hold the shipped file to: greedy answers to ten fixed
prompts, and the loss over conversations whose questions are put in words that training never showed. Without the data only the answers are made
anew, as after a change of the last bits (docs/decisions/0006); the conversations in FILE stay."""

import argparse
import json
from pathlib import Path

import numpy as np

from evaluate import FULL_WEIGHT
from gantry import Served, logits

PROMPTS = ("Hello!", "Who are you?", "What is Gantry?", "How do I load a model?", "What does gantry plan do?", "What does the --context flag do?",
           "Tell me a story.", "Who was Napoleon Bonaparte?", "How do I get a better model than you?", "What is the capital of France?")
CONVERSATIONS = 24


def conversations(data):
    """Token ids and which of them are answers, one conversation after the other."""
    windows = np.load(data / "held-out.npy").astype(np.int64)
    for row in range(windows.shape[1]):
        ids, weights, texts = windows[:, row]
        for number in range(1, texts.max() + 1):
            at = np.flatnonzero(texts == number)
            if (weights[at] == FULL_WEIGHT).any():
                yield ids[at].tolist(), (weights[at] == FULL_WEIGHT).tolist()


def nats(values, ids):
    """Of every token but the first, given those before it."""
    values = values[:-1].astype(np.float64)
    top = values.max(1, keepdims=True)
    return np.log(np.exp(values - top).sum(1)) + top[:, 0] - values[np.arange(len(values)), ids[1:]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--gantry", required=True)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    with Served(arguments.gantry, arguments.model) as served:
        answers = [{"prompt": p, "answer": served.answer([{"role": "user", "content": p}])} for p in PROMPTS]
    held_out = held_out_of(arguments) if arguments.data else json.loads(Path(arguments.out).read_text(encoding="utf-8"))["held_out"]
    rows = [json.dumps(h, separators=(",", ":")) for h in held_out]
    Path(arguments.out).write_text('{"answers": ' + json.dumps(answers, indent=1, ensure_ascii=False) + ',\n"held_out": [\n' + ",\n".join(rows) + "\n]}\n",
                                   encoding="utf-8")
    print(f"{len(answers)} answers, {len(held_out)} conversations of held-out wording")


def held_out_of(arguments):
    vocabulary = len(json.loads((arguments.data / "vocabulary.json").read_text(encoding="utf-8"))["tokens"])
    held_out = []
    for ids, is_answer in list(conversations(arguments.data))[:CONVERSATIONS]:
        mine = nats(logits(arguments.gantry, arguments.model, ids, vocabulary), np.array(ids))[np.array(is_answer[1:])]
        held_out.append({"ids": ids, "answer": [int(a) for a in is_answer], "nats": round(float(mine.sum()), 4)})
    return held_out


if __name__ == "__main__":
    main()
