#!/usr/bin/env python3
"""Clients that mean harm, against a server of its own on the loopback, and what a bystander feels of each.

    hostile.py GANTRY [--only NAME,...] [--slice]     --slice: shorter, for CI

For each attack: how long a small request of the bystander takes alone and meanwhile (median and worst, milliseconds), the memory of
the process at its most and afterwards, its descriptors before and after. What must hold is asked at the end: the process lives, the
bystander was always answered, memory stayed within what was idle plus `request_memory`, descriptors came back. With the whole suite the
worst of the bystander's medians is also held against three times its own; a slice on a busy machine only prints it."""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import threading
import time

DEADLINE = 120  # seconds until a hang is called one
REQUEST_MEMORY = 128 << 20
SLACK = 64 << 20  # threads' stacks, the allocator's own, buffers of sockets
FLOOR = 0.05  # seconds: a median below this is fine whatever it was alone
SMALL = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4, "temperature": 0})


class Server:
    def __init__(self, program):
        self.process = subprocess.Popen(
            [program, "serve", "--port", "0", "--request-memory", str(REQUEST_MEMORY), "--context", "1024"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={key: value for key, value in os.environ.items() if not key.startswith("GANTRY_")})
        line = self.process.stdout.readline().decode()
        if "listening on" not in line:
            raise SystemExit(f"the server did not start: {line!r}")
        self.port = int(line.rsplit(":", 1)[1])
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.peak = 0
        self.watching = True
        threading.Thread(target=self.watch, daemon=True).start()

    def resident(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def watch(self):
        while self.watching and self.process.poll() is None:
            self.peak = max(self.peak, self.resident())
            time.sleep(0.01)

    def connect(self, timeout=DEADLINE):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def end(self):
        self.watching = False
        self.process.terminate()
        return self.process.wait(DEADLINE)


def post(path, body):
    body = body if isinstance(body, bytes) else body.encode()
    return (f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def small_request(server):
    start = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    client.request("POST", "/v1/chat/completions", SMALL)
    answer = client.getresponse()
    body = answer.read()
    client.close()
    return answer.status, time.monotonic() - start, body


class Bystander(threading.Thread):
    """Asks for little, again and again."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server, self.seconds, self.wrong, self.going = server, [], [], True

    def run(self):
        while self.going:
            try:
                status, seconds, body = small_request(self.server)
                self.seconds.append(seconds)
                if status != 200:
                    self.wrong.append(f"{status} {body[:200]}")
            except OSError as error:
                self.wrong.append(repr(error))
            time.sleep(0.02)


def send_quietly(client, data):
    try:
        client.sendall(data)
    except OSError:
        pass


def together(count, work):
    threads = [threading.Thread(target=work, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)


def drain(client):
    try:
        while client.recv(1 << 16):
            pass
    except OSError:
        pass


def messages(count):
    talk = [{"role": "user" if i % 2 == 0 else "assistant", "content": "x"} for i in range(count)]
    return json.dumps({"messages": talk, "max_tokens": 1})


# ---- the attacks: each takes the server and a factor of its size


def large_trees(server, size):
    """bodies of many small messages, four at once"""
    body = post("/v1/chat/completions", messages(int(300_000 * size)))

    def one(_):
        with server.connect() as client:
            send_quietly(client, body)
            client.settimeout(DEADLINE)
            send_quietly(client, b"")
            try:
                client.recv(1 << 16)
            except OSError:
                pass
    together(4, one)


def sent_and_gone(server, size):
    """large bodies whose senders leave at once"""
    body = post("/v1/chat/completions", messages(int(200_000 * size)))
    for _ in range(6):
        client = server.connect()
        send_quietly(client, body)
        client.close()
    time.sleep(1)


def unread_replies(server, size):
    """long texts to /tokenize with pieces, whose answers nobody reads"""
    body = post("/tokenize", json.dumps({"content": "a b " * int(1_000_000 * size), "with_pieces": True}))
    clients = [server.connect() for _ in range(8)]
    threads = [threading.Thread(target=send_quietly, args=(client, body), daemon=True) for client in clients]
    for thread in threads:
        thread.start()
    time.sleep(6 * size + 1)
    for client in clients:
        client.close()


def announced_and_silent(server, size):
    """connections that announce 16 MiB and send next to nothing"""
    clients = [server.connect() for _ in range(int(64 * size) + 8)]
    for client in clients:
        send_quietly(client, b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 16777216\r\n\r\n{")
    for _ in range(int(20 * size) + 3):
        for client in clients:
            send_quietly(client, b" " * 100)
        time.sleep(0.1)
    for client in clients:
        client.close()


def many_answers(server, size):
    """one request of as many answers as there may be"""
    body = post("/v1/completions", json.dumps({"prompt": "once", "n": 128, "max_tokens": int(64 * size), "logprobs": 5}))
    with server.connect() as client:
        send_quietly(client, body)
        time.sleep(8 * size)


def pipelined_and_gone(server, size):
    """clients that leave behind much that was never read"""
    long = post("/v1/completions", json.dumps({"prompt": "once", "max_tokens": 900, "stream": True}))
    more = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n" * 6000
    for _ in range(int(6 * size) + 2):
        client = server.connect()
        client.setblocking(False)
        try:
            client.send(long)
            client.send(more)
        except OSError:
            pass
        time.sleep(0.2)
        client.close()


def slow_readers(server, size):
    """streams whose clients do not read"""
    body = post("/v1/completions", json.dumps({"prompt": "once", "max_tokens": 900, "stream": True, "logprobs": 5}))
    clients = [server.connect() for _ in range(int(16 * size) + 4)]
    for client in clients:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        send_quietly(client, body)
    time.sleep(8 * size + 1)
    for client in clients:
        client.close()


def cancels(server, size):
    """clients that ask and leave, one after the other"""
    body = post("/v1/completions", json.dumps({"prompt": "once upon a time", "max_tokens": 500, "stream": True}))
    for number in range(int(400 * size)):
        client = server.connect()
        send_quietly(client, body)
        if number % 3 == 0:
            client.recv(200)
        client.close()


ATTACKS = [large_trees, sent_and_gone, unread_replies, announced_and_silent, many_answers, pipelined_and_gone,
           slow_readers, cancels]


def judged(server, attack, size, alone, hold_time):
    """Prints one line; gives what was wrong."""
    idle, descriptors = server.resident(), server.descriptors()
    server.peak = idle
    bystander = Bystander(server)
    bystander.start()
    attack(server, size)
    bystander.going = False
    bystander.join(DEADLINE)
    wrong = list(bystander.wrong[:3])
    if bystander.is_alive() or not bystander.seconds:
        wrong.append("the bystander was not answered")
    if server.process.poll() is not None:
        return [f"the server ended with {server.process.returncode}"]
    until = time.monotonic() + DEADLINE
    while server.descriptors() > descriptors and time.monotonic() < until:
        time.sleep(0.1)
    median = statistics.median(bystander.seconds) if bystander.seconds else float("nan")
    worst = max(bystander.seconds, default=float("nan"))
    peak, after = server.peak, server.resident()
    print(f"{attack.__name__:22} alone {alone * 1e3:6.0f} ms, meanwhile {median * 1e3:6.0f} (worst {worst * 1e3:6.0f}); "
          f"memory {idle >> 20} MiB, at most {peak >> 20}, after {after >> 20}; "
          f"descriptors {descriptors}, after {server.descriptors()}   {attack.__doc__}", flush=True)
    if peak > idle + REQUEST_MEMORY + SLACK:
        wrong.append(f"memory rose by {(peak - idle) >> 20} MiB, {(REQUEST_MEMORY + SLACK) >> 20} are planned")
    if server.descriptors() > descriptors:
        wrong.append("descriptors did not come back")
    if hold_time and median > max(3 * alone, FLOOR):
        wrong.append(f"the bystander waited {median / alone:.1f} times as long as alone")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--only", default="")
    parser.add_argument("--slice", action="store_true")
    arguments = parser.parse_args()
    chosen = [attack for attack in ATTACKS if not arguments.only or attack.__name__ in arguments.only.split(",")]
    server = Server(arguments.program)
    small_request(server)
    alone = statistics.median(small_request(server)[1] for _ in range(15))
    failed = False
    for attack in chosen:
        wrong = judged(server, attack, 0.2 if arguments.slice else 1.0, alone, not arguments.slice)
        for words in wrong:
            print(f"    WRONG: {words}", flush=True)
        failed |= bool(wrong)
        if server.process.poll() is not None:
            server = Server(arguments.program)
    status = server.end()
    if status != 0:
        print(f"    WRONG: the server ended with {status}")
        failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
