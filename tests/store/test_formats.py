"""Files of later formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from recae.store.formats import newer_format

PLACE = Path("folder")


def test_the_sentence_names_the_version_to_install() -> None:
    assert newer_format(PLACE, 3, 1, {"recae": "0.4.1"}, "make it again") == (
        "folder is of format 3, and this version of recae reads formats up to 1: "
        "install recae 0.4.1, which wrote it, or a newer one, or make it again."
    )


@pytest.mark.parametrize("versions", [None, "0.4.1", {}, {"recae": 4}, {"recae": "4; rm -r /"}, {"recae": "1" * 99}])
def test_a_file_that_does_not_tell_its_writer_is_repeated_nowhere(versions: object) -> None:
    sentence = newer_format(PLACE, 2, 1, versions, "make it again")
    assert sentence == (
        "folder is of format 2, and this version of recae reads formats up to 1: "
        "install a newer recae, or make it again."
    )


@pytest.mark.parametrize("found", [1, 0, -1, None, "2", 2.5, True, [2]])
def test_other_values_are_no_later_format(found: object) -> None:
    assert newer_format(PLACE, found, 1, {"recae": "0.4.1"}, "make it again") is None
