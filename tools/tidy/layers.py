"""Who may include whom. The one table of rooms is the gantry_room(...) lines of src/CMakeLists.txt: a room may
include itself and what it can reach along those edges."""

import re

from tree import Finding

ROOMS_FILE = "src/CMakeLists.txt"
# A backend is another build's shared library one day: it sees the interface, not the house.
BACKEND_SEES = {"base", "os", "quant", "device"}
# Where the program and the backends meet.
BACKENDS_SEEN_BY = {"src/cli/main.cc"}
# Headers that cost seconds for each file that includes them: prefix -> how many files may.
HEAVY = {"CLI/": 1, "boost/beast": 2, "histedit.h": 1}

_ROOM = re.compile(r"^[ \t]*gantry_room\(([^)]*)\)", re.M)


class Rooms:
    def __init__(self, edges):
        self.edges = edges  # room -> rooms it names, in the file's order
        self.reach = {}  # room -> every room it may include, itself too
        self.floor = {}
        for room, below in edges.items():
            self.reach[room] = {room}.union(*(self.reach.get(name, set()) for name in below))
            self.floor[room] = 1 + max((self.floor.get(name, 0) for name in below), default=-1)

    @classmethod
    def parse(cls, text):
        text = re.sub(r"#[^\n]*", "", text)
        rows = [match[1].split() for match in _ROOM.finditer(text)]
        return cls({row[0]: row[1:] for row in rows if row})


def room_of(path):
    """'kv' for src/kv/..., 'backends/cpu' for backends/cpu/..., otherwise the first folder."""
    parts = path.split("/")
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    if parts[0] == "backends" and len(parts) > 2:
        return "/".join(parts[:2])
    return parts[0]


def check_table(tree, rooms):
    seen = set()
    for room, below in rooms.edges.items():
        for name in below:
            if name not in seen:
                yield Finding(ROOMS_FILE, 1, "layers", f"'{room}' names '{name}', which stands on no floor below it")
        seen.add(room)
    folders = {path.split("/")[1] for path in tree.files if path.startswith("src/") and path.count("/") > 1}
    for room in sorted(folders - seen):
        yield Finding(f"src/{room}", 1, "layers", "a folder that is no room: add its gantry_room line")


def _forbidden(file, target, rooms):
    """Why `file` may not include `target`; None when it may."""
    here, there = room_of(file.path), room_of(target)
    if here == there:
        return None
    if file.path.startswith("backends/"):
        if target.startswith("tests/") and file.is_test:
            return None
        return None if there in BACKEND_SEES else f"a backend sees only {', '.join(sorted(BACKEND_SEES))}"
    if not file.path.startswith("src/"):
        return None  # tests, tools, fuzz and bench stand above the house
    if target.startswith("backends/"):
        return None if file.path in BACKENDS_SEEN_BY else "only the program's main may name a backend"
    if target.startswith("tests/"):
        return None if file.is_test else "only tests may include tests/"
    if there in rooms.reach.get(here, set()):
        return None
    if there not in rooms.floor:
        return f"'{there}' is no room"
    if rooms.floor[there] >= rooms.floor.get(here, 0):
        return f"'{here}' (floor {rooms.floor.get(here, 0)}) looks up to '{there}' (floor {rooms.floor[there]})"
    return f"'{here}' does not name '{there}' in {ROOMS_FILE}"


def check_includes(tree, rooms):
    for file in tree.cpp():
        for include in file.includes:
            if include.system:
                continue
            target = tree.resolve(include)
            if target is None:
                yield Finding(file.path, include.line, "layers",
                              f'"{include.target}" is no file under src/ or the root (includes are root-relative)')
                continue
            why = _forbidden(file, target, rooms)
            if why:
                yield Finding(file.path, include.line, "layers", f'"{include.target}": {why}')


def check_cycles(tree, _rooms):
    edges = {file.path: [t for t in map(tree.resolve, (i for i in file.includes if not i.system)) if t]
             for file in tree.cpp()}
    done, trail, on_trail = set(), [], set()

    def walk(path):
        trail.append(path)
        on_trail.add(path)
        for target in edges.get(path, []):
            if target in on_trail:
                circle = trail[trail.index(target):] + [target]
                yield Finding(path, 1, "cycles", " -> ".join(circle))
            elif target not in done:
                yield from walk(target)
        done.add(path)
        on_trail.discard(trail.pop())

    for path in sorted(edges):
        if path not in done:
            yield from walk(path)


def check_heavy(tree, _rooms):
    for prefix, limit in HEAVY.items():
        users = [(file.path, include.line) for file in tree.cpp() for include in file.includes
                 if include.system and include.target.startswith(prefix)]
        files = sorted({path for path, _ in users})
        for path, line in sorted(users):
            if path in files[limit:] or (path.endswith(".h") and limit == 1):
                yield Finding(path, line, "heavy", f"<{prefix}...> belongs into {limit} source file(s), no header: "
                              f"{', '.join(files)}")


CHECKS = (check_table, check_includes, check_cycles, check_heavy)
