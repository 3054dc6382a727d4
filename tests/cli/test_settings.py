"""Where an option's value comes from: flag, then environment, then file, then default."""

from __future__ import annotations

from pathlib import Path

import pytest

from recae.cli.options import Bytes, parse_settings
from recae.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "recae.toml"
    path.write_text(
        'seed = 3\nuser-col = "who"\nitem_col = "thing"\nrating-col = "points"\ntime-col = "when"\n'
        '[train]\nmodel = "ease"\nset = {l2 = 7}\n[data.split]\nseed = 4\n'
    )
    return path


def trained(recae, model: Path) -> dict:
    answer = recae("inspect", model, "--json").answer
    return answer["manifest"]["facts"]["configuration"]


def test_flag_over_environment_over_file_over_default(
    recae, log: Path, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    command = ["train", log, "--config", config, "--out", out, "--force"]
    assert recae(*command).code == 0
    kept = trained(recae, out)
    assert (kept["options"]["seed"], kept["settings"]["l2"], kept["reading"]["user_col"]) == (3, 7, "who")
    assert kept["options"]["precision"] == "auto"
    monkeypatch.setenv("RECAE_SEED", "5")
    assert recae(*command).code == 0
    assert trained(recae, out)["options"]["seed"] == 5
    monkeypatch.setenv("RECAE_TRAIN_SEED", "6")
    assert recae(*command).code == 0
    assert trained(recae, out)["options"]["seed"] == 6
    assert recae(*command, "--seed", 8, "--set", "l2=9").code == 0
    kept = trained(recae, out)
    assert (kept["options"]["seed"], kept["settings"]["l2"]) == (8, 9)


def test_options_that_may_be_given_often_take_lists_and_arguments_have_keys_too(
    recae, log: Path, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "recae.toml"
    path.write_text(
        f'[recommend]\nmodeldir = "{model}"\nhistory = ["{log}", "{log}"]\nout = "{tmp_path / "l.csv"}"\n'
        'user-col = "who"\nitem-col = "thing"\nrating-col = "points"\ntop = 3\n'
    )
    outcome = recae("recommend", "--config", path, "--json")
    assert outcome.code == 0, outcome.err
    assert outcome.answer["rows"] == 180


def test_a_table_of_its_own_wins_over_the_top_of_the_file(recae, log: Path, config: Path, tmp_path: Path) -> None:
    answer = recae("data", "split", log, "--config", config, "--out", tmp_path / "s", "--json").answer
    assert answer["seed"] == 4


def test_the_file_itself_can_come_from_the_environment(
    recae, log: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert recae("data", "describe", log).code == 3
    monkeypatch.setenv("RECAE_CONFIG", str(config))
    assert recae("data", "describe", log).code == 0


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    [
        ("sed = 1", 2, "there is no option 'sed'. Did you mean 'seed'?"),
        ("[train]\nmodell = 'ease'", 2, "there is no option 'modell' for train. Did you mean 'model'?"),
        ("[trian]\nmodel = 'ease'", 2, "there is no command for the table [trian]. Did you mean [train]?"),
        ("[data.splitt]\nseed = 4", 2, "the table [data.splitt]. Did you mean [data.split]?"),
        ("[train.more]\nseed = 4", 2, "there is no command for the table [train.more]. Take it out."),
        ("set = {l2 = 4}", 2, "there is no command for the table [set]"),
        ("seed = ", 2, "is no valid TOML file"),
        ("train = 3", 2, "'train' must be a table"),
        ("seed = 'many'", 2, "'many' is not a whole number"),
        (None, 5, "could not be read"),
    ],
)
def test_mistakes_in_the_file(recae, tmp_path: Path, content: str | None, code: int, sentence: str) -> None:
    path = tmp_path / "recae.toml"
    if content is not None:
        path.write_text(content)
    outcome = recae("train", "log.csv", "--config", path, "--model", "ease", "--out", "m")
    assert outcome.code == code
    assert sentence in outcome.err


@pytest.mark.parametrize(
    ("text", "size"), [("512", 512), ("2k", 2048), ("1.5G", 3 << 29), ("8GiB", 8 << 30), ("3 MB", 3 << 20)]
)
def test_amounts_of_memory(text: str, size: int) -> None:
    assert Bytes().convert(text, None, None) == size


def test_a_model_over_the_limit_is_refused_before_it_is_fitted(recae, log: Path, columns, tmp_path: Path) -> None:
    outcome = recae("train", log, *columns, "--model", "ease", "--max-memory", "1K", "--out", tmp_path / "m")
    assert outcome.code == 4
    assert "memory" in outcome.err
    assert not (tmp_path / "m").exists()
    assert recae("train", log, "--model", "ease", "--max-memory", "lots", "--out", tmp_path / "m").code == 2


def test_settings_are_read_as_json_else_as_text() -> None:
    given = ["l2=500", "rate=1e-3", "layers=[600, 200]", "name=tf-idf", "on=true", "empty=", "eq=a=b"]
    assert parse_settings(given) == {
        "l2": 500, "rate": 1e-3, "layers": [600, 200], "name": "tf-idf", "on": True, "empty": "", "eq": "a=b",
    }  # fmt: skip
    with pytest.raises(ConfigError, match="gives 'l2' twice"):
        parse_settings(["l2=1", "l2=2"])


def test_a_bad_value_from_the_environment_is_told_with_its_variable(recae, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["train", "log.csv", "--model", "ease", "--out", "m"]
    monkeypatch.setenv("RECAE_SEED", "x")
    outcome = recae(*command)
    assert outcome.code == 2
    assert "'x' is not a whole number. It comes from the environment variable RECAE_SEED. Try" in outcome.err
    assert "RECAE_SEED" not in recae(*command, "--seed", "y").err
    monkeypatch.setenv("RECAE_TRAIN_SEED", "z")
    assert "the environment variable RECAE_TRAIN_SEED." in recae(*command).err


def test_a_tiny_limit_is_told_as_it_is(recae, log: Path, columns, tmp_path: Path) -> None:
    outcome = recae("train", log, *columns, "--model", "ease", "--max-memory", "900", "--out", tmp_path / "m")
    assert outcome.code == 4
    assert "900 bytes may be used" in outcome.err
