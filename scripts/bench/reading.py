"""Time and memory of reading a large log, as CSV and as Parquet.

    python scripts/bench/reading.py [--rows 20000000] [--folder DIR]

Every file is read in a process of its own; one JSON object is printed. The log has the sizes of MovieLens 20M
(138,493 users, 26,744 items), in random order, with ratings and times. On a busy machine look at "cpu_seconds":
they are of all threads together and include the start of Python.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

USERS, ITEMS, BLOCK = 138_493, 26_744, 2_000_000

READ = """
import json, resource, sys, time
started = time.perf_counter()
import recae
log = recae.read(sys.argv[1])
facts = {
    "seconds": round(time.perf_counter() - started, 2),
    "cpu_seconds": round(time.process_time(), 2),
    "peak_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
    "users": log.n_users, "items": log.n_items, "interactions": log.nnz, **log.counts,
}
print(json.dumps(facts))
"""


def blocks(rows: int, text_ids: bool) -> Any:
    rng = np.random.default_rng(7)
    for start in range(0, rows, BLOCK):
        n = min(BLOCK, rows - start)
        users = rng.integers(1, USERS + 1, n)
        items = (rng.pareto(1.0, n) * 500).astype(np.int64) % ITEMS + 1
        yield pa.table(
            {
                "userId": pa.array([f"u{user:09d}" for user in users]) if text_ids else pa.array(users),
                "movieId": pa.array([f"i{item:09d}" for item in items]) if text_ids else pa.array(items),
                "rating": rng.integers(1, 11, n) / 2,
                "timestamp": rng.integers(789_652_004, 1_427_784_002, n),
            }
        )


def generate(folder: Path, rows: int) -> dict[str, Path]:
    paths = {name: folder / file for name, file in FILES.items()}
    for text_ids, kinds in ((False, ("csv", "parquet")), (True, ("csv with text ids", "parquet with text ids"))):
        first = next(iter(blocks(1, text_ids)))
        with (
            pa_csv.CSVWriter(paths[kinds[0]], first.schema) as text,
            pq.ParquetWriter(paths[kinds[1]], first.schema, compression="zstd") as parquet,
        ):
            for block in blocks(rows, text_ids):
                text.write_table(block)
                parquet.write_table(block)
    return paths


FILES = {
    "csv": "log.csv",
    "parquet": "log.parquet",
    "csv with text ids": "text.csv",
    "parquet with text ids": "text.parquet",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--folder", type=Path, help="where to write the files for the time of the run")
    options = parser.parse_args()
    report: dict[str, Any] = {"rows": options.rows, "cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name, path in generate(Path(folder), options.rows).items():
            done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
            report[name] = {"file_mb": round(path.stat().st_size / 1e6), **json.loads(done.stdout)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
