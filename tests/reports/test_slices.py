"""Where models work: who leads where in words, figures that stay in their frame, hostile labels, files and back."""

from __future__ import annotations

import dataclasses
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from recae.evaluation.result import Evaluation
from recae.evaluation.slices import ALL, Estimate, Slice, SliceGroup
from recae.reports.comparison import ErrorExample, ExampleUser
from recae.reports.costs import costs_context, costs_markdown
from recae.reports.error_section import errors_context, errors_markdown, note
from recae.reports.evaluation import write_evaluation_html
from recae.reports.html import write_html
from recae.reports.markdown import escaped, to_markdown
from recae.reports.plots import WIDTH, series_of
from recae.reports.restored import restored
from recae.reports.slice_plots import slice_plot
from recae.reports.slices import SliceTable, leaders, slice_tables, tables_of
from recae.reports.structured import to_json

HOSTILE = "<script>document.title='owned'</script>|*_[x](y)\n" + "W" * 400


def one(name: str, values: dict[str, tuple[float, float, float]], *, of: Any = "users", users: int = 50) -> Slice:
    """A slice whose groups have a figure with its interval; "few" has 5 users."""
    metric = "ndcg@10" if of == "users" else "found@10"
    groups = tuple(
        SliceGroup(label, 5 if label == "few" else users, 100, {metric: Estimate(*figures)})
        for label, figures in values.items()
    )
    return Slice(name, of, "Groups that were made up.", groups)


def tables(**models: dict[str, tuple[float, float, float]]) -> SliceTable:
    (table,) = slice_tables({name: [one("history", values)] for name, values in models.items()}, ["ndcg@10"])
    return table


BEST = {ALL: (0.5, 0.45, 0.55), "short": (0.3, 0.25, 0.35), "long": (0.7, 0.6, 0.8)}


def test_a_leader_of_every_group_is_said_to_be_one() -> None:
    table = tables(ease=BEST, ials={label: (value - 0.01, low, high) for label, (value, low, high) in BEST.items()})
    assert leaders(table) == "ease leads in every group."
    assert leaders(tables(ease=BEST)) == ""


def test_only_intervals_that_lie_apart_make_a_clear_lead() -> None:
    other = {ALL: (0.4, 0.35, 0.45), "short": (0.4, 0.36, 0.44), "long": (0.71, 0.6, 0.8)}
    assert leaders(tables(ease=BEST, ials=other)) == (
        "ease leads over all; ials leads clearly for short (0.4000 against 0.3000); in 1 group another model is ahead, "
        "but the intervals overlap."
    )


def test_groups_of_few_users_and_shared_places_claim_nothing() -> None:
    other = {ALL: (0.4, 0.35, 0.45), "few": (0.9, 0.89, 0.91), "long": (0.7, 0.6, 0.8)}
    best = {ALL: BEST[ALL], "few": (0.1, 0.05, 0.15), "long": BEST["long"]}
    table = tables(ease=best, ials=other)
    assert leaders(table) == "ease leads, in some groups level with others."
    assert table.counted(table.rows[1]) == "5 users, uncertain (fewer than 20 users)"


def test_lower_is_better_for_errors() -> None:
    rated = {"a": 0.9, "b": 0.8}
    slices = {
        name: [Slice("history", "users", "", tuple(SliceGroup(g, 50, 9, {"rmse": Estimate(v)}) for g in (ALL, "x")))]
        for name, v in rated.items()
    }
    (table,) = slice_tables(slices, ["ndcg@10", "rmse"])
    assert (table.metric, leaders(table)) == ("rmse", "b leads in every group.")


def test_models_without_a_slice_or_a_group_have_gaps() -> None:
    slices = {"a": [one("history", BEST)], "b": [one("history", {ALL: (0.1, 0, 1)})], "c": []}
    (table,) = slice_tables(slices, ["ndcg@10"])
    assert table.models == ("a", "b")
    assert set(table.rows[1].values) == {"a"}
    assert slice_tables({"a": [one("history", BEST)]}, ["recall@5"]) == ()


def sliced(compared: Any, **changes: Any) -> Any:
    """A comparison with a slice of users and one of items, examples of errors, and costs."""
    comparison = compared()
    user = ExampleUser(HOSTILE, (HOSTILE,), ("Neon Alley",), {run.name: ((HOSTILE, False),) for run in comparison.runs})
    runs = []
    for at, run in enumerate(comparison.runs):
        shift = {
            label: (value - 0.02 * at, low, high) for label, (value, low, high) in (BEST | {HOSTILE: BEST[ALL]}).items()
        }
        slices = (one("history", shift), one(HOSTILE, shift, of="targets"))
        evaluation = dataclasses.replace(run.evaluation, slices=slices)
        costs = {"fit_peak_bytes": 10**7 * (at + 1), "fit_foretold_bytes": 10**8, "disk_bytes": 12_345}
        runs.append(dataclasses.replace(run, evaluation=evaluation, **costs))
    errors = tuple(
        ErrorExample(kind, user, {run.name: 0.1 * at for at, run in enumerate(runs)}, 12, 1, 3.0, 40.0)
        for kind in ("worst", "disagreed")
    )
    return dataclasses.replace(comparison, runs=tuple(runs), errors=errors, **changes)


