"""Real logs: the published sizes, and the same log whichever way it is written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from recae.data.read import read

pytestmark = pytest.mark.real_data
Find = Callable[[str], Path]


@pytest.mark.parametrize(
    ("name", "users", "items", "interactions", "kind"),
    [
        ("ml-100k/interactions.parquet", 943, 1682, 100_000, "rating"),
        ("gowalla/train.parquet", 29_858, 40_981, 810_128, None),
        ("citeulike-a/interactions.parquet", 5_551, 16_980, 204_986, None),
        ("lastfm/train.parquet", 1_878, 4_476, 42_135, "weight"),
    ],
)
def test_published_sizes(
    name: str, users: int, items: int, interactions: int, kind: str | None, real_data: Find
) -> None:
    log = read(real_data(name))
    assert (log.n_users, log.n_items, log.nnz, log.columns.value_kind) == (users, items, interactions, kind)
    assert log.counts == {}


def test_ml_1m_in_its_three_parts(real_data: Find) -> None:
    log = read([real_data(f"ml-1m/{part}.parquet") for part in ("train", "valid", "test")])
    assert (log.n_users, log.n_items, log.nnz) == (6040, 3706, 1_000_209)


def test_the_same_log_as_csv_and_as_movielens_files(real_data: Find, tmp_path: Path) -> None:
    source = real_data("ml-100k/interactions.parquet")
    first = read(source)
    table = pq.read_table(source)
    pa_csv.write_csv(table, tmp_path / "log.csv")
    content = (tmp_path / "log.csv").read_text()
    rows = content.split("\n", 1)[1]
    (tmp_path / "u.data").write_text(rows.replace(",", "\t"))
    (tmp_path / "ratings.dat").write_text(rows.replace(",", "::"))
    (tmp_path / "log.csv.gz").write_bytes(gzip.compress(content.encode()))
    for name in ("log.csv", "u.data", "ratings.dat", "log.csv.gz"):
        again = read(tmp_path / name)
        assert again.fingerprint() == first.fingerprint()
        assert np.array_equal(again.timestamps, first.timestamps)  # type: ignore[arg-type]


def test_every_published_time_of_ml_100k_lies_in_the_years_of_the_study(real_data: Find) -> None:
    log = read(real_data("ml-100k/interactions.parquet"))
    assert log.timestamps is not None
    days = log.timestamps.astype("datetime64[us]").astype("datetime64[D]")
    assert (str(days.min()), str(days.max())) == ("1997-09-20", "1998-04-22")
