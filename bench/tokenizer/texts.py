#!/usr/bin/env python3
"""Texts to measure tokenizers with, from what lies on a Debian machine: English, Chinese, code and a mixture.

    texts.py FOLDER [MEGABYTES]

No line comes twice, so that a tokenizer cannot live on remembering lines. Where a machine has too little (Chinese, mostly), the
lines' parts are put together anew, by a fixed seed. The bytes and a checksum of each text are printed: machines differ, runs on one
machine do not.
"""
import gettext
import glob
import gzip
import hashlib
import os
import random
import re
import sys

HAN = re.compile("[\u4e00-\u9fff]")


def lines_of_files(patterns, keep):
    seen = set()
    for pattern in patterns:
        for path in sorted(glob.glob(pattern, recursive=True)):
            try:
                opened = gzip.open(path, "rt", errors="strict") if path.endswith(".gz") else open(path, errors="strict")
                with opened as file:
                    lines = file.read().split("\n")
            except (OSError, UnicodeDecodeError, EOFError):
                continue
            for line in lines:
                if line.strip() and line not in seen and keep(line):
                    seen.add(line)
                    yield line


def messages(language):
    """The translations of the programs on this machine."""
    seen = set()
    for path in sorted(glob.glob(f"/usr/share/locale*/{language}/LC_MESSAGES/*.mo")):
        try:
            with open(path, "rb") as file:
                catalogue = gettext.GNUTranslations(file)._catalog
        except (OSError, UnicodeDecodeError, ValueError, IndexError):
            continue
        for text in catalogue.values():
            for line in str(text).split("\n"):
                if len(line) > 8 and line not in seen:
                    seen.add(line)
                    yield line


def is_chinese(line):
    return len(HAN.findall(line)) * 2 > len(line)


def recombined(lines, size, seed):
    """The lines, then their clauses in new company."""
    chance = random.Random(seed)
    lines = list(lines)
    clauses = [part for line in lines for part in re.findall("[^，。；：、！？]+[，。；：、！？]?", line)]
    out = list(lines)
    total = sum(len(line.encode()) + 1 for line in lines)
    while total < size and clauses:
        line = "".join(chance.choice(clauses) for _ in range(chance.randint(3, 9)))
        out.append(line)
        total += len(line.encode()) + 1
    chance.shuffle(out)
    return out


def english():
    words = re.compile(r"[A-Za-z][a-z']+ [a-z]+ [a-z]+")
    patterns = ["/usr/share/perl/5*/pod/*.pod", "/usr/share/common-licenses/*", "/usr/share/doc/**/*.txt*",
                "/usr/share/doc/**/README*", "/usr/share/doc/**/changelog*.gz", "/usr/share/man/man*/*.gz"]
    return lines_of_files(patterns, lambda line: line.isascii() and len(line) > 40 and words.search(line))


def code():
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
    patterns = [here + "/src/**/*.cc", here + "/src/**/*.h", "/usr/lib/python3*/**/*.py", "/usr/include/c++/**/*.h",
                "/usr/include/*.h", "/usr/share/perl/5*/**/*.pm"]
    return lines_of_files(patterns, lambda line: True)


def mixed(parts, size):
    chance = random.Random(4)
    pools = [list(lines) for lines in parts]
    out, total = [], 0
    while total < size and any(pools):
        pool = chance.choice([pool for pool in pools if pool])
        for _ in range(chance.randint(1, 6)):
            if pool:
                out.append(pool.pop())
                total += len(out[-1].encode()) + 1
    return out


def write(folder, name, lines, size):
    path = os.path.join(folder, name + ".txt")
    data = bytearray()
    for line in lines:
        data += line.encode() + b"\n"
        if len(data) >= size:
            break
    with open(path, "wb") as file:
        file.write(data)
    print(f"{name}: {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()[:16]}")


def main():
    folder = sys.argv[1]
    size = int(float(sys.argv[2] if len(sys.argv) > 2 else 2) * 1e6)
    os.makedirs(folder, exist_ok=True)
    chinese = recombined(filter(is_chinese, messages("zh_CN")), size, 1)
    write(folder, "english", english(), size)
    write(folder, "chinese", chinese, size)
    write(folder, "code", code(), size)
    others = [messages(language) for language in ("ru", "ja", "de", "ar", "ko", "hi", "el", "vi")]
    write(folder, "mixed", mixed([english(), chinese, code(), *others], size), size)


main()
