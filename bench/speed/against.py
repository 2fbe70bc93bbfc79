#!/usr/bin/env python3
"""against.py OLD NEW MODEL... [--rounds N] [--inner N] [--batches 1,8,32] [--prompt N] [--tokens N]: two builds of gantry_bench_speed over the same
files, in turns, so that what else the machine does meets both. Prints a table in Markdown: the ratio new / old of tokens per second, the
median of the rounds' own ratios, and the medians of both. Let nothing else run meanwhile."""

import argparse
import json
import os
import statistics
import subprocess


def measure(program, model, batch, arguments):
    command = [program, model, "--prompt", str(arguments.prompt), "--tokens", str(arguments.tokens), "--batch", str(batch), "--rounds", str(arguments.inner)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--inner", type=int, default=1, help="rounds within one process, whose median counts")
    parser.add_argument("--batches", default="1,8,32")
    parser.add_argument("--prompt", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=64)
    arguments = parser.parse_args()
    print("| model | what | new / old | old, tokens/s | new, tokens/s |\n|---|---|---|---|---|")
    for model in arguments.models:
        for batch in [int(b) for b in arguments.batches.split(",")]:
            rounds = [(measure(arguments.old, model, batch, arguments), measure(arguments.new, model, batch, arguments))
                      for _ in range(arguments.rounds)]
            for key in rounds[0][0]:
                if key not in ("prefill", "decode") or (key == "prefill" and batch != 1):
                    continue
                old, new = [r[0][key] for r in rounds], [r[1][key] for r in rounds]
                ratio = statistics.median(n / o for o, n in zip(old, new))
                name = f"{key.split('_')[0]}, {arguments.prompt if key.startswith('prefill') else batch}"
                print(f"| {os.path.basename(model)} | {name} | {ratio:.3f} | {statistics.median(old):.1f} | {statistics.median(new):.1f} |", flush=True)


if __name__ == "__main__":
    main()