def test_figures_stay_in_their_frame_and_their_texts_are_escaped(compared: Any) -> None:
    comparison = sliced(compared)
    for table in tables_of(comparison):
        plot = slice_plot(table, series_of(comparison))
        assert plot is not None
        drawing = ET.fromstring(plot.svg)
        texts = ["".join(text.itertext()) for text in drawing.iter("text")]
        assert max(map(len, texts)) < 80
        for circle in drawing.iter("circle"):
            assert 0 <= float(circle.get("cx") or -1) <= WIDTH
        assert not list(drawing.iter("script"))


def test_every_form_has_the_slices_the_costs_and_the_errors_and_no_markup_from_outside(
    compared: Any, tmp_path: Any
) -> None:
    comparison = sliced(compared)
    write_html(comparison, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    for heading in ("Where it works", "Quality and cost", "Where it goes wrong", "Quality against memory", "100 MB"):
        assert heading in page
    assert "<script>document" not in page
    markdown = to_markdown(comparison)
    assert "## Where it works" in markdown
    assert "## Where it goes wrong" in markdown
    assert "<script>" not in markdown
    assert {
        line.count("|") - line.count("\\|") for line in markdown.splitlines() if "owned" in line and "| 50 |" in line
    } == {8}


def test_slices_and_errors_come_back_from_plain_values(compared: Any) -> None:
    comparison = sliced(compared)
    told = to_json(comparison)
    slices = {run.name: run.evaluation.slices for run in comparison.runs}
    for model in told["models"]:
        assert restored(tuple[Slice, ...], model["slices"]) == slices[model["name"]]
        assert model["disk_bytes"] == 12_345
    assert restored(tuple[ErrorExample, ...], told["errors"]) == comparison.errors


def test_costs_that_were_not_measured_are_a_dash(compared: Any) -> None:
    comparison = compared()
    context = costs_context(comparison)
    assert len(context["cost_plots"]) == 1  # no memory, no figure of it
    cells = context["costs"]["rows"][0]["cells"]
    assert (cells[3]["text"], cells[3]["raw"]) == ("\N{EN DASH}", -1)
    assert costs_markdown(comparison, escaped)[2].count("\n") == len(comparison.runs) + 1


def test_a_note_tells_who_does_better_and_how_rare_the_hidden_items_are() -> None:
    user = ExampleUser("7", (), (), {})
    error = ErrorExample("worst", user, {"ease": 0.0, "ials": 0.25}, 1, 12, 9.0, 45.0)
    assert note(error, ["ease", "ials"], "ndcg@10") == (
        "NDCG@10: ease 0.0000, best here: ials 0.2500. 1 item in the history, 12 hidden, which a median of 9 training "
        "users had (of all hidden items: 45)."
    )
    level = dataclasses.replace(error, values={"ease": 0.0, "ials": 0.0})
    assert "ease 0.0000, and no other does better." in note(level, ["ease", "ials"], "ndcg@10")
    picked = dataclasses.replace(error, best="ials", values={"ease": 0.25, "ials": 0.0})
    assert "NDCG@10: ials 0.0000, best here: ease 0.2500." in note(picked, ["ease", "ials"], "ndcg@10")
    assert errors_context([picked], ["ease", "ials"], "ndcg@10")["errors"][0]["heading"] == "Served worst by ials"
    disputed = dataclasses.replace(error, kind="disagreed")
    assert "NDCG@10: ials 0.2500, ease 0.0000." in note(disputed, ["ease", "ials"], "ndcg@10")
    assert "NDCG@10 0.0000." in note(dataclasses.replace(error, values={"m": 0.0}), ["m"], "ndcg@10")


def test_errors_in_markdown_have_their_hits_in_bold() -> None:
    user = ExampleUser("7", ("Old",), ("New",), {"ease": (("New", True), ("Other", False))})
    error = ErrorExample("worst", user, {"ease": 0.0}, 1, 1, 9.0, 45.0)
    text = "\n".join(errors_markdown([error], ["ease"], "ndcg@10", escaped))
    assert re.search(r"ease: \*\*New\*\* · Other", text)


def test_the_page_of_one_evaluation_has_its_slices(run: Any, tmp_path: Any) -> None:
    judged = run("ease", 0.1).evaluation
    evaluation = Evaluation(judged.users, judged.per_user, slices=(one("history", BEST),))
    write_evaluation_html(evaluation, {"what": "x"}, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "By history length" in page
    assert "The line is the 95% interval." in page


@pytest.mark.parametrize("groups", [{ALL: (0.5, 0.4, 0.6)}, {}])
def test_nothing_is_drawn_of_nothing(groups: dict[str, tuple[float, float, float]]) -> None:
    for table in slice_tables({"a": [one("history", groups)]}, ["ndcg@10"]):
        assert slice_plot(table, {"a": "s1"}) is None
