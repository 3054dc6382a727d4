"""docs/fuzz.md: what ran, how it ended, and the findings, which people write and this keeps."""

from __future__ import annotations

import os
import platform
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from fuzzing.cases import KINDS
from fuzzing.pool import LONGEST
from fuzzing.worker import LARGEST_GROWTH, LONGEST_ANSWER, Outcome
from recae.counted import counted

_START, _END = "<!-- findings: written by hand -->", "<!-- end of the findings -->"
_HOW = f"""\
It damages sound inputs by chance, hands each to a command and looks at what becomes of it. Bits are flipped; pieces
cut, moved, doubled and put in; values of manifests, shapes and offsets replaced by those of other types; files
replaced by links, loops, folders, pipes and devices; checksums mended afterwards, mostly, so that what lies behind
them is tested as well. `--replay SEED/NUMBER` does one case again. A case fails if there is

- a traceback or an internal error, an exit code that is not documented, or no sentence;
- control characters or more than {LONGEST_ANSWER >> 10} KB in the answer, or no JSON object where one was asked for;
- no answer in {LONGEST:g} seconds, without those in which other programs had the processors;
- more than {LARGEST_GROWTH >> 30} GB of memory beyond that at the start;
- a change to any file outside of the output folder."""
_SENTENCES = {
    "table": "logs as CSV, TSV, `::`, JSON lines, Parquet, gzip, bzip2, zstd",
    "side-table": "catalogues, lists, lists of ids",
    "model": "model folders of ten models",
    "data-folder": "splits, prepared logs, prepared splits",
    "comparison": "folders of comparisons, leaderboards",
    "job": "JOB.toml",
    "config": "files for `--config`",
    "giant": "bombs of 1 GB, a million columns, fields of 64 MB, ids of 10 MB, 100 million rows",
}


def write_page(path: Path, outcomes: Sequence[Outcome], seed: int) -> None:
    """Write the page anew, with the findings that it holds."""
    findings = _findings(path)
    failed = [outcome for outcome in outcomes if outcome.complaint]
    machine = f"{platform.machine()} with {os.cpu_count()} processors, Python {platform.python_version()}"
    taken = f"{sum(outcome.seconds for outcome in outcomes):,.0f} seconds of work"
    text = [
        "# Hostile input, by the thousand",
        f"`python scripts/fuzz.py --cases {len(outcomes)} --seed {seed}` writes this page but for the findings.",
        _HOW,
        f"{counted(len(outcomes), 'case')}, {counted(len(failed), 'failure')}, {taken}, {machine}.",
        _table(outcomes),
        _complaints(failed),
        "## What was found",
        f"{_START}\n{findings}\n{_END}",
    ]
    path.write_text("\n\n".join(part for part in text if part) + "\n", encoding="utf-8")


def _findings(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return text.partition(_START)[2].partition(_END)[0].strip() or "Nothing yet."


def _table(outcomes: Sequence[Outcome]) -> str:
    codes = sorted({outcome.code for outcome in outcomes if outcome.code is not None})
    columns = ["kind", "what", "cases", "failed", *(f"exit {code}" for code in codes), "longest, s", "memory, MB"]
    lines = [
        f"| {' | '.join(columns)} |",
        "|---|---|--:|--:|" + "--:|" * (len(codes) + 2),
    ]
    for kind in KINDS:
        mine = [outcome for outcome in outcomes if outcome.kind == kind]
        if not mine:
            continue
        counted = Counter(outcome.code for outcome in mine)
        cells = [
            kind, _SENTENCES[kind], f"{len(mine):,}", str(sum(bool(outcome.complaint) for outcome in mine)),
            *(f"{counted[code]:,}" for code in codes),
            f"{max(outcome.seconds for outcome in mine):.1f}", f"{max(outcome.memory for outcome in mine) >> 20:,}",
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "Memory is that of the process with all libraries, at its largest."])


def _complaints(failed: Sequence[Outcome]) -> str:
    counted = Counter((outcome.kind, outcome.complaint) for outcome in failed)
    return "\n".join(f"- {count} x {kind}: {complaint}" for (kind, complaint), count in counted.most_common(20))
