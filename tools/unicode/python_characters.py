#!/usr/bin/env python3
"""Prints what this Python knows of every character that is assigned in its Unicode, one line each, after a line
with the version: code point, answers to questions as bits, decimal value, and texts (bytes in hex). The table of
src/jinja/unicode_test.cc has the same columns.
"""

import sys
import unicodedata

QUESTIONS = (str.isalpha, str.isspace, str.isnumeric, str.isdigit, str.isdecimal, str.isprintable, str.islower,
             str.isupper, str.isidentifier, lambda s: ("a" + s).isidentifier(), str.isalnum,
             lambda s: len((s + "a").splitlines()) == 2, lambda s: unicodedata.category(s) == "Lt")
TEXTS = (str.upper, str.lower, str.title, str.capitalize, str.swapcase, str.casefold,
         lambda s: ("A" + s + "\u03a3").lower(), lambda s: ("." + s + "\u03a3").lower(),
         lambda s: ("A\u03a3" + s + "a").lower(), lambda s: (s + "a").title())


def main():
    print(unicodedata.unidata_version)
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Cs"):
            continue
        bits = sum(1 << i for i, question in enumerate(QUESTIONS) if question(character))
        texts = " ".join(text(character).encode().hex() for text in TEXTS)
        print(f"{code:x} {bits:x} {unicodedata.decimal(character, -1)} {texts}")


if __name__ == "__main__":
    main()
