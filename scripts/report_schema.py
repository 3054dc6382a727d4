"""Write the JSON Schema of report.json and docs/report-schema.md from the types that describe it.

Usage: python scripts/report_schema.py [--check]   With --check nothing is written; ends with 1 if something would be.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import itertools
import json
import re
import sys
import textwrap
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from recae.reports.document import ReportDocument
from recae.reports.structured import SCHEMA
from recae.store.measured import MEASURED, OF_ONE_RUN

ROOT = Path(__file__).resolve().parent.parent
SCHEMA_FILE = ROOT / "recae" / "reports" / "schemas" / f"{SCHEMA.replace('/', '-')}.json"
PAGE = ROOT / "docs" / "report-schema.md"
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"}, int: {"type": "integer"}, bool: {"type": "boolean"}, float: {"type": ["number", "null"]},
    type(None): {"type": "null"}, Any: {},
}  # fmt: skip
INTRODUCTION = """# report.json

`recae compare` writes everything that its report shows as `report.json`, in full precision, beside `per-user.parquet`,
which holds every metric for every user. The file is UTF-8 JSON without NaN or infinity: any number that is not whole
can be `null`, where there is none or it is not finite. Titles, ids, names and paths are text from outside, as it came;
escape them before you show them.

The file's JSON Schema (draft 2020-12) comes with the package:

```python
from recae.reports.document import schema

schema()  # {"$id": "recae-comparison/1", ...}
```

## Versions

The key `schema` names the form and its version, now `SCHEMA`. Within a version keys only ever join, and none
changes its meaning; a reader that passes over keys it does not know reads every file of its version. When a key goes or
means something else, the version goes up. Keys that *may be missing* joined after the first files of this version, or
are written only where there is something to say.

## The same again

Two runs of the same comparison on one machine (the same data, settings, seed, versions and threads, interrupted or not)
write the same file but for the keys marked *measured*, and in `facts` FACTS.

## per-user.parquet

One row for each model and test user with targets: `model` (its `name` below), the user in the column and with the ids
of the input (`user_column` below), and a float64 column for each metric that has a value per user, null for models
that cannot be judged by it.
""".replace("SCHEMA", SCHEMA).replace("FACTS", ", ".join(f"`{key}`" for key in sorted(OF_ONE_RUN - {"created"})))
MARK = "x-measured"


def build() -> dict[str, Any]:
    """The schema of a whole report."""
    known: dict[str, dict[str, Any]] = {}
    of_type(ReportDocument, known)
    whole = known.pop(ReportDocument.__name__)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA, "title": "report.json"}
    return head | whole | {"$defs": dict(sorted(known.items()))}


def of_type(kind: Any, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of a type; those of classes join `known` and are referred to."""
    if kind in PLAIN:
        return dict(PLAIN[kind])
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Literal:
        return {"enum": list(inner)}
    if origin in (Union, types.UnionType):
        return either([of_type(one, known) for one in inner])
    if origin is tuple and inner[-1] is not Ellipsis:
        parts = [of_type(one, known) for one in inner]
        return {"type": "array", "prefixItems": parts, "minItems": len(parts), "maxItems": len(parts)}
    if origin in (list, tuple):
        return {"type": "array", "items": of_type(inner[0], known)}
    if origin in (dict, Mapping):
        return {"type": "object", "additionalProperties": of_type(inner[1], known)}
    if getattr(origin, "_name", "") in ("NotRequired", "Required"):
        return of_type(inner[0], known)
    if kind.__name__ not in known:
        known[kind.__name__] = {}
        known[kind.__name__].update(of_class(kind, known))
    return {"$ref": f"#/$defs/{kind.__name__}"}


def either(kinds: list[dict[str, Any]]) -> dict[str, Any]:
    """One of several, plainly where they are plain."""
    if all(kind.keys() == {"type"} for kind in kinds):
        names = [
            name for kind in kinds for name in (kind["type"] if isinstance(kind["type"], list) else [kind["type"]])
        ]
        return {"type": list(dict.fromkeys(names))}
    return {"anyOf": kinds}


def of_class(kind: type, known: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema of a TypedDict or a dataclass, with what the source says of each key."""
    hints, said = get_type_hints(kind), told(kind)
    if is_typeddict(kind):
        names, needed = list(hints), sorted(kind.__required_keys__)  # type: ignore[attr-defined]
    else:
        fields = dataclasses.fields(kind)
        names = [field.name for field in fields]
        needed = [f.name for f in fields if f.default is f.default_factory is dataclasses.MISSING]
    keys = {
        name: of_type(hints[name], known)
        | ({"description": said[name]} if name in said else {})
        | ({MARK: True} if name in MEASURED else {})
        for name in names
    }
    about = inspect.cleandoc(kind.__doc__ or "").split("\n\n")[0].replace("\n", " ")
    about = _json_words(about)
    return {"type": "object", "description": about, "properties": keys, "required": needed}


def told(kind: type) -> dict[str, str]:
    """Field -> the string below it in the source."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0].body  # type: ignore[attr-defined]
    found = {}
    for field, below in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant):
            found[field.target.id] = _json_words(" ".join(str(below.value.value).split()))  # type: ignore[union-attr]
    return found


def _json_words(text: str) -> str:
    return re.sub(r"\b(None|NaN)\b", "null", text)


def page(whole: dict[str, Any]) -> str:
    """The schema as Markdown: one table for each kind of object."""
    parts = [INTRODUCTION, "## The whole\n", table(whole)]
    for name, kind in whole["$defs"].items():
        parts += [f"## {name}\n", kind["description"] + "\n", table(kind)]
    return "\n".join(parts) + "\n<!-- Written by scripts/report_schema.py. -->\n"


def table(kind: dict[str, Any]) -> str:
    lines = ["| key | value | |", "|---|---|---|"]
    for name, key in kind["properties"].items():
        later = "" if name in kind["required"] else "*May be missing.* "
        later += "*Measured.* " if key.get(MARK) else ""
        about = (later + key.get("description", "")).replace("|", r"\|").strip()
        lines.append(f"| `{name}` | {named(key)} | {about} |")
    return "\n".join(lines) + "\n"


def named(key: dict[str, Any]) -> str:
    """The type of a value in words, with links to the objects."""
    if "$ref" in key:
        name = key["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in key:
        return " or ".join(f'`"{value}"`' for value in key["enum"])
    if "anyOf" in key:
        return " or ".join(named(one) for one in key["anyOf"])
    if "prefixItems" in key:
        return f"[{', '.join(named(one) for one in key['prefixItems'])}]"
    if key.get("type") == "array":
        return f"list of {named(key['items'])}"
    if key.get("type") == "object":
        return f"object of {named(key['additionalProperties'])}" if key["additionalProperties"] else "object"
    kinds = key.get("type", "any value")
    if kinds == ["number", "null"]:
        return "number"
    return kinds if isinstance(kinds, str) else " or ".join(kinds)


def main() -> None:
    whole = build()
    wanted = {SCHEMA_FILE: json.dumps(whole, indent=2, ensure_ascii=False) + "\n", PAGE: page(whole)}
    stale = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        sys.exit(1 if stale else 0)
    for path in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")


if __name__ == "__main__":
    main()
