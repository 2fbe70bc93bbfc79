"""prepare.py OUT_DIR: writes the vocabulary and the token ids to train on and to hold out. Same seeds, same bytes."""

import random
import sys
import time
from pathlib import Path

import numpy as np

from bpe import CONTROLS, train
from dialogues import Talker
from prose import documents

VOCABULARY = 2048
CONVERSATIONS = 130_000      # for training
HELD_OUT = 1500              # with questions in words that training never shows
FOR_VOCABULARY = 25_000      # conversations that the vocabulary is made from
WIDTHS = (128, 256, 512, 1024)    # windows; a text goes into the narrowest that holds it
PROSE_SENTENCES = 24_000
SEED = 20
WEIGHT_ANSWER, WEIGHT_OTHER, WEIGHT_PROSE = 10, 2, 4  # of a token in the loss, in tenths
END_OF_TEXT, START, END = CONTROLS


def render(turns):
    """As the model's chat template does it."""
    return "".join(f"{START}{role}\n{text}{END}\n" for role, text in turns)


def conversation_ids(tokenizer, turns):
    ids, weights = [], []
    for role, text in turns:
        head = tokenizer.encode(f"{START}{role}\n")
        body = tokenizer.encode(f"{text}{END}")
        tail = tokenizer.encode("\n")
        weight = WEIGHT_ANSWER if role == "assistant" else WEIGHT_OTHER
        ids += head + body + tail
        weights += [1] * len(head) + [weight] * len(body) + [1] * len(tail)
    return ids, weights


def prose(seed, words):
    """Paragraphs of a few unrelated sentences, and the project's own documents."""
    rng = random.Random(seed)
    sentences = [s[:1].upper() + s[1:] + ("" if s[-1] in ".!?" else ".") for s in words.sentences if 20 < len(s) < 120]
    rng.shuffle(sentences)
    sentences = sentences[:PROSE_SENTENCES]
    texts = [" ".join(sentences[i:i + 4]) for i in range(0, len(sentences), 4)]
    texts += list(documents()) * 2
    rng.shuffle(texts)
    return texts


def pack(texts, rng, widths=WIDTHS):
    """Windows of whole texts: {width: [ids, weights, which text]}; 0 in the last is padding. What a wide window has left is
    filled with texts that would fit the narrowest."""
    by_width = {w: [] for w in widths}
    for ids, weights in texts:
        width = next((w for w in widths if len(ids) <= w + 1), widths[-1])
        by_width[width].append((ids[:width + 1], weights[:width + 1]))
    rng.shuffle(by_width[widths[0]])
    buckets = [[] for _ in range(widths[0] + 2)]  # the short texts by their length
    for item in by_width[widths[0]]:
        buckets[len(item[0])].append(item)
    packed = {}
    for width in reversed(widths):
        items = by_width[width] if width != widths[0] else [item for bucket in buckets for item in bucket]
        rng.shuffle(items)
        windows, open_windows = [], []
        for item in items:  # first fit among the last 32 open windows
            for window in open_windows:
                if window[0] + len(item[0]) <= width + 1:
                    break
            else:
                window = [0, []]
                open_windows.append(window)
                if len(open_windows) > 32:
                    windows.append(open_windows.pop(0))
            window[0] += len(item[0])
            window[1].append(item)
        windows += open_windows
        for window in windows if width != widths[0] else ():
            while fitting := next((s for s in buckets[min(width + 1 - window[0], widths[0] + 1)::-1] if s), None):
                window[1].append(fitting.pop())
                window[0] += len(window[1][-1][0])
        out = np.zeros((3, len(windows), width + 1), np.uint16)
        for row, (_, parts) in enumerate(windows):
            at = 0
            for number, (ids, weights) in enumerate(parts, 1):
                out[0, row, at:at + len(ids)] = ids
                out[1, row, at:at + len(ids)] = weights
                out[2, row, at:at + len(ids)] = number
                at += len(ids)
        packed[width] = out[:, rng.sample(range(len(windows)), len(windows))]
    return packed


def main(out_dir):
    out, start = Path(out_dir), time.monotonic()
    out.mkdir(parents=True, exist_ok=True)
    talker = Talker(SEED)
    conversations = [talker.conversation() for _ in range(CONVERSATIONS)]
    paragraphs = prose(SEED, talker.words)
    tokenizer = train([render(c) for c in conversations[:FOR_VOCABULARY]] + paragraphs[:3000], VOCABULARY)
    tokenizer.save(out / "vocabulary.json")
    print(f"vocabulary: {len(tokenizer.tokens)} tokens, {len(tokenizer.merges)} merges, {time.monotonic() - start:.0f} s", flush=True)
    texts = [conversation_ids(tokenizer, c) for c in conversations]
    for paragraph in paragraphs:
        ids = tokenizer.encode(paragraph + END_OF_TEXT)
        texts.append((ids, [WEIGHT_PROSE] * len(ids)))
    for width, data in pack(texts, random.Random(SEED)).items():
        np.save(out / f"train-{width}.npy", data)
        print(f"windows of {width}: {data.shape[1]}, {np.count_nonzero(data[2])} tokens, {np.count_nonzero(data[2]) / data[2].size:.1%} full")
    held = Talker(SEED + 1, held_out=True)
    data = pack([conversation_ids(tokenizer, held.conversation()) for _ in range(HELD_OUT)], random.Random(SEED), (256,))[256]
    np.save(out / "held-out.npy", data)
    print(f"held out: {data.shape[1]} windows; {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1])
