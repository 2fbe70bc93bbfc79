"""What the checks let pass, by name, and why. Everything else obeys."""

# Files that a program wrote: no limit on size, no formatting.
GENERATED = {
    "LICENSE": "the licence's own words",
    "src/text/unicode_tables.inc": "tools/unicode writes it from the Unicode database",
    "src/jinja/entity_tables.inc": "src/jinja/make_tables.py writes it",
}

# Functions longer than the limit: "path:function" -> why it is one piece.
LONG_FUNCTIONS = {}

# Headers that are pieces of one translation unit and need what stands before them there: folder -> why.
HEADER_PIECES = {
    "backends/cpu/kernels/": "set.h names the instruction set before it includes them",
}
