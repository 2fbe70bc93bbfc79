"""A terminal with a screen: tmux, as a person would have it."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time

from program import DEADLINE, Program, environment


def available():
    return shutil.which("tmux") is not None


class Screen:
    """The program in a tmux of its own, which nobody else's settings reach."""

    def __init__(self, *arguments, columns=60, rows=20, shell="", **extra):
        self.folder = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.folder.name, "tmux")
        self.state = os.path.join(self.folder.name, "state")
        variables = {**environment(XDG_STATE_HOME=self.state, **extra)}
        variables.pop("TERM")
        self.variables = variables
        command = shell or " ".join(map(shlex.quote, [Program.binary, *arguments]))
        # What ends must be read: the shell stays for a moment, with the exit status.
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(columns), "-y", str(rows),
                  f"{command}; echo \"ended with $?\"; exec sleep 1000")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.tmux("kill-server", check=False)
        self.folder.cleanup()

    def tmux(self, *words, check=True):
        return subprocess.run(["tmux", "-S", self.socket, *words], check=check, capture_output=True, timeout=DEADLINE, text=True,
                              env=self.variables).stdout

    def keys(self, *keys):
        """As tmux names them: "C-a", "M-b", "PPage", "Enter"."""
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def paste(self, text):
        self.tmux("set-buffer", "--", text)
        self.tmux("paste-buffer", "-p")

    def resize(self, columns, rows=20):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def signal(self, which):
        """To the program, which the pane's shell has started."""
        shell = self.tmux("display-message", "-p", "#{pane_pid}").strip()
        with open(f"/proc/{shell}/task/{shell}/children", encoding="ascii") as stream:
            os.kill(int(stream.read().split()[0]), which)

    def lines(self):
        """Those of the screen and of what went over its upper edge, without spaces at their ends."""
        return [line.rstrip() for line in self.tmux("capture-pane", "-p", "-S", "-").rstrip("\n").split("\n")]

    def cursor(self):
        x, y = self.tmux("display-message", "-p", "#{cursor_x} #{cursor_y}").split()
        return int(x), int(y)

    def text(self):
        return "\n".join(self.lines())

    def wait(self, wanted, what=""):
        """Until `wanted` holds of the lines; gives them."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            lines = self.lines()
            if wanted(lines):
                return lines
            time.sleep(0.05)
        raise AssertionError(f"waited for {what or wanted}, saw:\n{self.text()}")

    def wait_for(self, text, count=1):
        return self.wait(lambda lines: "\n".join(lines).count(text) >= count, repr(text))

    def prompt(self, line=""):
        """Until the last line is the prompt, with `line` behind it."""
        return self.wait(lambda lines: [row for row in lines if row][-1:] == [f"> {line}".rstrip()], f"the prompt with {line!r}")
