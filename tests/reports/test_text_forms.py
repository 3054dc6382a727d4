"""The same comparison as a terminal table, as Markdown and as JSON."""

from __future__ import annotations

import dataclasses
import json
import re

import pytest

from recae.evaluation.gates import GateResult
from recae.reports import verdict as verdicts
from recae.reports.comparison import ExampleUser
from recae.reports.evaluation import evaluation_markdown
from recae.reports.markdown import escaped, to_markdown
from recae.reports.structured import SCHEMA, to_json
from recae.reports.terminal import to_terminal
from recae.reports.wording import DASH, better_than, duration, gained, metric_label, percent, score, size

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_the_table_is_sorted_and_its_best_marked(comparison):
    lines = to_terminal(comparison, 120).splitlines()

    assert lines[0].split() == ["model", "ndcg@10", "95%", "interval", "recall@20", "coverage@10", "fit"]
    assert [line.split()[1] for line in lines[1:5]] == ["ease", "ials", "mult-vae", "popularity"]
    assert lines[1].count("*") == 3
    assert not any("*" in line for line in lines[2:5])


def test_values_and_intervals_are_those_of_the_evaluation(comparison):
    ease = comparison.leaderboard()[0]
    low, high = ease.evaluation.intervals()["ndcg@10"]
    first = to_terminal(comparison, 120).splitlines()[1]

    assert f"{ease.evaluation.means()['ndcg@10']:.4f}*" in first
    assert f"[{low:.4f}, {high:.4f}]" in first


def test_columns_are_aligned(comparison):
    lines = to_terminal(comparison, 120).splitlines()[:5]
    ends = [next(re.finditer(r"[0-9]\.[0-9]{4}[* ]? ", line)).end() for line in lines[1:]]

    assert len(set(ends)) == 1


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(comparison, width):
    text = to_terminal(comparison, width)

    assert max(map(len, text.splitlines())) <= width
    if width == 60:
        assert "not shown here: recall@20, coverage@10" in text


def test_colour_only_when_asked_and_only_colour(comparison):
    plain, coloured = to_terminal(comparison, 100), to_terminal(comparison, 100, colour=True)

    assert "\x1b" not in plain
    assert COLOUR.sub("", coloured) == plain
    assert coloured != plain


def test_markdown_has_one_row_for_each_model_and_bold_bests(comparison):
    text, _, _ = to_markdown(comparison).partition("## Chosen settings")
    rows = [line for line in text.splitlines() if re.match(r"\| \d+ \|", line)]

    assert [row.split("|")[2].strip() for row in rows] == ["ease", "ials", r"mult-vae", "popularity"]
    assert rows[0].count("**") == 6
    assert "**" not in "".join(rows[1:])
    assert {row.count("|") for row in rows} == {7}


def test_markdown_has_a_row_for_every_metric_where_there_are_many(compared, run):
    lengths = tuple(f"recall@{k}" for k in range(1, 13))
    runs = (run("ease", 0.2), run("ials", 0.1))
    for one in runs:
        one.evaluation.overall.update(dict.fromkeys(lengths, 0.5))
    text = to_markdown(compared(runs, metrics=("ndcg@10", "coverage@10", *lengths)))
    rows = [line for line in text.splitlines() if re.match(r"\| (NDCG|Recall|Coverage)@\d+ \|", line)]

    assert len(rows) == 14
    assert rows[0] == "| NDCG@10 | **0.5159** | 0.4159 |"
    assert "## Every metric" not in to_markdown(compared(runs))


def test_markdown_tells_what_is_needed_to_run_it_again(comparison):
    text = to_markdown(comparison)

    assert "l2 = 500" in text
    assert "recae compare data" in text
    assert "user-holdout:valid=0.1,test=0.2" in text
    assert "0.1.0" in text


