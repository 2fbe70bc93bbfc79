"""What the checks let pass, by name, and why. Everything else obeys."""

# Files that a program wrote: no limit on size, no formatting.
GENERATED = {
    "LICENSE": "the licence's own words",
    "src/text/unicode_tables.inc": "tools/unicode writes it from the Unicode database",
}

# Functions longer than the limit: "path:function" -> why it is one piece.
LONG_FUNCTIONS = {}
