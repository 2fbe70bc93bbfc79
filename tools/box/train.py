"""train.py DATA_DIR OUT_DIR [--steps N]: trains, writing a checkpoint often; started again, it goes on from there.

The rate is constant until --fall-from and then falls evenly to nothing, so --steps may still change before that. Told to end
(SIGTERM), it writes a checkpoint first.
Matrices are trained with orthogonalised momentum (Muon), everything else with AdamW. Sums in bf16 where the CPU has it.
"""

import argparse
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from model import Llama, Shape

SEED = 1234
TOKENS_PER_STEP = 2048
# Of 16 steps, how many use windows of each width.
WIDTH_CYCLE = (256, 128, 256, 512, 256, 256, 1024, 256, 128, 256, 512, 256, 256, 128, 512, 256)
MUON_RATE, ADAM_RATE, MOMENTUM, DECAY = 0.015, 3e-3, 0.95, 0.01
WARM_STEPS = 30
CHECKPOINT_STEPS, LOG_STEPS, EVAL_STEPS = 50, 10, 250
EVAL_WINDOWS = 64


def orthogonal(g):
    """The nearest orthogonal matrices to a batch [n, rows, columns], by Newton and Schulz's quintic step."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = g.shape[1] > g.shape[2]
    x = g.transpose(1, 2) if tall else g
    x = (x / (x.flatten(1).norm(dim=1)[:, None, None] + 1e-7)).bfloat16()
    for _ in range(5):
        s = x @ x.transpose(1, 2)
        x = a * x + (b * s + c * (s @ s)) @ x
    x = x.float()
    return x.transpose(1, 2) if tall else x


class Muon:
    def __init__(self, parameters):
        self.groups = {}
        for p in parameters:
            self.groups.setdefault(tuple(p.shape), []).append(p)
        self.moments = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}

    def step(self, rate):
        for shape, ps in self.groups.items():
            g, m = torch.stack([p.grad for p in ps]), self.moments[shape]
            m.mul_(MOMENTUM).add_(g, alpha=1 - MOMENTUM)
            turn = orthogonal(g.lerp(m, MOMENTUM)) * max(1, shape[0] / shape[1]) ** 0.5
            for p, t in zip(ps, turn):
                p.mul_(1 - rate * DECAY).sub_(t, alpha=rate)


class Windows:
    """The windows of one width in a fixed order, shuffled anew for every pass."""

    def __init__(self, path, width):
        self.data, self.rows = np.load(path, mmap_mode="r"), TOKENS_PER_STEP // width
        self.width = width

    def batch(self, number):
        count = self.data.shape[1] // self.rows
        order = np.random.default_rng((SEED, self.width, number // count)).permutation(self.data.shape[1])
        rows = np.sort(order[number % count * self.rows:][:self.rows])
        return torch.from_numpy(self.data[:, rows].astype(np.int64))


def losses(model, batch):
    """(sum of weighted losses, sum of weights) of a batch [3, rows, width + 1]."""
    ids, weights, texts = batch
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(ids[:, :-1], texts[:, :-1])
    weight = weights[:, 1:].float() * (texts[:, 1:] == texts[:, :-1]) / 10
    loss = F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten(), reduction="none").view_as(weight)
    return (loss * weight).sum(), weight.sum()


@torch.no_grad()
def held_out_loss(model, data, windows=None):
    """Nats per token of the answers (the tokens of full weight), on questions in words that training never showed."""
    total = count = 0.0
    for at in range(0, windows or data.shape[1], 16):
        batch = torch.from_numpy(data[:, at:at + 16].astype(np.int64))
        batch[1] = (batch[1] == 10) * 10
        loss, weight = losses(model, batch)
        total, count = total + float(loss), count + float(weight)
    return total / count


def others_running():
    """Runnable threads of the machine besides this one."""
    return int(open("/proc/loadavg").read().split()[3].split("/")[0]) - 1


def rate_at(step, steps, fall_from):
    return min((step + 1) / WARM_STEPS, 1.0, (steps - step) / max(1, steps - fall_from))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("data")
    parser.add_argument("out")
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--fall-from", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=2, help="at most; on a busy machine one alone is quicker")
    arguments = parser.parse_args()
    torch.manual_seed(SEED)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    model = Llama(Shape())
    matrices = [p for name, p in model.named_parameters() if p.dim() == 2 and name.startswith("blk.")]
    others = [p for name, p in model.named_parameters() if not (p.dim() == 2 and name.startswith("blk."))]
    muon = Muon(matrices)
    adam = torch.optim.AdamW(others, lr=ADAM_RATE, betas=(0.9, 0.98), weight_decay=0.0)
    windows = {w: Windows(Path(arguments.data) / f"train-{w}.npy", w) for w in set(WIDTH_CYCLE)}
    held_out = np.load(Path(arguments.data) / "held-out.npy")
    checkpoint, step, seconds, cpu = out / "checkpoint.pt", 0, 0.0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint)
        model.load_state_dict(state["model"])
        adam.load_state_dict(state["adam"])
        muon.moments, step, seconds, cpu = state["muon"], state["step"], state["seconds"], state["cpu"]
    log = open(out / "train.jsonl", "a", encoding="utf-8")
    print(f"{model.parameters_count()} parameters; from step {step} to {arguments.steps}", flush=True)
    running, shown_at, shown_step = 0.0, time.monotonic(), step
    told_to_end = []
    signal.signal(signal.SIGTERM, lambda *_: told_to_end.append(1))
    while step < arguments.steps and not told_to_end:
        width = WIDTH_CYCLE[step % len(WIDTH_CYCLE)]
        cycles, rest = divmod(step, len(WIDTH_CYCLE))
        number = cycles * WIDTH_CYCLE.count(width) + WIDTH_CYCLE[:rest].count(width)
        start, cpu_start = time.monotonic(), time.process_time()
        # Two threads that wait for each other on taken cores are slower than one.
        torch.set_num_threads(arguments.threads if others_running() < arguments.threads else 1)
        total, weight = losses(model, windows[width].batch(number))
        (total / weight).backward()
        rate = rate_at(step, arguments.steps, arguments.fall_from)
        with torch.no_grad():
            muon.step(MUON_RATE * rate)
        adam.param_groups[0]["lr"] = ADAM_RATE * rate
        adam.step()
        for p in model.parameters():
            p.grad = None
        seconds, cpu = seconds + time.monotonic() - start, cpu + time.process_time() - cpu_start
        running += float(total / weight)
        step += 1
        if step % LOG_STEPS == 0:
            now = time.monotonic()
            entry = {"step": step, "loss": round(running / (step - shown_step), 4), "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1),
                     "tokens_per_second": round((step - shown_step) * TOKENS_PER_STEP / (now - shown_at))}
            if step % EVAL_STEPS == 0:
                entry["held_out"] = round(held_out_loss(model, held_out, EVAL_WINDOWS), 4)
            print(json.dumps(entry), file=log, flush=True)
            running, shown_at, shown_step = 0.0, time.monotonic(), step
        if step % CHECKPOINT_STEPS == 0 or step == arguments.steps or told_to_end:
            torch.save({"model": model.state_dict(), "adam": adam.state_dict(), "muon": muon.moments, "step": step, "seconds": seconds,
                        "cpu": cpu}, f"{checkpoint}.new")
            os.replace(f"{checkpoint}.new", checkpoint)
    if told_to_end:
        return
    entry = {"step": step, "seconds": round(seconds, 1), "cpu_seconds": round(cpu, 1), "held_out_all": round(held_out_loss(model, held_out), 4)}
    print(json.dumps(entry), file=log, flush=True)
    print(entry)


if __name__ == "__main__":
    main()
