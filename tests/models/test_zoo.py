"""Every network of the zoo: shapes, determinism, gradients, files, export, costs."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from robustpose.models import ZOO, build_model, load_model
from robustpose.models.catalogue import catalogue
from robustpose.models.checkpoints import save_checkpoint
from robustpose.models.codecs import MapCodec
from robustpose.models.complexity import complexity
from robustpose.models.hourglass import hourglass
from robustpose.models.hrnet import hrnet
from robustpose.models.model import PoseModel
from robustpose.models.published import FAMILIES
from robustpose.models.simple_baseline import resdec
from robustpose.skeletons import COCO17, LSP14, MPII16

SMALL = [name for name in ZOO if name.endswith("matched")]
"""One of every architecture and codec."""


def pictures(model: PoseModel, count: int = 1) -> Tensor:
    return torch.rand(count, 3, *model.size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ZOO)
def test_every_network_answers_for_every_joint(name: str) -> None:
    model = build_model(name).frozen()
    with torch.no_grad():
        stages = model(pictures(model))
    assert len(stages) == len(model.codecs)
    for codec, stage in zip(model.codecs, stages, strict=True):
        if isinstance(codec, MapCodec):
            assert stage.shape == codec.encode(torch.zeros(1, 14, 2)).shape
    pose = model.decode(stages)
    assert model.skeleton == LSP14
    assert pose.joints.shape == (1, 14, 2)
    assert pose.confidence.shape == (1, 14)
    assert pose.joints.isfinite().all()
    losses = model.losses(stages, torch.full((1, 14, 2), 40.0), torch.ones(1, 14))
    assert all(loss.shape == (1,) and loss.isfinite().all() for loss in losses)


@pytest.mark.parametrize("name", SMALL)
def test_a_seed_builds_the_same_weights_and_leaves_the_generator_alone(name: str) -> None:
    state = torch.get_rng_state()
    one, same, other = (build_model(name, seed=seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", SMALL)
def test_answers_are_the_same_again_and_one_by_one(name: str) -> None:
    model = build_model(name).frozen()
    images = pictures(model, 3)
    with torch.no_grad():
        first, again = model(images), model(images)
        alone = [model(images[i : i + 1])[-1] for i in range(3)]
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    torch.testing.assert_close(torch.cat(alone), first[-1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SMALL)
def test_gradients_reach_the_picture_and_every_weight(name: str) -> None:
    model = build_model(name)
    images = pictures(model, 2).requires_grad_()
    losses = model.losses(model(images), torch.full((2, 14, 2), 40.0), torch.ones(2, 14))
    torch.stack(losses).sum().backward()
    assert images.grad is not None
    assert images.grad.isfinite().all()
    assert images.grad.abs().flatten(1).sum(dim=1).min() > 0
    without = [key for key, weight in model.named_parameters() if weight.grad is None]
    assert not without


@pytest.mark.parametrize("name", SMALL)
def test_weights_come_back_from_a_file(name: str, tmp_path: Path) -> None:
    saved, path = build_model(name, seed=3).frozen(), tmp_path / "weights.safetensors"
    save_checkpoint(saved, {}, path)
    loaded = load_model(name, checkpoint=path)
    images = pictures(saved)
    with torch.no_grad():
        before, after = saved(images)[-1], loaded(images)[-1]
    scale = float(before.abs().max())
    torch.testing.assert_close(after, before, rtol=0, atol=0.02 * scale)  # half precision
    if ZOO[name].family in FAMILIES:
        assert load_model(ZOO[name].family, checkpoint=path).name == name


@pytest.mark.parametrize("name", SMALL)
def test_networks_can_be_exported(name: str) -> None:
    model = build_model(name).frozen()
    images = pictures(model)
    exported = torch.export.export(model, (images,), strict=False).module()
    with torch.no_grad():
        torch.testing.assert_close(exported(images)[-1], model(images)[-1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SMALL)
def test_every_network_learns_a_few_pictures(name: str) -> None:
    model = build_model(name).train()
    images, joints = pictures(model, 4), torch.full((4, 14, 2), 40.0)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    losses: list[float] = []
    for _ in range(5):
        loss = torch.stack(model.losses(model(images), joints, torch.ones(4, 14))).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[1:]) < losses[0]


PUBLISHED = {  # millions of parameters, "GFLOPs" as their tables have them
    "SimpleBaseline R50": (
        lambda: resdec("x", depth=50, size=(256, 192), skeleton=COCO17),
        34.0,
        8.9,
    ),
    "SimpleBaseline R101": (
        lambda: resdec("x", depth=101, size=(256, 192), skeleton=COCO17),
        53.0,
        12.4,
    ),
    "SimpleBaseline R152": (
        lambda: resdec("x", depth=152, size=(256, 192), skeleton=COCO17),
        68.6,
        15.7,
    ),
    "HRNet-W32": (lambda: hrnet("x", width=32, size=(256, 192), skeleton=COCO17), 28.5, 7.1),
    "HRNet-W48": (lambda: hrnet("x", width=48, size=(256, 192), skeleton=COCO17), 63.6, 14.6),
    "HRNet-W32, 384": (lambda: hrnet("x", width=32, size=(384, 288), skeleton=COCO17), 28.5, 16.0),
    "HRNet-W48, 384": (lambda: hrnet("x", width=48, size=(384, 288), skeleton=COCO17), 63.6, 32.9),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_costs_are_those_of_the_published_tables(name: str) -> None:
    build, parameters, gflops = PUBLISHED[name]
    with torch.device("meta"):
        counts = complexity(build())
    assert counts.parameters / 1e6 == pytest.approx(parameters, abs=0.05)
    assert counts.as_published == pytest.approx(gflops, abs=0.11)  # some are rounded down


@pytest.mark.parametrize(("stacks", "parameters"), [(1, 3.59), (2, 6.73), (8, 25.59)])
def test_hourglasses_have_the_parameters_that_bearpaw_prints(
    stacks: int, parameters: float
) -> None:
    model = hourglass("x", stacks=stacks, stem=(64, 128, 256), skeleton=MPII16)
    assert complexity(model).parameters / 1e6 == pytest.approx(parameters, abs=0.005)


def test_multiply_adds_are_those_that_are_done() -> None:
    model = resdec("x", depth=50, size=(256, 192), skeleton=COCO17)
    assert complexity(model).multiply_adds / 1e9 == pytest.approx(5.43, abs=0.01)


def test_the_catalogue_lists_every_network(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: ZOO[name] for name in ("deeppose", "resdec-matched", "hrnet-matched")}
    monkeypatch.setattr("robustpose.models.catalogue.ZOO", some)
    listed = catalogue()
    assert [network.name for network in listed] == list(some)
    for network in listed:
        assert network.parameters > 1e5
        assert network.multiply_adds > 1e7
        assert bool(network.scores) == some[network.name].bundled == bool(network.licence)
