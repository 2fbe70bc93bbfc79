#!/usr/bin/env python3
"""Writes src/text/unicode_tables.inc from the Unicode Character Database.

    tools/unicode/generate.py [UCD_FOLDER] > src/text/unicode_tables.inc

UCD_FOLDER defaults to /usr/share/unicode (Debian package unicode-data). Read: UnicodeData.txt, PropList.txt,
Scripts.txt, DerivedCoreProperties.txt, SpecialCasing.txt, CaseFolding.txt, extracted/DerivedNumericType.txt. The
output is a pure function of those files.

Layout: two stages. A code point's upper bits choose a block, the lower kBlockBits bits an entry in it; equal blocks
are stored once.
- Properties: category | White_Space << 5 | Han << 6.
- Words, what names and numbers are made of: XID_Start | XID_Continue << 1 | numeric type << 2 | decimal value << 4.
- Cases: an index into a list of records, in which a mapping is the difference of two code points. Mappings to
  several characters stand in a list of their own, sorted by code point.
"""

import os
import re
import sys

LAST = 0x10FFFF
BLOCK_BITS = 7
BLOCK = 1 << BLOCK_BITS
# The order is that of text::Category.
CATEGORIES = ("Cn Lu Ll Lt Lm Lo Mn Mc Me Nd Nl No Pc Pd Ps Pe Pi Pf Po Sm Sc Sk So Zs Zl Zp Cc Cf Cs Co").split()
WHITE_SPACE = 1 << 5
HAN = 1 << 6


# Bits of a case record's flags; text/unicode.cc reads them.
LOWERCASE, UPPERCASE, CASE_IGNORABLE, SPECIAL = 1, 2, 4, 8


class UnicodeData:
    """The fields of UnicodeData.txt that are wanted, by code point."""

    def __init__(self, folder):
        self.category = ["Cn"] * (LAST + 1)
        self.decimal, self.lower, self.upper, self.title = {}, {}, {}, {}
        first = None
        for fields in read_fields(folder, "UnicodeData.txt"):
            code, name, kind = int(fields[0], 16), fields[1], fields[2]
            if name.endswith(", First>"):
                first = code
                continue
            start = first if name.endswith(", Last>") else code
            for point in range(start, code + 1):
                self.category[point] = kind
            first = None
            if fields[6]:
                self.decimal[code] = int(fields[6])
            for mapping, field in ((self.upper, 12), (self.lower, 13), (self.title, 14)):
                if fields[field]:
                    mapping[code] = int(fields[field], 16)


def read_fields(folder, name):
    """The fields between semicolons of each line that is not only a comment."""
    with open(os.path.join(folder, name), encoding="utf-8") as lines:
        for line in lines:
            line = line.split("#")[0].strip()
            if line:
                yield [field.strip() for field in line.split(";")]


def code_points(field):
    return tuple(int(code, 16) for code in field.split())


def read_special_casing(folder):
    """The mappings that hold everywhere: code point -> (lower, title, upper), each of several code points."""
    special = {}
    for fields in read_fields(folder, "SpecialCasing.txt"):
        if len(fields) == 5 or not fields[4]:  # else a language or a place in a word is asked for
            special[int(fields[0], 16)] = tuple(code_points(field) for field in fields[1:4])
    return special


def read_case_folding(folder):
    """Full folding: code point -> code points."""
    return {int(fields[0], 16): code_points(fields[2])
            for fields in read_fields(folder, "CaseFolding.txt") if fields[1] in "CF"}


def read_property(folder, name, wanted):
    """The code points to which a file of `range ; value` lines gives the value `wanted`."""
    points = set()
    for fields in read_fields(folder, name):
        if fields[1] == wanted:
            first, _, last = fields[0].partition("..")
            points.update(range(int(first, 16), int(last or first, 16) + 1))
    return points


def version_of(folder):
    with open(os.path.join(folder, "PropList.txt"), encoding="utf-8") as lines:
        return re.search(r"PropList-([0-9.]+)\.txt", lines.readline()).group(1)


