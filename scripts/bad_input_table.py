"""Write docs/bad-input.md: what recae says to malformed input, from the cases that the tests use too.

python scripts/bad_input_table.py
"""

from __future__ import annotations

from pathlib import Path

from bad_input_cases import GROUPS
from bad_input_kit import sentence_for

DOC = Path(__file__).resolve().parent.parent / "docs" / "bad-input.md"

HEAD = """# What recae says to bad input

Input that cannot be used is refused with one sentence and an exit code that a scheduler can act on: 2 for a wrong
option, 3 for input data, 5 for files that cannot be read or written. Nothing is guessed and nothing is silently
left out. `--on-bad drop` (`on_bad="drop"` in Python) leaves out single bad rows instead and counts them.

Line numbers are those of an editor, from 1 and with the header; rows of Parquet files and of tables in memory are
counted from 1 without one.

Control characters in ids, names and paths are told as \N{REPLACEMENT CHARACTER} and very long sentences lose their
middle, so that nothing in the data can move the cursor of a terminal or fill a log. [docs/fuzz.md](fuzz.md) tells of
thousands of damaged inputs.

## What spreadsheets make of CSV

Ids come back exactly as they were read, in CSV and TSV too. An id such as `=1+1`, `+49 30 1234`, `-5`, `@name` or one
that begins with a tab is therefore written as it is, quoted where CSV needs it, and **not** made harmless by an
apostrophe before it: a program that joins the lists with its own tables would no longer find it. Spreadsheets take such
a cell for a formula. To look at lists of ids that strangers chose, read them as text (in Excel: Data, From Text/CSV,
type Text; in LibreOffice: "Evaluate formulas" off), or write `.parquet` or `.jsonl`, which have no formulas.

This page is written by `python scripts/bad_input_table.py`.
"""


def page() -> str:
    parts = [HEAD]
    for title, cases in GROUPS.items():
        parts.append(f"\n## {title}\n\n| input | what recae says | exit code |\n|---|---|---|\n")
        for case in cases:
            sentence, code = sentence_for(case)
            parts.append(f"| {case.what} | {_cell(sentence)} | {code} |\n")
    return "".join(parts)


def _cell(sentence: str) -> str:
    return sentence.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


if __name__ == "__main__":
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(page(), encoding="utf-8")
    print(f"wrote {DOC}")
