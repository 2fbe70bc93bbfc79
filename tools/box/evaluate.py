"""evaluate.py MODEL.gguf --gantry PROGRAM --data DATA_DIR [--out FILE]: the shipped file against the fixed prompts and the
held-out conversations, through the program itself."""

import argparse
import json
from pathlib import Path

import numpy as np

from evaluate_prompts import ask_all, read_prompts
from gantry import Served, logits

HELD_OUT_WINDOWS = 120
FULL_WEIGHT = 10  # of the answers' tokens, see prepare.py


def held_out_loss(program, model, data):
    """Nats per token of the answers in held-out conversations, each computed alone."""
    total = count = 0.0
    vocabulary = len(json.loads((data / "vocabulary.json").read_text(encoding="utf-8"))["tokens"])
    windows = np.load(data / "held-out.npy")[:, :HELD_OUT_WINDOWS].astype(np.int64)
    for row in range(windows.shape[1]):
        ids, weights, texts = windows[:, row]
        values = logits(program, model, ids.tolist(), vocabulary) if texts.max() == 1 else None
        for number in range(1, texts.max() + 1):
            at = np.flatnonzero(texts == number)
            mine = values[at] if values is not None else logits(program, model, ids[at].tolist(), vocabulary)
            mine = mine[:-1].astype(np.float64)
            top = mine.max(1, keepdims=True)
            nats = (np.log(np.exp(mine - top).sum(1)) + top[:, 0]) - mine[np.arange(len(mine)), ids[at][1:]]
            answers = weights[at][1:] == FULL_WEIGHT
            total, count = total + nats[answers].sum(), count + answers.sum()
    return total / count, int(count)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--gantry", required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out")
    arguments = parser.parse_args()
    conversations = read_prompts(Path(__file__).parent / "prompts.txt")
    with Served(arguments.gantry, arguments.model) as served:
        results = ask_all(served.answer, conversations)
    loss, tokens = held_out_loss(arguments.gantry, arguments.model, arguments.data)
    report = {"results": results, "held_out_loss": round(loss, 4), "held_out_tokens": tokens}
    for section in dict.fromkeys(r["section"] for r in results):
        mine = [r["good"] for r in results if r["section"] == section]
        print(f"{section:>14}: {sum(mine)} of {len(mine)}")
    for r in results:
        if not r["good"]:
            print(f"not as expected: {r['question']} -> {r['answer']}")
    print(f"held-out loss {loss:.4f} over {tokens} tokens; {sum(r['good'] for r in results)} of {len(results)} turns as expected")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps(report, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
