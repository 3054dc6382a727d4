"""The commands that are disturbed, on a part of the sample, and what each of them leaves behind."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from chaotic.children import call

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "interactions.csv"
EVERY = 6
"""Of the sample's users one of so many takes part, so that a job takes seconds."""
_TOML = """
out = "OUT"
max_memory = "1G"
[input]
log = "LOG"
min_rating = RATING
[judging]
split = "user-holdout:valid=0.2,test=0.2,observed=0.8"
metrics = ["ndcg@10", "recall@20"]
[model]
name = "mult-vae"
settings = { epochs = 12, hidden = 32, patience = 0 }
[gate]
fail_under = { "ndcg@10" = 0.01 }
[lists]
top = TOP
"""


@dataclass(frozen=True)
class Job:
    """Commands that make one output, in the folder of a case, beside which lies `inputs`."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    new: tuple[str, ...] = ()
    """Options of what is disturbed."""
    old: tuple[str, ...] = ()
    """Options of what stood at the same place before."""
    force: tuple[str, ...] = ("--force",)
    """What lets it replace the old output."""
    resume: tuple[str, ...] = ()
    """What lets it go on."""
    out: str = "out"
    keeps: tuple[str, ...] = ()
    """What stays beside the output by design."""

    def calls(self, *, old: bool = False, force: bool = False) -> list[list[str]]:
        """The arguments of each command."""
        more = (*(self.old if old else self.new), *(self.force if force else ()), *self.resume)
        return [[*command, *more] for command in self.commands]


_LOG = "../inputs/log.csv"
_SETTINGS = ("--set", "epochs=12", "--set", "hidden=32", "--set", "patience=0")
_TRAIN = ("train", _LOG, "--model", "mult-vae", *_SETTINGS, "--out", "out")
_RECOMMEND = ("recommend", "../inputs/model", "--history", _LOG, "--out", "out")
_MODELS = ("--models", "ease,ials,popularity", "--trials", "2", "--metrics", "ndcg@10,recall@20")
_RESUME = ("--resume",)
JOBS = (
    Job("prepare", (("data", "prepare", _LOG, "--out", "out"),), old=("--min-rating", "4")),
    Job("split", (("data", "split", _LOG, "--out", "out"),), old=("--seed", "7")),
    Job("train", (_TRAIN,), old=("--seed", "7"), resume=_RESUME),
    Job("compare", (("compare", _LOG, *_MODELS, "--out", "out"),), old=("--seed", "7"), resume=_RESUME),
    Job("recommend", (_RECOMMEND,), ("--top", "20"), ("--top", "10"), resume=_RESUME),
    Job("shards", tuple((*_RECOMMEND, "--shard", f"{i}/3") for i in (1, 2, 3)), ("--top", "20"), ("--top", "10"),
        resume=_RESUME),
    Job("run", (("run",),), ("../inputs/new.toml",), ("../inputs/old.toml",), force=(), keeps=(".out.work",)),
)  # fmt: skip


def make_inputs(place: Path) -> None:
    """Write what the jobs read into `place`/inputs."""
    folder = place / "inputs"
    folder.mkdir(parents=True, exist_ok=True)
    with SAMPLE.open(newline="") as source, (folder / "log.csv").open("w", newline="") as target:
        rows, out = csv.reader(source), csv.writer(target)
        out.writerow(next(rows))
        out.writerows(row for row in rows if int(row[0]) % EVERY == 0)
    for name, top, rating in (("new", "20", "4"), ("old", "10", "3")):
        # The same place as the output of other jobs, whatever the case's folder is called.
        text = _TOML.replace("TOP", top).replace("RATING", rating).replace("OUT", str(place / "case" / "out"))
        (folder / f"{name}.toml").write_text(text.replace("LOG", str(folder / "log.csv")))
    told = call(["train", "log.csv", "--model", "ease", "--out", "model", "--force"], folder)
    if told.code:
        raise SystemExit(f"The model for the lists could not be made: {told.text}")
