"""Every malformed input of docs/bad-input.md gets its sentence and exit code."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.read import read
from recae.errors import CapacityError, DataError, StorageError
from recae.store import parquet

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from bad_input_cases import GROUPS  # noqa: E402 - lies beside the script that writes the page
from bad_input_kit import Case, sentence_for  # noqa: E402
from bad_input_table import DOC, page  # noqa: E402

CASES = [case for cases in GROUPS.values() for case in cases]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_bad_input_is_refused_in_one_sentence_that_says_where(case: Case) -> None:
    sentence, exit_code = sentence_for(case)
    assert exit_code == case.exit_code
    assert "\n" not in sentence
    assert [word for word in case.says if word not in sentence] == []


def test_there_are_many_cases_and_the_page_shows_what_is_said_today() -> None:
    assert len(CASES) >= 30
    assert len({case.what for case in CASES}) == len(CASES)
    assert DOC.read_text(encoding="utf-8") == page(), "run python scripts/bad_input_table.py"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\n1,2\n")

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refused)
    with pytest.raises(StorageError, match=r"log\.csv may not be read: permission denied"):
        read(path)


def test_the_first_bad_row_is_named_even_if_another_column_is_bad_later(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,rating\n1,10,4\n2,11,x\n,12,3\n")
    with pytest.raises(DataError, match=r'line 3, column "rating"'):
        read(path)


def test_the_line_is_exact_behind_values_of_several_lines(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text('user_id,item_id,rating,note\n1,10,4,"one\ntwo\nthree"\n\n2,11,x,short\n')
    with pytest.raises(DataError, match="line 6"):
        read(path)


@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_the_line_is_exact_whatever_ends_it_and_however_long_it_is(end: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"user_id,item_id,rating,note{end}1,10,4,{'x' * 200_000}{end}2,11,x,short{end}", newline="")
    with pytest.raises(DataError, match=r'line 3, column "rating": "x"'):
        read(path)


def test_the_line_is_exact_in_a_later_block(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    rows = 1_200_000
    path.write_text("user_id,item_id,rating\n" + "123456,7890,4\n" * rows + "1,2,bad\n")
    with pytest.raises(DataError, match=f"line {rows + 2}, "):
        read(path)


def test_the_file_is_named_when_several_are_joined(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user_id,item_id\n1,2\n")
    (tmp_path / "b.csv").write_text("user_id,item_id\n1,3\n,4\n")
    with pytest.raises(DataError, match=r"b\.csv, line 3"):
        read([tmp_path / "a.csv", tmp_path / "b.csv"])


def test_rows_that_cannot_be_held_are_refused_before_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ones = pa.array([1] * 1_000_000)
    pq.write_table(pa.table({"user_id": ones, "item_id": ones}), tmp_path / "log.parquet")
    assert (tmp_path / "log.parquet").stat().st_size < 50_000
    monkeypatch.setattr(parquet, "free_memory", lambda: 1_000_000)
    with pytest.raises(CapacityError, match=r"log\.parquet has 1,000,000 rows: reading would take at least 16\.0 MB"):
        read(tmp_path / "log.parquet")
