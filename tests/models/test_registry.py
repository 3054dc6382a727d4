from __future__ import annotations

import subprocess
import sys

import pytest

from recae.errors import ConfigError
from recae.models.registry import MODELS, create, model_class, model_names


@pytest.mark.parametrize("name", model_names())
def test_every_name_finds_the_class_that_bears_it(name):
    assert model_class(name).info.name == name
    assert repr(create(name)).startswith(model_class(name).__name__ + "(")


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"There is no model 'eaze'\. Did you mean ease"):
        model_class("eaze")


def test_a_name_like_no_other_is_answered_with_all():
    with pytest.raises(ConfigError, match=", ".join(MODELS)):
        create("transformer9000")


def test_all_mistakes_in_hyper_parameters_are_told_at_once():
    with pytest.raises(ConfigError, match=r"ials cannot .*factors must be .*\(got 0\); .*there is no lambda") as caught:
        create("ials", **{"factors": 0, "lambda": 3})
    assert "It has: factors, l2, alpha, epochs." in str(caught.value)
    with pytest.raises(ConfigError, match=r"there is no factor \(did you mean factors"):
        create("ials", factor=3)


def test_text_from_a_command_line_becomes_numbers():
    assert create("ease", l2="250").config.l2 == 250.0


def test_the_registry_itself_loads_no_model():
    code = "import sys, recae.models.registry; print([m for m in sys.modules if m in ('torch', 'implicit', 'scipy')])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