def test_markdown_has_every_setting_that_was_tried_how_training_went_and_what_metrics_mean(comparison):
    text = to_markdown(comparison)

    tried = text.partition("### Tried: ease")[2].partition("##")[0].split("\n")
    assert [line for line in tried if line] == [
        "| l2 | validation NDCG@10 | time |",
        "| --: | --: | --: |",
        "| 100 | 0.2100 | 1.5 s |",
        "| 500 | **0.2500** (chosen) | 1.5 s |",
        "| 250 | 0.2250 | 1.5 s |",
    ]
    assert "### Tried: popularity" not in text
    course = text.partition("## Training")[2].partition("##")[0].strip()
    assert course == (
        "- **mult-vae**: 8 epochs, stopped early; the weights of epoch 6 were kept. "
        "Validation NDCG@10: 0.1100 after epoch 1, 0.1600 after epoch 6, 0.1600 after epoch 8."
    )
    assert "- Coverage@10: Share of the catalogue" in text.partition("## What the metrics mean")[2]


def test_titles_with_commas_stay_apart_in_markdown(compared):
    user = ExampleUser("7", ("Postino, Il", "Sting, The"), ("Rock, The",), {})

    assert "- Had already: Postino, Il · Sting, The\n" in to_markdown(compared(examples=(user,)))


def test_one_evaluation_as_markdown(hostile, comparison):
    judged = comparison.runs[1]
    facts = {"what": "ease", "command": "recae evaluate ease", "date": "2021-01-01", "configuration": {"a": 1}}
    gates = [GateResult("fail-under ndcg@10=0.9", "ndcg@10", False, "too low", 0.5, 0.9)]
    text = evaluation_markdown(judged.evaluation, facts, gates=gates)

    low, high = judged.evaluation.intervals()["ndcg@10"]
    assert text.startswith(f"# NDCG@10 {judged.means['ndcg@10']:.4f} on 200 users\n")
    assert f"| NDCG@10 | {judged.means['ndcg@10']:.4f} | {low:.4f}{DASH}{high:.4f} | How well" in text
    assert f"| Coverage@10 | {judged.means['coverage@10']:.4f} |  | Share of the catalogue" in text
    assert "**failed**: too low" in text
    assert "- Command: recae evaluate ease\n- Date: 2021-01-01" in text
    outside = evaluation_markdown(hostile.runs[0].evaluation, {"what": "<script>|"}).partition("```json")[0]
    assert not re.search(r"(?<!\\)[<>`]", outside)
    table = [line for line in outside.splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in table} == {5}


def test_markdown_escapes_no_more_than_it_must(comparison):
    assert escaped("Seven (Se7en), 1995! +0.1 = 3") == "Seven (Se7en), 1995! +0.1 = 3"
    assert [escaped(text) for text in ("- a", "+ b", "12. c", "3) d", "1.5")] == [
        r"\- a", r"\+ b", r"12\. c", r"3\) d", "1.5",
    ]  # fmt: skip
    assert escaped("see https://e.vil and www.e.vil") == r"see https\://e.vil and www\.e.vil"
    assert re.search(r"95% interval \+0\.\d{4} to \+0\.\d{4}", to_markdown(comparison))


@pytest.mark.parametrize("hostile", ["a|b", "<script>alert(1)</script>", "[x](http://e.vil)", "a\n# b", "`*_~"])
def test_untrusted_text_stays_text_in_markdown(hostile):
    safe = escaped(hostile)

    assert "\n" not in safe
    for match in re.finditer(r"[|<>\[\]`*_#]", safe):
        assert safe[match.start() - 1] == "\\"


def test_json_is_versioned_and_strict(comparison):
    content = to_json(comparison)

    assert content["schema"] == SCHEMA == "recae-comparison/1"
    assert json.loads(json.dumps(content, allow_nan=False)) == content


