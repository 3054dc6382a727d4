"""Lists written by other libraries, judged by `recae evaluate --lists` and by their own library, into a page of docs.

    python scripts/other_libraries.py [--envs FOLDER] [--data NAME]...

Each library gets an environment of its own, made on first use (scripts/bench/environments.py). Without --data it is the
sample, and ml-100k where the folder RECAE_DATA has it; --data ml-1m is taken from there as well. Figures that should be
equal and are not, or the other way round, end the command: then a library has changed what it measures, and the page
has to say so.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "bench"))

from environments import python_of  # noqa: E402
from tasks import Peer  # noqa: E402

ROOT, PAGE = HERE.parent, HERE.parent / "docs" / "other-libraries.md"
MARK = "LISTS-ANSWER "
K, DEPTH = 10, 100
SPLIT = "per-user:valid=0.1,test=0.2"
EQUAL = 1e-6


@dataclass(frozen=True)
class Row:
    """A figure of a library and the one of recae that it is held against."""

    theirs: str
    ours: str
    differs: str = ""
    """Why they are not the same; empty where they are."""


LIBRARIES: dict[str, tuple[str, tuple[Row, ...]]] = {
    "recbole": (
        "RecBole",
        (
            Row(f"ndcg@{K}", "ndcg"),
            Row(f"recall@{K}", "recall"),
            Row(f"precision@{K}", "precision"),
            Row(f"map@{K}", "map"),
            Row(f"mrr@{K}", "mrr"),
            Row(f"hit@{K}", "hit"),
        ),
    ),
    "lenskit": (
        "LensKit",
        (
            Row("NDCG(n=k, weight=LogRankWeight(offset=1))", "ndcg"),
            Row(
                "NDCG(n=k)",
                "ndcg",
                "the usual weight of LensKit is 1 / log2(max(place, 2)), as in the paper of 2002: the first two places "
                "count alike. recae's is 1 / log2(place + 1); LensKit has it as `LogRankWeight(offset=1)`",
            ),
            Row("Recall(n=k)", "trecall"),
            Row(
                "Recall(n=k)",
                "recall",
                "LensKit divides by min(k, relevant), which recae calls truncated recall; recae's recall divides by "
                "all relevant items",
            ),
            Row("Precision(n=k)", "precision"),
            Row("AveragePrecision(n=k)", "map"),
            Row("RecipRank(n=k)", "mrr"),
            Row("Hit(n=k)", "hit"),
        ),
    ),
    "rectools": (
        "RecTools",
        (
            Row("NDCG(k, divide_by_achievable=True)", "ndcg"),
            Row(
                "NDCG(k)",
                "ndcg",
                "the usual ideal of RecTools has a hit on all k places, also for users with fewer than k targets, who "
                "can then not reach 1. recae's ideal has as many hits as can be reached; RecTools has it as "
                "`divide_by_achievable=True`",
            ),
            Row("Recall(k)", "recall"),
            Row("Precision(k)", "precision"),
            Row("Precision(k, r_precision=True)", "trecall"),
            Row("MAP(k)", "map-all"),
            Row(
                "MAP(k)",
                "map",
                "RecTools divides by all relevant items, which recae calls `map-all`; recae's `map` divides by "
                "min(k, relevant), so that a perfect list reaches 1",
            ),
            Row(
                "MAP(k, divide_by_k=True)",
                "map",
                "it divides by k also for users with fewer relevant items, who can then not reach 1",
            ),
            Row("MRR(k)", "mrr"),
            Row("HitRate(k)", "hit"),
            Row("MeanInvUserFreq(k)", "novelty"),
            Row("CatalogCoverage(k, normalize=True)", "coverage"),
        ),
    ),
    "ranx": (
        "ranx",
        (
            Row("ndcg@k", "ndcg"),
            Row("recall@k", "recall"),
            Row("precision@k", "precision"),
            Row("map@k", "map-all"),
            Row("map@k", "map", "ranx divides by all relevant items, which recae calls `map-all`"),
            Row("mrr@k", "mrr"),
            Row("hit_rate@k", "hit"),
            Row("r-precision", "rprecision"),
        ),
    ),
}
"""Name of the environment -> what the library is called, and its figures."""

FORMS = {
    "recbole": "an atomic file, tab-separated, with types in its header (`user_id:token`, `item_id:token`, "
    "`score:float`)",
    "lenskit": "Parquet with one row per user and the items in a column of structures (`save_parquet`); the flat "
    "layout is read as well",
    "rectools": "CSV with `user_id`, `item_id`, `score`, `rank`",
    "ranx": "Parquet with `q_id`, `doc_id`, `score` (`Run.save`); a TREC run is read as well",
}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--envs", type=Path, default=ROOT / ".bench" / "envs", help="where the environments lie")
    parser.add_argument("--data", action="append", help="sample, ml-100k, ml-1m; any number of times")
    asked = parser.parse_args(arguments)
    found: dict[str, dict[str, Any]] = {}
    for name in asked.data or ["sample", *(["ml-100k"] if _real("ml-100k").exists() else [])]:
        with tempfile.TemporaryDirectory() as folder:
            found[name] = dict(_judged(name, Path(folder), asked.envs))
    PAGE.write_text(page(found), encoding="utf-8")
    print(f"{PAGE}: {', '.join(found)}")


def _judged(name: str, folder: Path, envs: Path) -> Iterator[tuple[str, Any]]:
    """Library -> its answer, and under "ours" what recae gives for its lists."""
    job = _split(name, folder)
    for library, (title, rows) in LIBRARIES.items():
        print(f"{name}: {title} ...", file=sys.stderr, flush=True)
        answer = _run(python_of(Peer(library, title), envs), HERE / "lists_by" / f"on_{library}.py", job)
        metrics = list(dict.fromkeys(_metric(row) for row in rows))
        answer["ours"] = _evaluated(answer["file"], job, metrics)
        _check(title, rows, answer)
        yield library, answer


def _split(name: str, folder: Path) -> dict[str, Any]:
    """Training, validation and test rows as CSV, the same for everybody."""
    import pandas as pd

    from recae.jobs.prepare import split_input

    source = ROOT / "data" if name == "sample" else _real(name)
    if not source.exists():
        raise SystemExit(f"{source} does not exist: set RECAE_DATA to the folder with {name}.")
    if name != "sample" and (source / "train.parquet").exists():
        parts = [pd.read_parquet(source / f"{part}.parquet") for part in ("train", "valid", "test")]
        source = folder / "log.parquet"
        pd.concat(parts, ignore_index=True).to_parquet(source)
    split_input(source, folder / "split", spec=SPLIT)
    for part in ("train", "valid", "test"):
        table = pd.read_parquet(folder / "split" / f"{part}.parquet")
        table.iloc[:, :2].set_axis(["user_id", "item_id"], axis=1).to_csv(folder / f"{part}.csv", index=False)
    (folder / "out").mkdir()
    paths = {part: str(folder / f"{part}.csv") for part in ("train", "valid", "test")}
    return {**paths, "out": str(folder / "out"), "k": K, "depth": DEPTH}


def _real(name: str) -> Path:
    return Path(os.environ.get("RECAE_DATA", "")) / name


def _run(python: Path, script: Path, job: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), str(script), json.dumps(job)],
        capture_output=True, text=True, check=False, cwd=Path(job["train"]).parent,
    )  # fmt: skip
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise SystemExit(f"{script.name} gave no answer:\n{(done.stdout + done.stderr)[-2000:]}")
    told: dict[str, Any] = json.loads(lines[-1].removeprefix(MARK))
    return told


def _evaluated(lists: str, job: dict[str, Any], metrics: Sequence[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "recae", "evaluate", "--lists", lists, "--target", job["test"], "--json", "-q"]
    command += ["--history", job["train"], "--history", job["valid"]]
    done = subprocess.run([*command, "--metrics", ",".join(metrics)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])["metrics"]
    return told


def _metric(row: Row) -> str:
    return row.ours if row.ours == "rprecision" else f"{row.ours}@{K}"


def _check(title: str, rows: Sequence[Row], answer: dict[str, Any]) -> None:
    """End where a figure is not as the rows say."""
    for row in rows:
        theirs, ours = answer["figures"][row.theirs], answer["ours"][_metric(row)]
        if (abs(theirs - ours) <= EQUAL) is bool(row.differs):
            said = "should differ" if row.differs else "should be equal"
            raise SystemExit(f"{title}: {row.theirs} is {theirs!r}, {_metric(row)} is {ours!r}; they {said}.")


def page(found: dict[str, dict[str, Any]]) -> str:
    """The page: one section for each library, one table for each data set."""
    parts = [_HEAD.format(names=_listed([title for title, _ in LIBRARIES.values()]), k=K, depth=DEPTH, split=SPLIT)]
    for library, (title, rows) in LIBRARIES.items():
        answers = {name: given[library] for name, given in found.items()}
        one = next(iter(answers.values()))
        parts.append(f"## {title} {one['version']}\n\nHow: {one['how']}. The file: {FORMS[library]}.\n")
        parts.append(_table(rows, answers))
        notes = [f"- `{row.theirs}` is not `{_metric(row)}`: {row.differs}." for row in rows if row.differs]
        parts.append("\n".join(notes) + "\n" if notes else "Every figure is the same.\n")
    parts.append(_TAIL)
    return "\n".join(parts)


def _listed(names: list[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _table(rows: Sequence[Row], answers: dict[str, Any]) -> str:
    head = "| figure of the library | of recae |" + "".join(f" {name}: library | recae |" for name in answers)
    lines = [f"{head} |", "|---|---|" + "--:|--:|" * len(answers) + "---|"]
    for row in sorted(rows, key=lambda row: bool(row.differs)):
        cells = "".join(
            f" {one['figures'][row.theirs]:.6f} | {one['ours'][_metric(row)]:.6f} |" for one in answers.values()
        )
        said = "another definition" if row.differs else "equal"
        lines.append(f"| `{row.theirs}` | `{_metric(row)}` |{cells} {said} |")
    return "\n".join(lines) + "\n"


_HEAD = """# Lists of other libraries

