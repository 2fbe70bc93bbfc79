"""As much C++ as the checks need: where comments and literals are, where functions begin and end."""

import re
from dataclasses import dataclass

_LITERAL = re.compile(
    r'(?P<comment>//(?:[^\n\\]|\\.)*|/\*.*?\*/)'
    r'|(?P<raw>\bu?8?[uUL]?R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)")'
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")'
    r"|(?P<char>(?<![0-9a-zA-Z_])(?:u8|[uUL])?'(?:[^'\\\n]|\\.)*')", re.S)
_NOT_NEWLINE = re.compile(r"[^\n]")
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\.)*", re.M | re.S)


def _blank(text):
    return _NOT_NEWLINE.sub(" ", text)


def blank_comments(text):
    """Comments become spaces; strings stay (and hide what looks like a comment inside them)."""
    return _LITERAL.sub(lambda m: _blank(m[0]) if m["comment"] else m[0], text)


def blank_literals(text):
    """Comments, strings and characters become spaces."""
    return _LITERAL.sub(lambda m: _blank(m[0]), text)


@dataclass(frozen=True)
class Function:
    name: str
    line: int  # of its first word
    lines: int


_LABEL = re.compile(r"^\s*(?:public|private|protected)\s*:(?!:)")
_ATTRIBUTE = re.compile(r"\[\[.*?\]\]|alignas\s*\([^()]*\)|__attribute__\s*\(\(.*?\)\)", re.S)
_SCOPE = re.compile(r"^(?:export\s+|inline\s+)*(?:namespace|class|struct|union|enum|extern)\b")
_CONSTRUCTOR_LIST = re.compile(r"\)\s*(?:noexcept\s*(?:\([^()]*\))?\s*)?:(?!:)")
_OPERATOR = re.compile(r"operator\s*(?:\(\s*\)|[^\s\w(]+)")
_ASSIGNS = re.compile(r"(?<![=!<>])=(?!=)")
_NAME = re.compile(r"([~\w:]+)\s*$")


def _without_templates(header):
    """The header behind its leading template<...> clauses."""
    header = header.strip()
    while header.startswith("template"):
        depth, parentheses, end = 0, 0, None
        for at, char in enumerate(header):
            parentheses += {"(": 1, ")": -1}.get(char, 0)
            if parentheses:
                continue
            if char == "<":
                depth += 1
            elif char == ">" and header[at - 1] != "-":
                depth -= 1
                if depth == 0:
                    end = at + 1
                    break
        if end is None:
            return header
        header = header[end:].lstrip()
    return header


def _outside_parentheses(text):
    kept, depth = [], 0
    for char in text:
        if char == ")":
            depth -= 1
        if depth == 0:
            kept.append(char)
        if char == "(":
            depth += 1
    return "".join(kept)


def _kind_of_brace(header, depth_of_parentheses):
    """What a `{` opens at namespace or class level: 'scope', 'function' or 'value'."""
    if depth_of_parentheses:
        return "value"
    header = _ATTRIBUTE.sub(" ", _without_templates(_LABEL.sub("", header))).strip()
    if not header or (_SCOPE.match(header) and "(" not in header):
        return "scope"
    bare = _OPERATOR.sub("operator_", header)
    if "(" not in bare:
        return "value"
    if _ASSIGNS.search(_outside_parentheses(bare)):
        return "function" if re.search(r"\]\s*\([^()]*\)[^=]*$", bare) else "value"
    if _CONSTRUCTOR_LIST.search(bare) and re.search(r"[\w>]$", bare):
        return "value"  # member_{...} in a constructor's list
    return "function"


def _name_of(header):
    header = _OPERATOR.sub("operator_", _without_templates(_LABEL.sub("", header)))
    match = _NAME.search(header.split("(", 1)[0])
    return match[1] if match else "?"


def functions(code):
    """All functions at namespace and class level of code without comments and literals."""
    code = _DIRECTIVE.sub(lambda m: _blank(m[0]), code)
    found = []
    stack = []  # (kind, offset where its header began, depth of parentheses around it)
    header_at, parentheses = 0, 0
    for match in re.finditer(r"[{}();]", code):
        char, at = match[0], match.start()
        at_scope = not stack or stack[-1][0] == "scope"
        if char == "{":
            if not at_scope:
                stack.append(("block", at, parentheses))
                continue
            kind = _kind_of_brace(code[header_at:at], parentheses)
            stack.append((kind, header_at, parentheses))
            if kind == "scope":
                header_at, parentheses = at + 1, 0
        elif char == "}":
            if not stack:
                continue
            kind, began, parentheses = stack.pop()
            if kind == "function":
                header = code[began:at].split("{", 1)[0]
                label = _LABEL.match(header)
                start = began + (label.end() if label else 0)
                start += len(code[start:at]) - len(code[start:at].lstrip())
                first, last = code.count("\n", 0, start), code.count("\n", 0, at)
                found.append(Function(_name_of(header), first + 1, last - first + 1))
            if kind in ("function", "scope"):
                header_at = at + 1
        elif at_scope:
            if char == ";" and not parentheses:
                header_at = at + 1
            parentheses += {"(": 1, ")": -1, ";": 0}[char]
    return found
