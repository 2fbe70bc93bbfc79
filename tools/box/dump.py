"""dump.py DATA_DIR RUN_DIR OUT_DIR [--fixture FILE]: the trained weights as plain float32 and a description for gantry_box_export.

--fixture writes texts with the token ids that the trainer sees, for the test of the tokenizer.
"""

import argparse
import json
import random
from pathlib import Path

import torch

from bpe import Tokenizer
from dialogues import Talker
from model import Shape
from prepare import prose, render

ODD_TEXTS = ("", " ", "\n", "  two  spaces ", "\ttab\n\nlines\r\n end", "don't we'll I'M you've he'D", "3.14159 and 2026-11-21, 1,000", "a+b=c;{[(x)]}",
             "Grüße aus Köln, señor!", "naïve café 北京 東京 Москва", "emoji 🙂🚀 done", "x" * 60, "...!!!???", "--kv-type q8_0", "http://127.0.0.1:8421/v1",
             "<|im_start|>user\nHi<|im_end|>\n", "<|im_start|><|im_end|><|endoftext|>", "a<|im_end|>b", "<|im_end", "ends with space ", "٣٤ ½ Ⅷ", "日本語 テキスト",
             "snake_case camelCase", "'quotes' \"double\"", "tail\n", "\n\n\n a", "   \n   b", "é combined e\u0301".replace("e\u0301", "é"))


def fixture_texts(count=200):
    talker, texts = Talker(99), list(ODD_TEXTS)
    texts += prose(99, talker.words)[:60]
    while len(texts) < count:
        texts.append(render(talker.conversation()))
    random.Random(3).shuffle(texts)
    return texts


def main():
    parser = argparse.ArgumentParser()
    for name in ("data", "run", "out"):
        parser.add_argument(name)
    parser.add_argument("--fixture")
    arguments = parser.parse_args()
    tokenizer, shape = Tokenizer.load(Path(arguments.data) / "vocabulary.json"), Shape()
    if arguments.fixture:
        with open(arguments.fixture, "w", encoding="utf-8") as out:
            rows = [json.dumps({"text": t, "ids": tokenizer.encode(t)}, separators=(",", ":")) for t in fixture_texts()]
            out.write("[\n" + ",\n".join(rows) + "\n]\n")
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(Path(arguments.run) / "checkpoint.pt", map_location="cpu")
    tensors, at = [], 0
    with open(out / "weights.bin", "wb") as weights:
        for name, value in state["model"].items():
            value = value.float().contiguous()
            weights.write(value.numpy().tobytes())
            # GGUF names the row's length first.
            tensors.append({"name": name, "shape": list(reversed(value.shape)), "at": at})
            at += value.numel()
    description = {
        "shape": {k: getattr(shape, k) for k in ("vocabulary", "width", "layers", "heads", "kv_heads", "hidden", "context", "theta", "epsilon")},
        "tokens": tokenizer.tokens, "merges": [" ".join(m) for m in tokenizer.merges], "pre": "qwen2",
        "controls": [tokenizer.end_of_text, tokenizer.start, tokenizer.end], "bos": tokenizer.end_of_text, "eos": tokenizer.end, "pad": tokenizer.end_of_text,
        "chat_template": (Path(__file__).parent / "chat.jinja").read_text(encoding="utf-8"), "steps": state["step"], "tensors": tensors}
    (out / "model.json").write_text(json.dumps(description), encoding="utf-8")
    print(f"{at} values after {state['step']} steps")


if __name__ == "__main__":
    main()
