"""The table of public data sets is complete and consistent."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from recae.data.public import KNOWN

EXPECTED = {
    "ml-100k", "ml-1m", "ml-10m", "ml-20m", "ml-25m", "ml-32m", "ml-latest-small", "netflix", "msd", "gowalla",
    "yelp2018", "amazon-book", "goodbooks-10k", "book-crossing", "lastfm", "citeulike-a",
}  # fmt: skip


def test_all_names_are_there():
    assert set(KNOWN) == EXPECTED
    json.dumps({name: dataclasses.asdict(entry) for name, entry in KNOWN.items()})


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_every_entry_says_all_that_matters(name):
    data = KNOWN[name]
    assert data.title
    assert data.licence.endswith(".")
    assert re.fullmatch(r"https?://\S+", data.page)
    for one in data.downloads:
        assert re.fullmatch(r"https?://\S+/[\w.-]+", one.address)
        assert one.checksum is None or re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", one.checksum)
        assert one.checksum is not None or "checksum" in data.note
    assert len({one.file for one in data.downloads}) == len(data.downloads)
    made = [content.becomes for content in data.tables]
    assert made in (["interactions.parquet"], ["train.parquet", "test.parquet"])
    assert data.items is None or data.items.becomes == "items.parquet"
    files = {one.file for one in data.downloads}
    for content in (*data.tables, *((data.items,) if data.items else ())):
        archive = data.downloads[0].file.endswith((".zip", ".tar.gz"))
        assert archive or content.member in files
