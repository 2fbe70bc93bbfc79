"""Running the program as a shell or a terminal would."""

import os
import pty
import select
import signal
import subprocess
import tempfile
import termios
import threading
import time

DEADLINE = 60  # seconds until a hang is called one


class Program:
    """What the tests were told: which program, which model, where the documents are."""

    binary = ""
    model = ""
    source = ""


STATE = tempfile.TemporaryDirectory()  # where the program keeps its history: not in that of who runs the tests


def environment(**extra):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GANTRY_")}
    return {**kept, "TERM": "xterm", "LC_ALL": "C.UTF-8", "XDG_STATE_HOME": STATE.name, **extra}


def run(*arguments, text=None, binary=None, **extra):
    """Exit status, standard output and standard error as bytes. Nothing on standard input unless `text`."""
    return subprocess.run([binary or Program.binary, *arguments], input=text if text is not None else b"",
                          capture_output=True, timeout=DEADLINE, env=environment(**extra), check=False)


def next_line(process):
    """Of its standard output; empty where it ended, or was silent until the deadline and was killed."""
    silent = threading.Timer(DEADLINE, process.kill)
    silent.start()
    try:
        return process.stdout.readline()
    finally:
        silent.cancel()


class Terminal:
    """The program with a pseudo-terminal as its standard input, output and error."""

    def __init__(self, *arguments):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execve(Program.binary, [Program.binary, *arguments], environment())
        self.seen = b""  # since the last expect()
        self.before = termios.tcgetattr(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.fd)

    def type(self, text):
        os.write(self.fd, text.encode() if isinstance(text, str) else text)

    def expect(self, *wanted):
        """Reads until one of `wanted` has come; gives everything up to its end and which one it was."""
        wanted = [text.encode() if isinstance(text, str) else text for text in wanted]
        until = time.monotonic() + DEADLINE
        while True:
            hits = [(self.seen.index(text) + len(text), index) for index, text in enumerate(wanted)
                    if text in self.seen]
            if hits:
                end, index = min(hits)
                head, self.seen = self.seen[:end], self.seen[end:]
                return head, index
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"waited for {wanted}, saw {self.seen[-2000:]!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:  # the other side is closed
                data = b""
            if not data:
                raise AssertionError(f"it ended; waited for {wanted}, saw {self.seen[-2000:]!r}")
            self.seen += data

    def send(self, which):
        os.kill(self.pid, which)

    def ends(self):
        """The exit status; negative: killed by that signal. What is still written is read."""
        until = time.monotonic() + DEADLINE
        while time.monotonic() < until:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    self.seen += os.read(self.fd, 65536)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
        raise AssertionError(f"it does not end; saw {self.seen[-2000:]!r}")

    def settings(self):
        return termios.tcgetattr(self.fd)
