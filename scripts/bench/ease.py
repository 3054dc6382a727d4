"""Time, peak memory and quality of EASE on a log with many items, beside the time of its parts.

    python scripts/bench/ease.py ../shared/data/gowalla --l2 80      # 40,981 items: 6.7 GB of weights
    python scripts/bench/ease.py ../shared/data/ml-1m --l2 500

The folder holds train.parquet and test.parquet, and perhaps valid.parquet; the history at test time is all that is
not test. JSON out; rates count the n^3 floating-point operations that inverting n rows in place takes, and "least
seconds" is what they would take at the rate of large matrix products (measured just before and after the fit).
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from recae.data.ready_made import read_ready_made
from recae.evaluation.evaluate import evaluate
from recae.models.linear.inverse import memory_needed, steps_of
from recae.models.linear.product import times_transposed
from recae.models.registry import create
from recae.options import RunOptions


class Stopwatch:
    """Hears when the inversion begins and ends."""

    def __init__(self) -> None:
        self.seconds = 0.0

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "") -> Iterator[Stopwatch]:
        started = time.perf_counter()
        yield self
        self.seconds = time.perf_counter() - started

    def advance(self, amount: int = 1, note: str = "") -> None:
        pass

    def say(self, message: str) -> None:
        pass


def product_rate(size: int = 4096) -> float:
    """GFLOP/s of large float32 products, by the quicker of the two libraries that PyTorch brings."""
    left, right = torch.rand(2, size, size)
    found = 0.0
    for product in (times_transposed, lambda a, b: a @ b.T):
        for _ in range(3):
            started = time.perf_counter()
            product(left, right)
            found = max(found, 2 * size**3 / (time.perf_counter() - started) / 1e9)
    return found


def peak() -> float:
    """GB that the process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--l2", type=float, default=500.0)
    arguments = parser.parse_args()
    valid = arguments.folder / "valid.parquet"
    split = read_ready_made(
        arguments.folder / "train.parquet", valid if valid.exists() else None, arguments.folder / "test.parquet"
    )
    if split.test is None:
        raise SystemExit("The folder needs test.parquet.")
    before, rate = peak(), product_rate()
    watch, started, worked = Stopwatch(), time.perf_counter(), time.process_time()
    model = create("ease", l2=arguments.l2).fit(split.train, options=RunOptions(progress=watch))
    seconds, worked, after = time.perf_counter() - started, time.process_time() - worked, peak()
    rate = max(rate, product_rate())
    binary, penalty = split.train.binary(), np.full(split.train.n_items, arguments.l2)
    n_items, inverted = split.train.n_items, steps_of(binary, penalty)
    judged = evaluate(model, split.test, ["ndcg@10", "recall@20", "ndcg@20"])
    result = {
        "items": n_items,
        "l2": arguments.l2,
        "fit seconds": seconds,
        "processor seconds of the fit": worked,
        "inversion seconds": watch.seconds,
        "rows inverted": inverted,
        "GFLOP/s": inverted**3 / watch.seconds / 1e9,
        "product GFLOP/s": rate,
        "least seconds": inverted**3 / rate / 1e9,
        "threads": torch.get_num_threads(),
        "weights GB": 4 * n_items**2 / 1e9,
        "estimated GB": memory_needed(binary, penalty) / 1e9,
        "peak GB before the fit": before,
        "peak GB of the fit": after,
        "peak GB": peak(),
        "evaluate seconds": judged.seconds,
        **judged.means(),
    }
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