def two_stages(values):
    blocks, index = {}, []
    for start in range(0, LAST + 1, BLOCK):
        block = tuple(values[start:start + BLOCK])
        index.append(blocks.setdefault(block, len(blocks)))
    flat = [value for block in blocks for value in block]
    return index, flat


def emit(kind, name, values):
    print(f"inline constexpr {kind} {name}[{len(values)}] = {{")
    for start in range(0, len(values), 24):
        print("    " + ", ".join(str(value) for value in values[start:start + 24]) + ",")
    print("};")


def smallest_kind(values):
    return "uint8_t" if max(values) < 256 else "uint16_t"


def emit_two_stages(name, values):
    index, flat = two_stages(values)
    emit(smallest_kind(index), f"k{name}Index", index)
    emit(smallest_kind(flat), f"k{name}Entries", flat)


def properties(folder, data):
    number = {name: i for i, name in enumerate(CATEGORIES)}
    values = [number[name] for name in data.category]
    for point in read_property(folder, "PropList.txt", "White_Space"):
        values[point] |= WHITE_SPACE
    for point in read_property(folder, "Scripts.txt", "Han"):
        values[point] |= HAN
    return values


def words(folder, data):
    values = [0] * (LAST + 1)
    for bit, name in ((1, "XID_Start"), (2, "XID_Continue")):
        for point in read_property(folder, "DerivedCoreProperties.txt", name):
            values[point] |= bit
    for number, name in ((1, "Numeric"), (2, "Digit"), (3, "Decimal")):
        for point in read_property(folder, "extracted/DerivedNumericType.txt", name):
            values[point] |= number << 2
    for point, value in data.decimal.items():
        assert values[point] >> 2 == 3
        values[point] |= value << 4
    return values


def emit_cases(folder, data):
    special_casing, folding = read_special_casing(folder), read_case_folding(folder)
    flags = [0] * (LAST + 1)
    for bit, name in ((LOWERCASE, "Lowercase"), (UPPERCASE, "Uppercase"), (CASE_IGNORABLE, "Case_Ignorable")):
        for point in read_property(folder, "DerivedCoreProperties.txt", name):
            flags[point] |= bit
    records, entries, special = {}, [], []
    for point in range(LAST + 1):
        lower, upper = data.lower.get(point, point), data.upper.get(point, point)
        simple = (lower, upper, data.title.get(point, upper), folding.get(point, (point,))[0])
        full_lower, full_title, full_upper = special_casing.get(point, ((lower,), simple[2:3], (upper,)))
        full = (full_lower, full_upper, full_title, folding.get(point, (point,)))
        if full != tuple((code,) for code in simple):
            flags[point] |= SPECIAL
            special.append((point, full))
        record = tuple(code - point for code in simple) + (flags[point],)
        entries.append(records.setdefault(record, len(records)))
    print(f"inline constexpr CaseRecord kCases[{len(records)}] = {{")
    for record in records:
        print("    {" + ", ".join(str(value) for value in record) + "},")
    print("};")
    emit_two_stages("Case", entries)
    print(f"inline constexpr SpecialCase kSpecialCases[{len(special)}] = {{")
    for point, full in special:
        forms = ", ".join("{" + ", ".join(hex(code) for code in codes) + "}" for codes in full)
        print(f"    {{{point:#x}, {forms}}},")
    print("};")


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/unicode"
    data = UnicodeData(folder)
    print("// Generated by tools/unicode/generate.py; do not edit. Unicode " + version_of(folder) + ".")
    print("// clang-format off")
    print(f'inline constexpr char kUnicodeVersion[] = "{version_of(folder)}";')
    print(f"inline constexpr uint32_t kBlockBits = {BLOCK_BITS};")
    emit_two_stages("Properties", properties(folder, data))
    emit_two_stages("Word", words(folder, data))
    emit_cases(folder, data)
    print("// clang-format on")


if __name__ == "__main__":
    main()