def test_json_keeps_full_precision(comparison):
    first = to_json(comparison)["models"][0]
    ease = comparison.leaderboard()[0]

    assert first["name"] == "ease"
    assert first["rank"] == 1
    assert first["metrics"]["ndcg@10"]["value"] == ease.evaluation.means()["ndcg@10"]
    assert (first["metrics"]["ndcg@10"]["low"], first["metrics"]["ndcg@10"]["high"]) == ease.intervals["ndcg@10"]
    assert first["metrics"]["coverage@10"]["low"] is None
    assert first["trials"][1] == {"settings": {"l2": 500.0}, "value": 0.25, "seconds": 1.5}


def test_json_tells_how_far_the_others_are_behind(comparison):
    models = to_json(comparison)["models"]

    assert models[0]["behind_best"] is None
    assert models[1]["behind_best"]["clear"] is True
    assert models[1]["behind_best"]["low"] > 0


def test_json_has_null_for_what_is_not_a_number(compared, run):
    content = to_json(compared((run("ease", 0.2, valid_value=float("nan")), run("ials", 0.1))))

    assert content["models"][0]["valid_value"] is None
    json.dumps(content, allow_nan=False)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.0, "< 1 ms"),
        (0.0042, "4 ms"),
        (0.42, "0.42 s"),
        (1.26, "1.3 s"),
        (37.4, "37 s"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(seconds, said):
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("share", "said"), [(0.794, "79%"), (-0.0312, "\N{MINUS SIGN}3.1%"), (0.0034, "0.34%"), (1.5, "150%"), (0, "0%")]
)
def test_percentages(share, said):
    assert percent(share) == said


def test_names_and_units():
    assert metric_label("ndcg@10") == "NDCG@10"
    assert metric_label("mystery@3") == "mystery@3"
    assert score(0.33751) == "0.3375"
    assert score(float("nan")) == "\N{EN DASH}"
    assert [size(n) for n in (0, 999, 6_400, 12_345_678, 3_000_000_000)] == [
        "0 B",
        "999 B",
        "6.4 kB",
        "12.3 MB",
        "3.0 GB",
    ]


def test_the_verdict_is_worked_out_once_for_all_reports(comparison, monkeypatch):
    asked, comparison = [], dataclasses.replace(comparison)
    monkeypatch.setattr(verdicts, "verdict", lambda which, real=verdicts.verdict: asked.append(1) or real(which))
    told = to_json(comparison)
    to_markdown(comparison), to_terminal(comparison)

    assert asked == [1]
    assert [model["behind_best"] is None for model in told["models"]] == [True, False, False, False]


def test_every_form_says_beside_the_verdict_that_nothing_was_tuned(compared, run):
    untuned = compared((run("ials", 0.2), run("popularity", 0.0)))
    caution = "Default settings: nothing was tuned on validation data."

    lines = to_terminal(untuned, 120).splitlines()
    assert lines[lines.index(untuned.verdict.headline) + 1] == caution
    assert to_markdown(untuned).split("\n\n")[1] == f"**{caution}**"
    assert to_json(untuned)["verdict"]["caution"] == caution


def test_markdown_shows_no_raw_dictionaries(comparison):
    text = to_markdown(comparison)
    made = text[text.index("## How it was made") :]

    assert "- Items per user: 5 to 90, median 20" in text
    assert "| part | users | items | interactions | history | targets | unknown targets |" in text
    assert re.search(r"^\| test \| 200 \| .* \| 4,000 \| 1,000 \| 3 \|$", text, re.M)
    fenced = re.fullmatch(r".*\n```json\n(.*)\n```\n", made, re.S)
    assert fenced is not None
    assert json.loads(fenced[1]) == comparison.facts["configuration"]


@pytest.mark.parametrize(
    ("share", "said", "label"),
    [
        (0.79, "79% better than x", "+79%"),
        (10.69, "11.7 times as good as x", "11.7 times"),
        (float("nan"), "better than x", "+\N{EN DASH}"),
    ],
)
def test_gains(share, said, label):
    assert better_than(share, "x") == said
    assert gained(share) == label