<!-- Generated by scripts/other_libraries.py; do not edit. -->

`recae evaluate --lists FILE --target FILE` judges anybody's lists. Here {names} wrote theirs,
each in its own form, and gave their own figures for them; beside each stands what recae gives for the same file.
Figures of the same definition are equal to a millionth; where a library means something else by a name, it is said
what, and which figure of recae is the same.

Everybody has the same rows (`{split}`, seed 42), lists of {depth} items, and figures at k = {k}.

| what it is called elsewhere | recae |
|---|---|
| NDCG with the gain 1 / log2(place + 1), the ideal over min(k, relevant) places | `ndcg@k` |
| recall divided by all relevant items | `recall@k` |
| recall divided by min(k, relevant); R-precision at k in RecTools | `trecall@k` |
| average precision divided by min(k, relevant) | `map@k` |
| average precision divided by all relevant items, as in trec_eval | `map-all@k` |
| hit rate, HR, success | `hit@k` |
| precision at as many places as there are relevant items | `rprecision` |
| mean inverse user frequency, mean self-information | `novelty@k` |
| catalogue coverage, of the items that histories have | `coverage@k` |
"""

_TAIL = """## Whom the mean is over
recae's means are over the users who have a target; who has no list counts 0, and a list of somebody without a target is
left out. All four agree where every user with a target has a list, as here. Where some have none:

- RecBole makes a list for every user of its test data, so that nobody is without;
- LensKit takes the mean over the lists (`RunAnalysis.measure`): who has none is not counted;
- RecTools takes the mean over the users of the interactions: who has no list counts 0, as in recae;
- ranx refuses lists and targets of different users; with `make_comparable=True` it does as recae does.

RecBole rounds to four digits unless `metric_decimal_place` says more, as it does here.
"""


if __name__ == "__main__":
    main()
