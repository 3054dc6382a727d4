"""The data of a run as plain arrays, so that every library can read it: the log, factors and a network.

log.npz      train and target, users x items, as CSR index arrays; rows and columns are those of train.parquet
factors.npz  128 factors by implicit's ALS, for ranking and evaluating
network.npz  Mult-VAE [600-200-600] after a few epochs of recae, for ranking with the same network everywhere
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

FACTORS, FACTOR_ROUNDS, NETWORK_EPOCHS = 128, 3, 1
SEED = 42
NETWORK = {
    "encoder": "encoder.weight",  # (n_items, 600)
    "encoder_bias": "encoder.bias",
    "code": "code.1.weight",  # (400, 600): mean and log variance
    "code_bias": "code.1.bias",
    "decoder": "decoder.0.weight",  # (600, 200)
    "decoder_bias": "decoder.0.bias",
    "output": "output.weight",  # (n_items, 600)
    "output_bias": "output.bias",
}
"""Names in network.npz of what the fitted model's `weights` call so."""
FOLDER = Path(os.environ.get("RECAE_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))


def sources(choice: list[str] | None) -> dict[str, Path]:
    """NAME=FOLDER or NAME of a folder among the data sets -> where it lies."""
    found = {}
    for entry in choice or ["gowalla", "ml-1m"]:
        name, _, folder = entry.partition("=")
        found[name] = Path(folder) if folder else FOLDER / name
        if not (found[name] / "train.parquet").exists():
            raise SystemExit(f"{found[name]} holds no train.parquet and test.parquet.")
    return found


def prepare(source: Path, home: Path, needs: str) -> dict[str, Any]:
    """Write what is not there yet, in a process of its own; returns what the data is."""
    wanted = home / f"{needs or 'log'}.npz"
    if not wanted.exists():
        subprocess.run([sys.executable, __file__, str(source), str(home), needs], check=True)
    facts: dict[str, Any] = json.loads((home / "facts.json").read_text(encoding="utf-8"))
    return facts


def main(source: str, folder: str, needs: str) -> None:
    home = Path(folder)
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "log.npz").exists():
        _write_log(Path(source), home)
    if needs == "factors":
        _write_factors(home)
    if needs == "network":
        _write_network(home)


def load(home: Path) -> tuple[sparse.csr_array, sparse.csr_array]:
    """(n_users, n_items) float32 ones: what models learn from, and what they should find."""
    with np.load(home / "log.npz") as stored:
        n_users, n_items = (int(size) for size in stored["shape"])
        parts = [(stored[f"{part}indices"], stored[f"{part}indptr"]) for part in ("", "target_")]
    train, target = (
        sparse.csr_array((np.ones(len(columns), dtype=np.float32), columns, starts), shape=(n_users, n_items))
        for columns, starts in parts
    )
    return train, target


def _write_log(source: Path, home: Path) -> None:
    from recae.data.ready_made import read_ready_made

    split = read_ready_made(source / "train.parquet", None, source / "test.parquet")
    train, test = split.train, split.test
    if test is None:
        raise SystemExit(f"{source} holds no test.parquet.")
    row = train.users.positions(test.users.values)
    known = row >= 0
    entries = test.target[known].tocoo()
    places = (row[known][entries.row], entries.col)
    target = sparse.csr_array((np.ones(entries.nnz, dtype=np.float32), places), shape=train.matrix.shape)
    target.sort_indices()
    np.savez(
        home / "log.npz",
        indptr=train.matrix.indptr.astype(np.int64),
        indices=train.matrix.indices.astype(np.int32),
        target_indptr=target.indptr.astype(np.int64),
        target_indices=target.indices.astype(np.int32),
        shape=np.array(train.matrix.shape),
    )
    facts = {
        "users": train.n_users,
        "items": train.n_items,
        "interactions": train.nnz,
        "test users": int(np.count_nonzero(np.diff(target.indptr))),
        "test interactions": int(target.nnz),
    }
    (home / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _write_factors(home: Path) -> None:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    train, _ = load(home)
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # implicit's advice about threads of the BLAS
        model = AlternatingLeastSquares(
            factors=FACTORS, regularization=30.0, iterations=FACTOR_ROUNDS, random_state=SEED, dtype=np.float32
        )
        model.fit(sparse.csr_matrix(train), show_progress=False)
    np.savez(home / "factors.npz", users=model.user_factors, items=model.item_factors)


def _write_network(home: Path) -> None:
    from recae.data.ids import IdIndex
    from recae.data.interactions import Interactions
    from recae.models.registry import create
    from recae.options import RunOptions

    train, _ = load(home)
    log = Interactions(train, IdIndex.range(train.shape[0]), IdIndex.range(train.shape[1]))
    model = create("mult-vae", epochs=NETWORK_EPOCHS, patience=0).fit(log, options=RunOptions(seed=SEED, device="cpu"))
    model.save(home / "mult-vae")
    found = model.weights()
    named: dict[str, Any] = {ours: found[name] for ours, name in NETWORK.items()}
    np.savez(home / "network.npz", **named)


if __name__ == "__main__":
    main(*sys.argv[1:])
