"""Configuration files that nobody wrote to configure anything: refused at once, whatever they would take to be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from recae.errors import ConfigError
from recae.store.toml import DEEPEST, LARGEST, read_toml


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a = " + "9" * 5000, "number of thousands of digits"),
        ("a = " + "[" * 10_000, "nested too deeply"),
        ("a = " + "{a=" * 10_000, "nested too deeply"),
        ("a = " + "[" * 50 + "]" * 50, "nested too deeply"),
        # Read by tomllib, these would take hours and hundreds of gigabytes.
        ("a" + ".a" * 400_000 + " = 1", "nested too deeply"),
        ("[" + "a." * 400_000 + "a]", "nested too deeply"),
        ("x = 1\n" + " . ".join(['"a"'] * 160_000) + " = 1", "nested too deeply"),
        ("'a'" + r'."\""' * 200_000 + " = 1", "nested too deeply"),
        ("x = 1\n  [a, {" + "b." * 99_999 + "c = 1}]", "nested too deeply"),
        ("x" * LARGEST + "y", "longer than"),
        ('path = "a\\u0000b"', "zero character"),
        ('a = { b = [["\\u0000"]] }', "zero character"),
        ('"\\u0000" = 1', "zero character"),
        ("= 1", "no valid TOML"),
    ],
    ids=lambda value: value[:12],
)
def test_it_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(text)
    with pytest.raises(ConfigError, match=rf"job\.toml .*{sentence}"):
        read_toml(tmp_path / "job.toml")


def test_what_somebody_wrote_is_read(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text(
        f'version = "{".".join("123456789" * 9)}"\nfiles = ["a.b.c", "../x.y"]\n{"#" * 9999}\n'
        f"a{'.a' * (DEEPEST - 2)} = 1.5\n"
    )
    assert read_toml(tmp_path / "job.toml")["files"] == ["a.b.c", "../x.y"]


def test_a_text_that_looks_like_a_deep_key_is_a_text(tmp_path: Path) -> None:
    text = "a, " + ".".join("a" * 2 * DEEPEST)
    path = tmp_path / "job.toml"
    path.write_text(f'x = "{text}"\n')
    assert read_toml(path) == {"x": text}
