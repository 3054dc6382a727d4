"""Time and memory of reading a large log, as CSV and as Parquet, of preparing it, and of opening prepared data.

    python scripts/bench/reading.py [--rows 20000000] [--prepared 100000000] [--folder DIR]
    python scripts/bench/reading.py --log FILE [--log FILE ...]

Every file is read, prepared and opened in a process of its own; one JSON object is printed. The log has the sizes of
MovieLens 20M (138,493 users, 26,744 items), in random order, with ratings and times; --log takes files that are there
instead. --prepared writes prepared data of so many interactions, 100 for each user, and opens it: the first time from
the disk, then from the file cache. On a busy machine look at "cpu_seconds": they are of all threads together and
include the start of Python.
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
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.prepared import write_log

USERS, ITEMS, BLOCK = 138_493, 26_744, 2_000_000
OPENINGS = 5
"""How often prepared data is opened, each time by a new process."""

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

PREPARE = """
import json, resource, sys, time
from recae.jobs.prepare import prepare_input
started = time.perf_counter()
made = prepare_input(sys.argv[1], sys.argv[2], force=True)
facts = {
    "seconds": round(time.perf_counter() - started, 2),
    "cpu_seconds": round(time.process_time(), 2),
    "peak_rss_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 3),
    "interactions": made.rows,
}
print(json.dumps(facts))
"""

OPEN = """
import json, sys, time
import recae
from recae.data import prepared
import numpy as np
def own_memory():  # what is mapped from files is not the process's own
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon")) * 1024
before, started = own_memory(), time.perf_counter()
log = recae.read(sys.argv[1])
opened = time.perf_counter() - started
grown = own_memory() - before
fingerprint = log.fingerprint()
rows, order = log.binary(), np.random.default_rng(0).permutation(log.n_users)[:100_000]
started = time.perf_counter()
entries = sum(rows[order[at : at + 500]].nnz for at in range(0, len(order), 500))
took = time.perf_counter() - started
facts = {
    "open_seconds": round(opened, 3), "own_memory_mb": round(grown / 1e6, 1),
    "users": log.n_users, "items": log.n_items, "interactions": log.nnz,
    "random_users_per_second": round(len(order) / took), "entries_per_second": round(entries / took),
    "own_memory_after_mb": round((own_memory() - before) / 1e6, 1),
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


def write_prepared(folder: Path, rows: int) -> None:
    """Prepared data of `rows` interactions, 100 for each user, without the log that it would have been made of."""
    users, each, items = rows // 100, 100, 200_000
    rng = np.random.default_rng(7)
    indices = np.empty((users, each), dtype=np.int32)
    for start in range(0, users, 100_000):
        gaps = rng.integers(1, items // each, (min(100_000, users - start), each), dtype=np.int32)
        indices[start : start + len(gaps)] = gaps.cumsum(axis=1, dtype=np.int32) - 1
    indptr = np.arange(users + 1, dtype=np.int32) * each
    values = np.ones(users * each, dtype=np.float32)
    matrix = sparse.csr_array((values, indices.reshape(-1), indptr), shape=(users, items))
    times = rng.integers(10**15, 2 * 10**15, users * each)
    log = Interactions(matrix, IdIndex.range(users), IdIndex.range(items), times, Columns(time="timestamp"))
    folder.mkdir()
    write_log(log, folder)


def measured(script: str, *arguments: Path) -> dict[str, Any]:
    """What a script says of itself, run in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def forget(folder: Path) -> None:
    """Have the first process that opens the files read them from the disk, as far as the system can be asked to."""
    for path in folder.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def size_mb(path: Path) -> int:
    """How large a file is, or the files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return round(sum(file.stat().st_size for file in files) / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20_000_000)
    parser.add_argument("--log", type=Path, action="append", help="a log to read instead of the generated ones")
    parser.add_argument("--prepared", type=int, help="open prepared data of so many interactions, and nothing else")
    parser.add_argument("--folder", type=Path, help="where to write the files for the time of the run")
    options = parser.parse_args()
    report: dict[str, Any] = {"cores": os.cpu_count()}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        prepared = folder / "prepared"
        if options.prepared:
            write_prepared(prepared, options.prepared)
            forget(prepared)
            runs = [measured(OPEN, prepared) for _ in range(OPENINGS)]
            report["opened"] = {"folder_mb": size_mb(prepared), "runs": runs}
        else:
            logs = {path.name: path for path in options.log} if options.log else generate(folder, options.rows)
            for kind, path in logs.items():
                report[kind] = {"file_mb": size_mb(path), "read": measured(READ, path)}
                report[kind]["prepared"] = measured(PREPARE, path, prepared)
                report[kind]["opened"] = {"folder_mb": size_mb(prepared), **measured(OPEN, prepared)}
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
