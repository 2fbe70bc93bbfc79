"""How a block of each language is executed or checked. Each check returns what was done in a few words, raises Failed, or
raises Skipped where what it needs is not installed."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys

from blocks import console_steps, same_output

SECONDS_MAX = 60  # until a block is said to hang


class Failed(Exception):
    """What the block did, in words."""


class Skipped(Exception):
    """Why it could not be executed."""


class Place:
    """Where the blocks of one page are executed: a folder, an environment, the model in the box under the names of examples."""

    # What examples call a model or a text of the reader's.
    STAND_INS = ("model.gguf", "model-q4.gguf", "path/to/model.gguf", "models/small.gguf", "models/large.gguf")

    def __init__(self, folder, source, binary):
        self.folder, self.source = folder, source
        self.state = os.path.join(folder, ".state")
        bin_folder = os.path.join(self.state, "bin")
        os.makedirs(bin_folder)
        shutil.copy(os.path.join(source, "tests", "docs", "in_background.sh"), os.path.join(bin_folder, "gantry"))
        for name in self.STAND_INS:
            os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
            shutil.copy(os.path.join(source, "models", "gantry-box.gguf"), os.path.join(folder, name))
        with open(os.path.join(folder, "text.txt"), "w", encoding="utf-8") as stream:
            stream.write("How do I load a model? Give the path of a GGUF file to a command.\n" * 64)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("GANTRY_")}
        self.environment = {**kept, "PATH": bin_folder + os.pathsep + kept["PATH"], "GANTRY_BIN": binary,
                            "STATE": self.state, "HOME": folder, "TMPDIR": folder, "LC_ALL": "C.UTF-8", "TERM": "dumb"}
        self.keep(".curlrc", "fail-with-body\n")  # an error of the server is one of the example
        self.run(["gantry", "quantize", "model.gguf", "model-f16.gguf", "F16", "--requantize"])
        self.modules = os.path.join(source, "tests", "clients", "node_modules")
        if os.path.isdir(self.modules):
            os.symlink(self.modules, os.path.join(folder, "node_modules"))

    def path(self, name):
        return os.path.join(self.folder, name)

    def keep(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
        return name

    def run(self, command, **options):
        """What it printed on both outputs. Another exit status than 0 is Failed."""
        try:
            done = subprocess.run(command, cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, check=False,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS_MAX, **options)
        except subprocess.TimeoutExpired as late:
            raise Failed(f"not done after {SECONDS_MAX} s: {(late.output or b'').decode(errors='replace')[-2000:]}") from None
        output = done.stdout.decode(errors="replace")
        if done.returncode != 0:
            raise Failed(f"exit status {done.returncode}: {output[-2000:]}")
        return output


def needs(tool):
    """Administrators' programs are looked for where they lie, too."""
    found = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin:/usr/local/sbin")
    if not found:
        raise Skipped(f"{tool} is not installed")
    return found


def check_sh(block, place):
    needs("curl")
    place.run(["bash", "-e", "-u", "-o", "pipefail", "-c", block.text])
    return "executed"


def check_console(block, place):
    needs("curl")
    for command, expected in console_steps(block.text):
        # What it should print says whether it should fail.
        output = place.run(["bash", "-u", "-o", "pipefail", "-c", f"{{ {command}\n}} || true"])
        if not same_output(expected, output):
            raise Failed(f"$ {command}\nprints\n{output}\nand not\n{expected}")
    return "executed, output compared"


def check_js(block, place):
    needs("node")
    if not os.path.isdir(place.modules):
        raise Skipped("the openai client is not installed: run 'npm ci' in tests/clients")
    if not place.run(["node", place.keep(block.file or "example.mjs", block.text)]).strip():
        raise Failed("it prints nothing")
    return "executed"


def check_python(block, place):
    try:
        tree = ast.parse(block.text)
    except SyntaxError as error:
        raise Failed(str(error)) from None
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    foreign = sorted({name.split(".")[0] for name in names} - sys.stdlib_module_names)
    if foreign:
        raise Skipped(f"Python with {', '.join(foreign)}: the syntax alone is checked")
    if not place.run([sys.executable, place.keep(block.file or "example.py", block.text)]).strip():
        raise Failed("it prints nothing")
    return "executed"


def check_toml(block, place):
    place.run(["gantry", "serve", "--config", place.keep(block.file or "gantry.toml", block.text), "--show-settings"])
    return "read by gantry serve --show-settings"


def check_json(block, place):
    if block.file:
        place.keep(block.file, block.text)
    try:
        json.loads(block.text)
    except ValueError as error:
        raise Failed(str(error)) from None
    return "parsed"


def certificate(place, name):
    """A certificate with its key, in the place of the reader's."""
    openssl = needs("openssl")
    key, both = place.path(name + ".key"), place.path(name + ".pem")
    place.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=box.example",
               "-keyout", key, "-out", place.path(name + ".crt")])
    with open(both, "w", encoding="utf-8") as stream:
        for part in (place.path(name + ".crt"), key):
            with open(part, encoding="utf-8") as half:
                stream.write(half.read())


def check_nginx(block, place):
    nginx = needs("nginx")
    certificate(place, "box.example")
    place.keep("site.conf", block.text.replace("/etc/nginx/", place.folder + "/"))
    scratch = "".join(f"{kind}_temp_path {place.folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    place.keep("nginx.conf", f"user root;\npid {place.folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
                             f"http {{\naccess_log off;\n{scratch}include {place.folder}/site.conf;\n}}\n")
    place.run([nginx, "-t", "-q", "-p", place.folder, "-c", place.path("nginx.conf")])
    return "checked by nginx -t"


def check_caddy(block, place):
    caddy = needs("caddy")
    place.run([caddy, "validate", "--adapter", "caddyfile", "--config", place.keep("Caddyfile", block.text)])
    return "checked by caddy validate"


def check_haproxy(block, place):
    haproxy = needs("haproxy")
    certificate(place, "box.example")
    text = block.text.replace("/etc/haproxy/", place.folder + "/")
    place.run([haproxy, "-c", "-q", "-f", place.keep("haproxy.cfg", text)])
    return "checked by haproxy -c"


def check_systemd(block, place):
    """An addition to the unit that the package installs."""
    analyze = needs("systemd-analyze")
    with open(os.path.join(place.source, "packaging", "gantry.service"), encoding="utf-8") as stream:
        unit = re.sub(r"/usr/bin/gantry", place.environment["GANTRY_BIN"], stream.read())
    place.keep("units/gantry.service", unit)
    place.keep("units/gantry.service.d/override.conf", block.text.replace("/usr/bin/gantry", place.environment["GANTRY_BIN"]))
    output = place.run([analyze, "verify", "--man=no", place.path("units/gantry.service")])
    ours = [line for line in output.splitlines() if "gantry" in line]
    if ours:
        raise Failed("\n".join(ours))
    return "checked by systemd-analyze verify"


CHECKS = {"sh": check_sh, "console": check_console, "js": check_js, "python": check_python, "toml": check_toml,
          "json": check_json, "nginx": check_nginx, "caddy": check_caddy, "haproxy": check_haproxy, "systemd": check_systemd}
