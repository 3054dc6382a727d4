"""Sound inputs of every kind, made by recae itself, which the cases then damage."""

from __future__ import annotations

import bz2
import gzip
import json
import random
from pathlib import Path

import pandas as pd
import pyarrow as pa

from recae.cli.main import main
from recae.store.tables import write_table

MODELS = {
    "popularity": [],
    "ease": [],
    "pure-svd": ["factors=4"],
    "item-knn": [],
    "sansa": [],
    "ials": ["factors=4", "epochs=2"],
    "bpr": ["factors=4", "epochs=2"],
    "mult-vae": ["hidden=8", "latent=4", "epochs=2"],
    "cdae": ["latent=4", "epochs=2"],
    "autorec-item": ["latent=4", "epochs=2"],
}
"""Of every way to keep weights: none, dense, sparse, factors, networks; with and without users of their own."""
NAMES = ("user_id", "item_id", "rating", "timestamp")
JOB = """\
out = "../out/published"
work = "../out/work"
seed = 7
[input]
log = "ratings.csv"
catalog = "items.csv"
min_rating = 2
min_user_items = 2
[judging]
split = "user-holdout:valid=0.2,test=0.2,observed=0.8"
metrics = ["ndcg@10", "recall@5"]
[model]
name = "popularity"
[gate]
fail_under = { "ndcg@10" = 0.0001 }
tolerance = 0.5
[lists]
top = 5
format = "csv"
"""
CONFIG = """\
seed = 7
min-rating = 2
[train]
model = "ease"
metrics = "ndcg@10"
set = { l2 = 20 }
[recommend]
top = 3
on-cold = "skip"
[data.split]
split = "per-user:test=0.2"
"""


def make_originals(folder: Path) -> None:
    """Write tables, models, a split, prepared data, a comparison, a leaderboard, lists, a job and a configuration.

    Raises:
        RuntimeError: recae did not make one of them.
    """
    folder.mkdir()
    _write_tables(folder / "tables")
    log = str(folder / "tables" / "ratings.csv")
    for name, settings in MODELS.items():
        given = [part for setting in settings for part in ("--set", setting)]
        _recae("train", log, "--model", name, *given, "--out", str(folder / "models" / name))
    cut = ("--split", "user-holdout:valid=0.2,test=0.2,observed=0.8")
    _recae("data", "split", log, *cut, "--out", str(folder / "split"))
    _recae("data", "prepare", log, "--out", str(folder / "prepared"))
    _recae("data", "prepare", str(folder / "split"), "--out", str(folder / "prepared-split"))
    board = str(folder / "boards" / "board.parquet")
    (folder / "boards").mkdir()
    compared = ("--models", "popularity,pure-svd", "--no-search", *cut, "--leaderboard", board)
    _recae("compare", log, *compared, "--out", str(folder / "comparison"))
    lists = (str(folder / "models" / "ease"), "--history", log, "--top", "5", "--out")
    _recae("recommend", *lists, str(folder / "tables" / "lists.csv"))
    (folder / "job").mkdir()
    (folder / "job" / "job.toml").write_text(JOB)
    (folder / "job" / "config.toml").write_text(CONFIG)


def _recae(*arguments: str) -> None:
    code = main([*arguments, "--quiet"])
    if code:
        raise RuntimeError(f"recae {' '.join(arguments)} ended with exit code {code}")


def _write_tables(folder: Path) -> None:
    """One small log in every form, a catalogue and lists of ids."""
    folder.mkdir()
    rng = random.Random(5)
    rows = [
        (user, item, rng.randint(1, 5), 978300760 + 3600 * rng.randint(0, 10_000))
        for user in range(40)
        for item in sorted(rng.sample(range(20), 8))
    ]
    plain = _delimited(rows, ",", header=True)
    texts = {
        "ratings.csv": plain,
        "ratings.tsv": _delimited(rows, "\t", header=True),
        "u.data": _delimited(rows, "\t", header=False),
        "ratings.dat": _delimited(rows, "::", header=False),
        "ratings.csv.gz": gzip.compress(plain, mtime=0),
        "ratings.csv.bz2": bz2.compress(plain),
        "ratings.csv.zst": bytes(pa.Codec("zstd").compress(plain, asbytes=True)),
        "ratings.jsonl": "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in rows).encode(),
        "words.csv": _delimited([(f"u{u}", f"it em, {i}", r, t) for u, i, r, t in rows], ";", header=True),
        "dates.csv": _delimited([(u, i, r, pd.Timestamp(t, unit="s").isoformat()) for u, i, r, t in rows], ",", True),
        "items.csv": b"item_id,title,genres,year\n"
        + b"".join(b"%d,Film %d,A|B,%d\n" % (n, n, 1990 + n) for n in range(20)),
        "users.csv": b"user_id\n" + b"".join(b"%d\n" % n for n in range(0, 40, 3)),
    }
    for name, content in texts.items():
        (folder / name).write_bytes(content)
    table = pa.table({name: list(column) for name, column in zip(NAMES, zip(*rows, strict=True), strict=True)})
    write_table(table, folder / "ratings.parquet")


def _delimited(rows: list[tuple[object, ...]], delimiter: str, header: bool) -> bytes:
    lines = [NAMES, *rows] if header else rows
    return "".join(
        delimiter.join(f'"{cell}"' if delimiter in str(cell) else str(cell) for cell in row) + "\n" for row in lines
    ).encode()
