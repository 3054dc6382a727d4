"""The page about lists of other libraries: the figures that it names exist, and it says what it was made with."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from recae.evaluation.metrics import parse_metrics

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(SCRIPTS), str(SCRIPTS / "bench"), *sys.path])
        import other_libraries

        return other_libraries


def answers(script: ModuleType) -> dict[str, dict[str, object]]:
    """As if every library had given 0.5, and recae the same where it should."""
    found = {}
    for library, (_, rows) in script.LIBRARIES.items():
        differing = {script._metric(row) for row in rows if row.differs} - {
            script._metric(row) for row in rows if not row.differs
        }
        ours = {script._metric(row): 0.25 if script._metric(row) in differing else 0.5 for row in rows}
        theirs = {row.theirs: 0.5 if not row.differs else ours[script._metric(row)] + 0.1 for row in rows}
        theirs |= {row.theirs: 0.5 for row in rows if not row.differs}
        found[library] = {"how": "h", "version": "1", "figures": theirs, "ours": ours}
    return found


def test_every_figure_of_recae_exists_and_every_library_has_its_runner(script: ModuleType) -> None:
    for library, (_, rows) in script.LIBRARIES.items():
        assert parse_metrics([script._metric(row) for row in rows])
        assert (SCRIPTS / "lists_by" / f"on_{library}.py").is_file()
        assert (SCRIPTS / "bench" / "peers" / f"{library}.txt").is_file()
        assert library in script.FORMS
        assert any(not row.differs and row.ours == "ndcg" for row in rows)


def test_the_page_names_every_library_and_every_difference(script: ModuleType) -> None:
    text = script.page({"sample": answers(script)})
    kept = script.PAGE.read_text(encoding="utf-8")
    for title, rows in script.LIBRARIES.values():
        assert f"## {title} 1\n" in text
        assert f"## {title} " in kept
        for row in rows:
            assert f"`{row.theirs}` | `{script._metric(row)}`" in kept
            assert not row.differs or row.differs in text
            assert not row.differs or row.differs in kept


def test_a_figure_that_is_not_what_it_was_ends_the_command(script: ModuleType) -> None:
    title, rows = script.LIBRARIES["recbole"]
    answer = answers(script)["recbole"]
    script._check(title, rows, answer)
    answer["figures"] = dict.fromkeys(answer["figures"], 0.4)  # type: ignore[attr-defined]
    with pytest.raises(SystemExit, match="should be equal"):
        script._check(title, rows, answer)
