"""Defended networks by name: every defence, several in a row, and what is refused."""

import shutil
from pathlib import Path

import pytest
import torch
from torch import Tensor

from robustpose.defenses import DEFENSES, Defended, defended, load_defended, split_defenses
from robustpose.errors import UsageError
from robustpose.models import bundled_path, load_model

from .conftest import DEFENSES as ONE_OF_EACH


def test_every_defence_has_a_name_that_gives_it_back() -> None:
    for defense in ONE_OF_EACH:
        assert split_defenses(f"resdec-matched+{defense.name}") == ("resdec-matched", (defense,))
    assert {defense.name.partition(":")[0] for defense in ONE_OF_EACH} == set(DEFENSES)


@pytest.mark.parametrize("text", ["gaussian:1", "gaussian:1.0", "gaussian:1e0"])
def test_one_setting_has_one_name(text: str) -> None:
    _, (defense,) = split_defenses(f"resdec-matched+{text}")
    assert defense.name == "gaussian:1"


def test_a_network_is_loaded_behind_its_defences(pictures: Tensor) -> None:
    safe = load_defended("deeppose-matched+jpeg:75+mirror")
    assert safe.name == "deeppose-matched+jpeg:75+mirror"
    assert isinstance(safe, Defended)
    assert not any(parameter.requires_grad for parameter in safe.parameters())
    expected = defended(load_model("deeppose-matched"), *safe.defenses)
    assert torch.equal(safe(pictures)[0], expected(pictures)[0])
    assert type(load_defended("deeppose-matched")) is type(load_model("deeppose-matched"))


def test_a_file_may_have_a_plus_in_its_name(tmp_path: Path) -> None:
    file = tmp_path / "a+b" / "mine+bits.safetensors"
    file.parent.mkdir()
    shutil.copy(bundled_path("deeppose-matched"), file)
    text = f"deeppose-matched:{file}"
    assert split_defenses(text) == (text, ())
    assert load_defended(f"{text}+bits:3").name == "deeppose-matched+bits:3"
    with pytest.raises(UsageError, match="unknown defence 'jpg'"):
        split_defenses(f"{text}+jpg:75")
    with pytest.raises(UsageError, match="found no file"):
        load_defended(f"deeppose-matched:{tmp_path / 'none'}+bits:3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("resdec-mached+jpeg:75", "did you mean resdec-matched"),
        ("resdec-matched+jpg:75", "unknown defence 'jpg': did you mean jpeg"),
        ("resdec-matched+", "unknown defence ''"),
        ("resdec-matched+jpeg", r"expected \+jpeg:QUALITY with a whole number, found \+jpeg"),
        ("resdec-matched+jpeg:7.5", "with a whole number"),
        ("resdec-matched+jpeg:0", "quality from 1 to 100, found 0"),
        ("resdec-matched+gaussian:wide", r"expected \+gaussian:SIGMA with a number"),
        ("resdec-matched+gaussian:nan", "sigma above 0"),
        ("resdec-matched+mirror:1", r"mirror has no setting: expected \+mirror"),
        ("resdec-matched+median:4", "odd window"),
        ("resdec-matched+resize:2", "up to 1"),
        ("resdec+bits:3", "no weights in the package"),
    ],
)
def test_a_wrong_name_says_what_was_expected(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_defended(text)
