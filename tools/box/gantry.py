"""The program `gantry` as the scripts use it: a server for one model file, answers, logits."""

import json
import re
import subprocess
import tempfile
import time
import urllib.request

import numpy as np


class Served:
    """`gantry serve` on a port of the system's choice, for the time of a with block. Answers are greedy."""

    def __init__(self, program, model):
        self.command = [program, "serve", model, "--port", "0"]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if match := re.search(r"listening on (http://\S+)", line):
                self.url = match[1].removesuffix("/v1").rstrip("/")
                return self
        raise RuntimeError(f"{' '.join(self.command)} ended with {self.process.wait()}")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.read()  # its last words, so that it can say them
        self.process.wait()
        self.process.stdout.close()

    def answer(self, messages, tokens_max=200, first_only=False):
        """The text of the answer; `first_only`: the seconds until its first piece instead."""
        body = {"messages": messages, "temperature": 0, "max_tokens": tokens_max, "stream": first_only}
        request = urllib.request.Request(f"{self.url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as reply:
            if not first_only:
                return json.load(reply)["choices"][0]["message"]["content"]
            for line in reply:
                if line.startswith(b"data: {") and json.loads(line[6:])["choices"][0].get("delta", {}).get("content"):
                    return
        raise RuntimeError("the stream held no text")


def cold_first_token_seconds(program, model, rounds=5):
    """From starting the process until the first text of an answer over HTTP; the median."""
    seconds = []
    for _ in range(rounds):
        start = time.monotonic()
        with Served(program, model) as served:
            served.answer([{"role": "user", "content": "Hello"}], first_only=True)
            seconds.append(time.monotonic() - start)
    return sorted(seconds)[rounds // 2]


def logits(program, model, ids, vocabulary):
    """[tokens, vocabulary] as the file itself computes them."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as tokens, tempfile.NamedTemporaryFile(suffix=".f32") as out:
        tokens.write(" ".join(map(str, ids)))
        tokens.flush()
        subprocess.run([program, "debug", "logits", model, "--tokens", tokens.name, "--out", out.name], check=True, stdout=subprocess.DEVNULL)
        return np.fromfile(out.name, np.float32).reshape(len(ids), vocabulary)
