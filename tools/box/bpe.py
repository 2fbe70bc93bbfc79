"""Byte-level BPE: training over word counts, encoding, decoding. GPT-2's byte alphabet, Qwen2's way of splitting text."""

import json
from collections import Counter, defaultdict

import regex

SPLIT = regex.compile(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
CONTROLS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")  # the last ids of the vocabulary
_CONTROL = regex.compile("|".join(regex.escape(c) for c in CONTROLS))


def byte_alphabet():
    """byte -> the printable character that stands for it in the vocabulary."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table, free = {b: chr(b) for b in printable}, 0x100
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(free)
            free += 1
    return table


def split_controls(text):
    """Pieces of text and control tokens, in order."""
    at = 0
    for match in _CONTROL.finditer(text):
        if match.start() > at:
            yield text[at:match.start()], False
        yield match[0], True
        at = match.end()
    if at < len(text):
        yield text[at:], False


def train(texts, size):
    """The vocabulary of `size` tokens, controls included. Ties go to the pair that sorts first."""
    alphabet = byte_alphabet()
    counts = Counter()
    for text in texts:
        for piece, control in split_controls(text):
            if not control:
                counts.update(SPLIT.findall(piece))
    words = [([alphabet[b] for b in word.encode()], n) for word, n in sorted(counts.items())]
    pairs, places = Counter(), defaultdict(set)
    for at, (word, n) in enumerate(words):
        for pair in zip(word, word[1:]):
            pairs[pair] += n
            places[pair].add(at)
    tokens, merges = sorted(alphabet.values(), key=lambda c: next(b for b, d in alphabet.items() if d == c)), []
    while len(tokens) + len(CONTROLS) < size:
        best = min(pairs, key=lambda p: (-pairs[p], p))
        if pairs[best] < 2:
            raise ValueError(f"the text holds no more than {len(tokens)} tokens")
        merges.append(best)
        joined = best[0] + best[1]
        if joined not in tokens:
            tokens.append(joined)
        for at in sorted(places.pop(best)):
            word, n = words[at]
            for pair in zip(word, word[1:]):
                pairs[pair] -= n
            out, i = [], 0
            while i < len(word):
                if i + 1 < len(word) and (word[i], word[i + 1]) == best:
                    out.append(joined)
                    i += 2
                else:
                    out.append(word[i])
                    i += 1
            words[at] = (out, n)
            for pair in zip(out, out[1:]):
                pairs[pair] += n
                places[pair].add(at)
        pairs.pop(best, None)
    return Tokenizer(tokens + list(CONTROLS), merges)


class Tokenizer:
    def __init__(self, tokens, merges):
        self.tokens, self.merges = tokens, [tuple(m) for m in merges]
        self.ids = {t: i for i, t in enumerate(tokens)}
        self.ranks = {m: i for i, m in enumerate(self.merges)}
        self.alphabet = byte_alphabet()
        self.bytes_of = {c: b for b, c in self.alphabet.items()}
        self.end_of_text, self.start, self.end = (self.ids[c] for c in CONTROLS)
        self._cache = {}

    def _word(self, word):
        if word in self._cache:
            return self._cache[word]
        parts = [self.alphabet[b] for b in word.encode()]
        while len(parts) > 1:
            rank, at = min((self.ranks.get(pair, 1 << 30), i) for i, pair in enumerate(zip(parts, parts[1:])))
            if rank == 1 << 30:
                break
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        ids = [self.ids[p] for p in parts]
        self._cache[word] = ids
        return ids

    def encode(self, text):
        """Text that spells a control token becomes it."""
        ids = []
        for piece, control in split_controls(text):
            if control:
                ids.append(self.ids[piece])
            else:
                for word in SPLIT.findall(piece):
                    ids += self._word(word)
        return ids

    def decode(self, ids):
        data = bytearray()
        for i in ids:
            token = self.tokens[i]
            data += token.encode() if token in CONTROLS else bytes(self.bytes_of[c] for c in token)
        return data.decode("utf-8", "replace")

    def save(self, path):
        with open(path, "w", encoding="utf-8") as out:
            json.dump({"tokens": self.tokens, "merges": [" ".join(m) for m in self.merges], "controls": list(CONTROLS)}, out, ensure_ascii=False, indent=0)

    @staticmethod
    def load(path):
        with open(path, encoding="utf-8") as file:
            data = json.load(file)
        return Tokenizer(data["tokens"], [m.split(" ") for m in data["merges"]])
