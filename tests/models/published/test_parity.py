"""Published checkpoints: ours puts out what the published code did with the same weights."""

from pathlib import Path

import pytest
import torch

from robustpose.models.published.recognition import load_published

from .filling import filled, picture
from .recording import FOLDER, reference, summary

NAMES = sorted(path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz"))


@pytest.mark.parametrize("name", NAMES)
def test_outputs_equal_those_of_the_published_code(name: str, tmp_path: Path) -> None:
    expected = reference(name)
    path = tmp_path / "weights.bin"
    torch.save(filled(expected.shapes, expected.seed), path)
    model = load_published(expected.family, path, size=expected.size)
    assert model.size == expected.size
    torch.manual_seed(expected.seed)
    with torch.no_grad():
        stages = model(picture(expected.size, expected.seed))
    assert len(stages) == len(expected.outputs)
    for stage, output in zip(stages, expected.outputs, strict=True):
        found = summary(stage)
        assert found["shape"] == output["shape"]
        difference = (torch.tensor(found["values"]) - torch.tensor(output["values"])).abs().max()
        assert difference <= 1e-5 * output["largest"]
        assert found["largest"] == pytest.approx(output["largest"], rel=1e-5)
