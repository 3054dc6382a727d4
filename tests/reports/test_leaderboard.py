"""A leaderboard grows over runs, counts nothing twice, and never mixes different data or targets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recae.errors import ConfigError, DataError, OutputLockedError, StorageError
from recae.jobs import leaderboard
from recae.jobs.leaderboard import boards, check_leaderboard, enter
from recae.jobs.leaderboard_table import COLUMNS, read_leaderboard
from recae.reports.comparison import Comparison
from recae.store.lock import locked

Make = Callable[..., Any]


@pytest.fixture
def made(compared: Make, run: Make) -> Callable[..., Comparison]:
    """A comparison with what a leaderboard wants to know."""

    def make(*names: str, gain: float = 0.1, targets: str = "t1", data: str = "d1", **facts: Any) -> Comparison:
        runs = tuple(run(name, gain + i / 10) for i, name in enumerate(names))
        whole = compared(runs)
        return dataclasses.replace(
            whole,
            facts=whole.facts
            | {"data_fingerprint": data, "targets_fingerprint": targets, "date": "2026-01-01T00:00:00", "run_id": "r1"}
            | facts,
        )

    return make


@pytest.fixture(params=["board.parquet", "board.csv"])
def board(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_runs_accumulate_and_the_same_one_is_counted_once(made: Make, board: Path) -> None:
    assert enter(made("ease", "ials"), board) == 2
    assert enter(made("ease", "ials", date="2026-02-02T00:00:00", run_id="r2"), board) == 0
    assert enter(made("ease", gain=0.3), board) == 1
    (found,) = boards(board)
    assert [(one.rank, one.model, one.entries) for one in found.standings] == [(1, "ease", 2), (2, "ials", 1)]
    assert found.standings[0].value == made("ease", gain=0.3).runs[0].means["ndcg@10"]
    assert found.standings[0].interval == made("ease", gain=0.3).runs[0].intervals["ndcg@10"]
    assert found.standings[0].settings == {"l2": 500.0}
    (every,) = boards(board, everything=True)
    assert [one.model for one in every.standings] == ["ease", "ials", "ease"]


def test_different_data_and_targets_stand_apart(made: Make, board: Path) -> None:
    enter(made("ease"), board)
    enter(made("ease", targets="t2", date="2026-03-03T00:00:00"), board)
    enter(made("ease", data="d2", date="2026-02-02T00:00:00"), board)
    found = boards(board)
    assert [(one.data_fingerprint, one.targets_fingerprint) for one in found] == [
        ("d1", "t2"),
        ("d2", "t1"),
        ("d1", "t1"),
    ]
    assert all(len(one.standings) == 1 for one in found)


def test_another_metric_ranks_as_well(made: Make, compared: Make, board: Path) -> None:
    enter(made("ease", "ials"), board)
    other = dataclasses.replace(made("mult-vae"), metrics=("ndcg@10",))
    enter(other, board)
    (found,) = boards(board, "recall@20")
    assert [one.model for one in found.standings] == ["ials", "ease"]
    assert (found.without, found.standings[0].interval) == (1, None)
    with pytest.raises(DataError, match="has no entry with hit@3"):
        boards(board, "hit@3")
    with pytest.raises(ConfigError, match="ndgc"):
        boards(board, "ndgc@10")
    with pytest.raises(ConfigError, match="only describes"):
        boards(board, "novelty@10")


def test_hostile_text_and_figures_come_back_exactly(made: Make, board: Path) -> None:
    hostile = 'a,"b"\nc;\td\u202e<b>'
    given = dataclasses.replace(made("ease", command=hostile), data={"source": hostile}, split={"spec": hostile})
    enter(given, board)
    enter(made("ials"), board)
    (found,) = boards(board)
    row = next(row for row in read_leaderboard(board).to_pylist() if row["model"] == "ease")
    assert (row["command"], row["data"]) == (hostile, hostile)
    assert {one.value for one in found.standings} == {one.runs[0].means["ndcg@10"] for one in (given, made("ials"))}


def test_runs_that_end_at_the_same_time_all_enter(made: Make, board: Path) -> None:
    entering = [made("ease", gain=i / 100) for i in range(8)]
    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda one: enter(one, board), entering)) == 8
    assert len(read_leaderboard(board)) == 8


def test_a_table_that_stays_locked_is_told(made: Make, board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaderboard, "WAIT_SECONDS", 0.1)
    with locked(board), pytest.raises(OutputLockedError):
        enter(made("ease"), board)


def test_what_is_no_leaderboard_is_left_alone(made: Make, tmp_path: Path) -> None:
    strange = tmp_path / "mine.csv"
    strange.write_text("a,b\n1,2\n")
    damaged = tmp_path / "cut.parquet"
    damaged.write_bytes(b"PAR1")
    for path, sentence in ((strange, "not a leaderboard"), (damaged, "not a Parquet file that can be read")):
        before = path.read_bytes()
        for ask in (check_leaderboard, boards, lambda at: enter(made("ease"), at)):
            with pytest.raises(StorageError, match=sentence):
                ask(path)
        assert path.read_bytes() == before
    with pytest.raises(ConfigError, match=r"must end in \.parquet or \.csv"):
        check_leaderboard(tmp_path / "board.xlsx")
    with pytest.raises(StorageError, match="There is no leaderboard"):
        boards(tmp_path / "nowhere.csv")


def test_the_columns_are_those_that_are_documented(made: Make, tmp_path: Path) -> None:
    enter(made("ease"), tmp_path / "board.parquet")
    assert pq.read_schema(tmp_path / "board.parquet").names == [*COLUMNS, "ndcg@10", "recall@20", "coverage@10"]
