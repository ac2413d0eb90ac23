"""Checkpoints: what is written comes back; whatever does not fit is named."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from robustpose.errors import UsageError
from robustpose.models import build_model, load_model
from robustpose.models.checkpoints import load_weights, read_checkpoint, save_checkpoint
from robustpose.models.model import PoseModel

NAME = "deeppose-compact"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "new" / f"{NAME}.safetensors"
    save_checkpoint(build_model(NAME, seed=3), {"scores": {"PCK": 12.5}}, path)
    return path


def test_weights_come_back_in_half_precision_and_statistics_exactly(stored: Path) -> None:
    saved, loaded = build_model(NAME, seed=3), load_model(NAME, checkpoint=stored)
    after = loaded.state_dict()
    for key, value in saved.state_dict().items():
        kept = value.half().float() if value.is_floating_point() and value.dim() > 1 else value
        assert torch.equal(after[key], kept)
    assert loaded.card == {"scores": {"PCK": 12.5}}
    assert not loaded.training
    assert [path.name for path in stored.parent.iterdir()] == [stored.name]  # no partial file


def test_weights_that_do_not_fit_are_listed(tiny: Callable[[str], PoseModel]) -> None:
    model = tiny("deeppose")
    weights = model.network.state_dict()
    del weights["fc.bias"]
    weights["head.bias"] = torch.zeros(3)
    weights["fc.weight"] = torch.zeros(28, 5)
    with pytest.raises(UsageError) as error:
        load_weights(model, weights, "file.safetensors")
    for part in (
        "missing: fc.bias (1)",
        "left over: head.bias (1)",
        "fc.weight ((28, 5), expected (28, 64))",
    ):
        assert part in str(error.value)


def test_a_checkpoint_of_another_network_is_refused(stored: Path) -> None:
    with pytest.raises(UsageError, match=r"holds deeppose-compact, expected resdec-compact"):
        load_model("resdec-compact", checkpoint=stored)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(stored: Path, tmp_path: Path, share: float) -> None:
    content = stored.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UsageError, match=r"expected a safetensors checkpoint at .*cut"):
        read_checkpoint(path)


def test_files_of_other_programs_are_refused(tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, foreign)
    with pytest.raises(UsageError, match="names no model"):
        read_checkpoint(foreign)
    text = tmp_path / "weights.safetensors"
    text.write_text("not weights at all")
    with pytest.raises(UsageError, match="expected a safetensors checkpoint"):
        read_checkpoint(text)
    with pytest.raises(UsageError, match="found no file"):
        read_checkpoint(tmp_path / "nothing.safetensors")


def test_names_without_weights_say_how_to_get_them() -> None:
    with pytest.raises(UsageError, match="unknown network 'hourglass9'"):
        load_model("hourglass9")
    with pytest.raises(UsageError, match="robustpose train hourglass2"):
        load_model("hourglass2")
