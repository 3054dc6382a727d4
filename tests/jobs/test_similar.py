"""Items that go with given items, as a table."""

from __future__ import annotations

from pathlib import Path

import pytest

from recae.jobs.reading import Reading
from recae.jobs.similar import similar
from recae.jobs.train import train


@pytest.mark.parametrize("name", ["title", "rank", "score", "similar"])
def test_the_items_keep_their_name_whatever_it_is(name: str, tmp_path: Path) -> None:
    rows = "".join(f"{user},{item}\n" for user in range(6) for item in (user % 3, 3, 4))
    (tmp_path / "log.csv").write_text(f"user_id,{name}\n{rows}")
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{item},T{item}\n" for item in range(5)))
    reading = Reading(user_col="user_id", item_col=name)
    model = train(tmp_path / "log.csv", model="item-knn", out=tmp_path / "m", reading=reading).folder
    table = similar(model, ["3"], catalog=tmp_path / "items.csv").table
    assert len(set(table.column_names)) == len(table.column_names) == 5
    assert set(map(str, table[name].to_pylist())) == {"3"}
