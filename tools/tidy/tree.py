"""The files of this tree, read once: what git tracks, and what it would track after `git add`."""

import os
import re
import subprocess
from dataclasses import dataclass, field

from cpp import blank_comments, blank_literals

CPP_SUFFIXES = (".cc", ".h", ".inc")
HEADER_SUFFIXES = (".h", ".inc")
SKIPPED_FOLDERS = {".git", "build", "node_modules", "__pycache__"}

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"(?P<own>[^"\n]+)"|<(?P<system>[^>\n]+)>)', re.M)


@dataclass(frozen=True)
class Finding:
    path: str
    line: int
    check: str
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: [{self.check}] {self.text}"


@dataclass(frozen=True)
class Include:
    target: str  # as written
    line: int
    system: bool


@dataclass
class File:
    path: str  # from the root, with /
    text: str
    _cache: dict = field(default_factory=dict)

    def _once(self, key, make):
        if key not in self._cache:
            self._cache[key] = make()
        return self._cache[key]

    @property
    def is_cpp(self):
        return self.path.endswith(CPP_SUFFIXES)

    @property
    def is_header(self):
        return self.path.endswith(HEADER_SUFFIXES)

    @property
    def is_test(self):
        return self.path.endswith("_test.cc") or self.path.startswith("tests/")

    @property
    def lines(self):
        return self._once("lines", self.text.splitlines)

    @property
    def code(self):
        """The text without comments and literals; every character keeps its place."""
        return self._once("code", lambda: blank_literals(self.text))

    @property
    def includes(self):
        return self._once("includes", self._find_includes)

    def _find_includes(self):
        text = blank_comments(self.text)
        found = []
        for match in _INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start()) + 1
            target = match["own"] or match["system"]
            found.append(Include(target, line, match["own"] is None))
        return found


class Tree:
    def __init__(self, root, files):
        self.root = root
        self.files = {file.path: file for file in files}

    @classmethod
    def read(cls, root):
        files = []
        for path in _paths(root):
            try:
                with open(os.path.join(root, path), "rb") as stream:
                    data = stream.read()
            except (FileNotFoundError, IsADirectoryError):
                continue  # removed and not yet committed, or a folder behind a link
            if b"\0" not in data:
                files.append(File(path, data.decode("utf-8", "replace")))
        return cls(root, files)

    def cpp(self):
        return [file for file in self.files.values() if file.is_cpp]

    def named(self, *suffixes):
        return [file for file in self.files.values() if file.path.endswith(suffixes)]

    def resolve(self, include):
        """The path of an own include: root-relative, under src/ or under the root."""
        for path in ("src/" + include.target, include.target):
            if path in self.files:
                return path
        return None


def _paths(root):
    listing = subprocess.run(
        ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True, check=False) if os.path.exists(os.path.join(root, ".git")) else None
    if listing is not None and listing.returncode == 0:
        return sorted(path for path in listing.stdout.decode().split("\0") if path)
    # No git here (an unpacked archive, another owner's clone): everything that is no build product.
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)
