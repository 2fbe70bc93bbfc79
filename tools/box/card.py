"""card.py MODEL.gguf --gantry PROGRAM --run RUN_DIR --evaluation FILE --out CARD: fills the model card from the shipped file.

The exchanges are taken from the file as it is, greedily, in the order below, good or bad.
"""

import argparse
import hashlib
import json
from pathlib import Path

from gantry import Served, cold_first_token_seconds
from model import Shape
from prose import KNOWN_WORDS

HERE = Path(__file__).resolve().parent
# Ten conversations, chosen before the model was trained.
EXCHANGES = (
    ("Hello!",), ("Who are you?",), ("What is Gantry?",), ("How do I load a model?",), ("What does gantry plan do?",), ("what is --kv-type for",),
    ("Tell me a short story about a fox.",), ("Who was Napoleon Bonaparte?",), ("My name is Anna.", "What is 3 + 4?", "What is my name?"),
    ("How do I serve a model to my users?", "Tell me more", "thank you"))


def exchanges(served):
    lines = []
    for number, turns in enumerate(EXCHANGES, 1):
        lines.append(f"**{number}.**")
        messages = []
        for question in turns:
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": served.answer(messages)})
            lines += [f"> **You:** {question}  ", f"> **gantry-box:** {messages[-1]['content'].strip()}  "]
        lines.append("")
    return "\n".join(lines)


def passed(report):
    rows = ["| section | as expected | of |", "|---|---|---|"]
    results = report["results"]
    for section in dict.fromkeys(r["section"] for r in results):
        mine = [r["good"] for r in results if r["section"] == section]
        rows.append(f"| {section} | {sum(mine)} | {len(mine)} |")
    rows.append(f"| all | {sum(r['good'] for r in results)} | {len(results)} |")
    return "\n".join(rows)


def failures(report):
    bad = [r for r in report["results"] if not r["good"]]
    return "\n".join(f"- “{r['question']}” → “{r['answer'].strip()}”" for r in bad) or "None of the fixed prompts."


def curve(log):
    points = [e for e in log if "held_out" in e]
    keep = points[::max(1, len(points) // 10)]
    if points and points[-1] not in keep:
        keep.append(points[-1])
    rows = ["| step | loss in training | held-out loss |", "|---|---|---|"]
    return "\n".join(rows + [f"| {e['step']} | {e['loss']:.3f} | {e['held_out']:.3f} |" for e in keep])


def training_facts(log):
    from train import TOKENS_PER_STEP
    last = log[-1]
    speeds = sorted(e["tokens_per_second"] for e in log if "tokens_per_second" in e)
    return {"steps": str(last["step"]), "tokens": f"{last['step'] * TOKENS_PER_STEP / 1e6:.1f}", "minutes": f"{last['seconds'] / 60:.0f}",
            "cpu_minutes": f"{last['cpu_seconds'] / 60:.0f}",
            "speed": str(speeds[len(speeds) // 2]), "speed_best": str(speeds[int(len(speeds) * 0.98)])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    for name in ("gantry", "run", "evaluation", "out"):
        parser.add_argument(f"--{name}", required=True)
    arguments = parser.parse_args()
    data = Path(arguments.model).read_bytes()
    report = json.loads(Path(arguments.evaluation).read_text(encoding="utf-8"))
    log = [json.loads(line) for line in (Path(arguments.run) / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    shape = Shape()
    values = shape.vocabulary * shape.width + shape.width + shape.layers * (
        2 * shape.width + 2 * shape.width * shape.width + 2 * shape.width * shape.kv_heads * shape.head_width + 3 * shape.width * shape.hidden)
    with Served(arguments.gantry, arguments.model) as served:
        talk = exchanges(served)
    facts = {"size": f"{len(data):,}", "sha256": hashlib.sha256(data).hexdigest(), "parameters": f"{values / 1e6:.2f}", "vocabulary": str(shape.vocabulary),
             "width": str(shape.width), "layers": str(shape.layers), "heads": str(shape.heads), "kv_heads": str(shape.kv_heads), "hidden": str(shape.hidden),
             "context": str(shape.context), "known_words": str(KNOWN_WORDS), "loss": f"{report['held_out_loss']:.3f}", "loss_tokens": str(report["held_out_tokens"]),
             "cold_ms": f"{1000 * cold_first_token_seconds(arguments.gantry, arguments.model):.0f}", "exchanges": talk, "passed": passed(report),
             "failures": failures(report), "curve": curve(log), **training_facts(log)}
    card = (HERE / "card.md").read_text(encoding="utf-8")
    for key, value in facts.items():
        card = card.replace("{{" + key + "}}", value)
    if "{{" in card:
        raise ValueError(f"card.md asks for something unknown: {card[card.index('{{'):][:40]}")
    Path(arguments.out).write_text(card, encoding="utf-8")


if __name__ == "__main__":
    main()
