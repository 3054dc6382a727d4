"""The made-up logs of the benchmarks: their sizes, their shape, and that they repeat."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import recae
from recae.data.splits import make_split
from recae.evaluation.evaluate import evaluate

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"


def load(name):
    specification = importlib.util.spec_from_file_location(name, BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    specification.loader.exec_module(module)
    return module


generate = load("generate")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    path = tmp_path_factory.mktemp("made-up") / "log.parquet"
    generate.write_log(generate.Size(2_000, 2_000, 40_000, seed=3), path)
    return path


def test_it_has_exactly_the_sizes_and_no_pair_twice(small):
    log = recae.read(small)

    assert (log.n_users, log.n_items, log.nnz) == (2_000, 2_000, 40_000)
    assert log.counts == {}


def test_rows_come_by_time_and_ids_do_not_start_at_0(small):
    table = pq.read_table(small)

    assert (np.diff(table["timestamp"].to_numpy()) >= 0).all()
    for name in ("user_id", "item_id"):
        ids = np.sort(np.array(table[name].unique().to_pylist()))
        assert ids[0] > 0
        assert ids[-1] - ids[0] > 2 * len(ids)


def test_activity_and_popularity_are_skewed(small):
    log = recae.read(small)
    users, items = np.sort(log.user_counts()), np.sort(log.item_counts())

    assert users[-200:].sum() > 3 * 0.1 * log.nnz
    assert items[-200:].sum() > 3 * 0.1 * log.nnz
    assert users[0] >= 1
    assert items[0] >= 1


def test_there_is_something_to_learn(small):
    split = make_split(recae.read(small), "per-user:test=0.2")
    reached = {
        name: evaluate(recae.create(name).fit(split.train), split.test, ["ndcg@10"]) for name in ("popularity", "ease")
    }

    assert reached["ease"].means()["ndcg@10"] > 1.5 * reached["popularity"].means()["ndcg@10"]


def test_blocks_and_seeds(tmp_path, monkeypatch, small):
    size = generate.Size(2_000, 2_000, 40_000, seed=3)
    generate.write_log(size, tmp_path / "again.parquet")
    assert pq.read_table(tmp_path / "again.parquet").equals(pq.read_table(small))

    monkeypatch.setattr(generate, "BLOCK_ROWS", 7_000)
    generate.write_log(size, tmp_path / "blocks.parquet")
    blocks = recae.read(tmp_path / "blocks.parquet")
    assert (blocks.n_users, blocks.n_items, blocks.nnz, blocks.counts) == (2_000, 2_000, 40_000, {})
    assert pq.read_metadata(tmp_path / "blocks.parquet").num_row_groups == 6
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["again.parquet", "blocks.parquet"]


@pytest.mark.parametrize("sizes", [(10, 30, 120), (200, 10, 600), (300, 300, 300)])
def test_odd_shapes(tmp_path, sizes):
    generate.write_log(generate.Size(*sizes), tmp_path / "log.parquet")
    log = recae.read(tmp_path / "log.parquet")

    assert (log.n_users, log.n_items, log.nnz) == sizes


@pytest.mark.parametrize("sizes", [(100, 50, 90), (10, 10, 90)])
def test_impossible_sizes_are_refused(tmp_path, sizes):
    with pytest.raises(ValueError, match=r"interactions|active user"):
        generate.write_log(generate.Size(*sizes), tmp_path / "log.parquet")
