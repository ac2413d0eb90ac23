"""Backbones: encoders from files arrive whole, and files that do not fit are refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from robustpose.data.people import Split
from robustpose.data.rendered import rendered_people
from robustpose.errors import UsageError
from robustpose.models import bundled_path, load_model
from robustpose.models.checkpoints import save_checkpoint
from robustpose.models.deeppose import deeppose
from robustpose.models.model import PoseModel
from robustpose.models.resnet import ResNet
from robustpose.models.simcc import simcc
from robustpose.training import pretext, runs
from robustpose.training.backbones import encoder_of, read_backbone, take_encoder, weights_path
from robustpose.training.recipe import Recipe
from robustpose.training.runs import Listener, TrainingRun, run_training

CPU = torch.device("cpu")
WRITTEN: dict[str, Callable[[dict[str, Tensor]], object]] = {
    "bare": dict,
    "in a dictionary": lambda weights: {"epoch": 90, "state_dict": weights},
    "of DataParallel": lambda weights: {
        "state_dict": {f"module.{name}": tensor for name, tensor in weights.items()}
    },
    "without counters": lambda weights: {
        name: tensor for name, tensor in weights.items() if "num_batches" not in name
    },
}


def torchvision_weights(depth: int = 18, width: int = 8) -> dict[str, Tensor]:
    """Return random weights under the names that torchvision gives them."""
    network = ResNet(depth, width=width)
    weights = {
        name: torch.rand(tensor.shape) if tensor.is_floating_point() else torch.tensor(7)
        for name, tensor in network.state_dict().items()
    }
    return {
        **weights,
        "fc.weight": torch.rand(1000, network.channels),
        "fc.bias": torch.rand(1000),
    }


@pytest.mark.parametrize(("depth", "count"), [(18, 122), (34, 218), (50, 320), (101, 626)])
def test_names_are_those_of_torchvision(depth: int, count: int) -> None:
    # Counts and shapes of torchvision.models.resnetN().state_dict(), version 0.20.
    weights = torchvision_weights(depth, width=64)
    last = "layer4.1.bn2" if depth < 50 else "layer4.2.bn3"
    assert len(weights) == count
    assert weights["conv1.weight"].shape == (64, 3, 7, 7)
    assert weights["layer2.0.downsample.0.weight"].shape[0] == (128 if depth < 50 else 512)
    assert weights[f"{last}.running_var"].shape == (512 if depth < 50 else 2048,)


@pytest.mark.parametrize("name", ["deeppose", "resdec"])
@pytest.mark.parametrize("written", WRITTEN)
def test_a_torchvision_file_fills_the_encoder_and_nothing_else(
    name: str, written: str, tiny: Callable[[str], PoseModel], tmp_path: Path
) -> None:
    weights, path = torchvision_weights(), tmp_path / "resnet18.pth"
    torch.save(WRITTEN[written](weights), path)
    model, untouched = tiny(name), tiny(name).state_dict()
    backbone = read_backbone(path, source=str(path))
    count = take_encoder(model, backbone.weights)
    counters = written != "without counters"
    assert count == 120 if counters else 100
    for key, value in model.network.state_dict().items():
        own = key.removeprefix("encoder.")
        taken = own != key and (counters or "num_batches" not in key)
        assert torch.equal(value, weights[own] if taken else untouched[f"network.{key}"]), key
    assert backbone.record["source"] == "resnet18.pth"
    assert len(backbone.record["sha256"]) == 64


def test_deeper_encoders_and_safetensors(tmp_path: Path) -> None:
    weights = torchvision_weights(50)
    save_file(weights, tmp_path / "resnet50.safetensors")
    model = deeppose("fifty", depth=50, width=8, size=(64, 64))
    backbone = read_backbone(tmp_path / "resnet50.safetensors", source="resnet50")
    assert take_encoder(model, backbone.weights) == 318
    found = encoder_of(model).layer3[5].conv2.weight
    assert torch.equal(found, weights["layer3.5.conv2.weight"])


def test_files_that_do_not_fit_are_refused_with_what_differs(
    tiny: Callable[[str], PoseModel], tmp_path: Path
) -> None:
    def refused(weights: dict[str, Tensor], said: str) -> None:
        torch.save(weights, tmp_path / "file.pth")
        backbone = read_backbone(tmp_path / "file.pth", source="file.pth")
        before = tiny("resdec").state_dict()
        with pytest.raises(UsageError, match=said):
            take_encoder(model, backbone.weights, source="file.pth")
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())

    model = tiny("resdec")
    fitting = torchvision_weights()
    fewer = {name: tensor for name, tensor in fitting.items() if "layer4.1" not in name}
    refused(fewer, r"encoder of tiny-resdec; missing: 10 tensors, first encoder\.layer4\.1\.bn1")
    refused({**fitting, "head.weight": torch.ones(1)}, r"left over: 1 tensors, first encoder\.head")
    refused(torchvision_weights(34), r"left over: 96 tensors, first encoder\.layer1\.2")
    wide = r"of another shape: 100 tensors, first encoder\.bn1\.bias \(64,\), expected \(8,\)"
    refused(torchvision_weights(width=64), wide)
    refused({"features.0.weight": torch.ones(2)}, r"holds no ResNet.* named features\.0\.weight")


def test_networks_without_an_encoder_are_refused(tiny: Callable[[str], PoseModel]) -> None:
    weights = {f"encoder.{name}": tensor for name, tensor in torchvision_weights().items()}
    with pytest.raises(UsageError, match=r"tiny-hourglass takes no backbone.*it has none"):
        take_encoder(tiny("hourglass"), weights)


def test_checkpoints_give_their_encoder_and_their_card(
    tiny: Callable[[str], PoseModel], tmp_path: Path
) -> None:
    giver, taker = tiny("resdec", 1), tiny("deeppose")
    path = tmp_path / "tiny-resdec.safetensors"
    save_checkpoint(giver, {"seed": 1}, path)
    backbone = read_backbone(path, source="somewhere/tiny-resdec.safetensors")
    take_encoder(taker, backbone.weights)
    for name, tensor in encoder_of(giver).state_dict().items():
        torch.testing.assert_close(
            encoder_of(taker).state_dict()[name], tensor, rtol=1e-3, atol=1e-6
        )
    assert backbone.record["source"] == "tiny-resdec.safetensors"
    assert backbone.record["network"] == "tiny-resdec"
    assert backbone.record["card"] == {"seed": 1}


def test_an_encoder_that_lies_deeper_is_found(tmp_path: Path) -> None:
    sizes = {"depth": 18, "width": 8, "features": 16, "size": (64, 64)}
    giver, taker = simcc("giver", **sizes), simcc("taker", **sizes)  # type: ignore[arg-type]
    save_checkpoint(giver, {}, tmp_path / "giver.safetensors")
    take_encoder(taker, read_backbone(tmp_path / "giver.safetensors", source="giver").weights)
    found, given = (encoder_of(model).layer4[1].conv2.weight for model in (taker, giver))
    assert torch.equal(found, given.half().float())


def test_bundled_networks_are_found_by_name_and_others_refused(tmp_path: Path) -> None:
    assert weights_path("resdec-compact") == bundled_path("resdec-compact")
    assert weights_path(str(tmp_path)) == tmp_path
    backbone = read_backbone(weights_path("resdec-compact"), source="resdec-compact")
    assert backbone.record["network"] == "resdec-compact"
    assert "scores" in backbone.record["card"]
    with pytest.raises(UsageError, match=r"comes with some .*resdec-compact.*found resdec-compct"):
        weights_path("resdec-compct")
    with pytest.raises(UsageError, match="found no file"):
        read_backbone(tmp_path, source="a folder")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> TrainingRun:
    """Return a run of two steps on four people, with two held-out people in its pretext."""

    def few(_: str, *, split: str) -> Split:
        return rendered_people(split, count=4, pixels=64)

    monkeypatch.setattr(runs, "load_people", few)

    def short(*, images: int, seed: int) -> Recipe:
        return replace(pretext.pretext_recipe(images=images, seed=seed), batch_size=4)

    monkeypatch.setattr(runs, "pretext_recipe", short)
    monkeypatch.setattr(runs, "pretrain", partial(pretext.pretrain, held_out=2))
    return TrainingRun(
        network="deeppose-compact",
        data=("rendered",),
        out=tmp_path / "out",
        cache=tmp_path / "cache",
        recipe=Recipe(images=4, batch_size=2, seed=5),
        backbone="pretext",
        pretext_images=8,
    )


def test_a_run_pre_trains_once_and_its_card_says_so(run: TrainingRun) -> None:
    said: list[str] = []
    listener = Listener(says=said.append)
    path = run_training(run, device=CPU, listener=listener)
    assert sum("pre-training the encoder" in text for text in said) == 1
    made = (run.out / "pretext.safetensors").stat().st_mtime_ns
    steps: list[object] = []
    run_training(run, device=CPU, listener=Listener(says=said.append, stepped=steps.append))
    assert steps == []
    assert (run.out / "pretext.safetensors").stat().st_mtime_ns == made
    record = json.loads(json.dumps(load_model(run.network, checkpoint=path).card["encoder"]))
    card = record["card"]
    assert record["source"] == record["network"] == "pretext"
    assert (card["images"], card["people"], card["seed"]) == (8, 8, 5)
    assert card["accuracy"] in (0, 50, 100)
    assert card["chance"] == pytest.approx(100 / 12, abs=0.01)


def test_a_run_starts_from_the_encoder_that_it_is_given(
    run: TrainingRun, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    weights, started = torchvision_weights(width=24), []
    torch.save(weights, tmp_path / "resnet18.pth")

    class Watched(runs.Trainer):
        def __init__(self, model: PoseModel, *arguments: object, **options: object) -> None:
            started.append(encoder_of(model).layer4[1].conv2.weight.detach().clone())
            super().__init__(model, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "Trainer", Watched)
    given = {"network": run.network, "data": run.data, "cache": run.cache, "recipe": run.recipe}
    path = run_training(
        TrainingRun(**given, out=run.out, backbone=str(tmp_path / "resnet18.pth")),  # type: ignore[arg-type]
        device=CPU,
        listener=Listener(),
    )
    assert torch.equal(started[0], weights["layer4.1.conv2.weight"])
    assert load_model(run.network, checkpoint=path).card["encoder"]["source"] == "resnet18.pth"
    assert load_model(run.network, checkpoint=path).card["start"] is None
    both = TrainingRun(**given, out=run.out, backbone="pretext", start="resdec-compact")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="give one of them"):
        run_training(both, device=CPU, listener=Listener())


def test_cards_from_before_still_say_where_an_encoder_came_from() -> None:
    # They hold the name alone; in all cards, None means random weights.
    assert load_model("resdec-compact").card["encoder"] is None
    assert (
        load_model("deeppose-best-compact").card["encoder"].endswith("resdec-compact.safetensors")
    )
