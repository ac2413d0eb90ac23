"""Networks that say where a joint is in other ways than by a heatmap: RLE, SimCC, integral."""

import copy
import io
from collections.abc import Callable

import pytest
import torch
from torch import nn

from robustpose.attacks.goals import Untargeted
from robustpose.errors import UsageError
from robustpose.models.codecs import RLECodec, SimCCCodec
from robustpose.models.deeppose import deeppose
from robustpose.models.integral import integral
from robustpose.models.model import Normalisation, PoseModel
from robustpose.models.rle import rle
from robustpose.models.simcc import simcc
from robustpose.poses import PoseBatch
from robustpose.skeletons import COCO17
from robustpose.studies.provenance import weights_digest

SIZE = (64, 64)
BUILDERS: dict[str, Callable[[], PoseModel]] = {
    "rle": lambda: rle(depth=18, width=8, size=SIZE, stem_pool=False),
    "rle-grid": lambda: rle(depth=18, width=8, size=SIZE, grid=2, couplings=2, flow_features=8),
    "simcc": lambda: simcc(depth=18, width=8, features=16, size=SIZE),
    "simcc-light": lambda: simcc(depth=18, width=8, deconvolutions=(), size=(64, 96), ratio=3.0),
    "integral": lambda: integral(depth=18, width=8, features=16, size=(96, 64), stem_pool=False),
}


def built(name: str) -> PoseModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BUILDERS[name]()


@pytest.fixture(params=BUILDERS)
def model(request: pytest.FixtureRequest) -> PoseModel:
    return built(request.param).frozen()


def test_outputs_have_the_shape_that_the_codec_reads(model: PoseModel) -> None:
    height, width = model.size
    (output,) = model(torch.rand(2, 3, height, width))
    shape = {
        "rle": (2, 14, 4),
        "simcc": (2, 14, 2 * (width + height) if height == width else 3 * (width + height)),
        "integral": (2, 14, height // 4, width // 4),
    }[model.name]
    assert output.shape == shape
    pose = model.decode((output,))
    assert pose.joints.shape == (2, 14, 2)
    assert pose.confidence.shape == (2, 14)


def test_attackers_get_a_gradient_from_each_image_alone(model: PoseModel, batch: PoseBatch) -> None:
    loss = Untargeted().loss(model, batch)
    images = batch.images.clone().requires_grad_()
    values = loss(images)
    (gradient,) = torch.autograd.grad(values.sum(), images)
    assert values.isfinite().all()
    assert gradient.isfinite().all()
    assert (gradient.flatten(1).abs().sum(dim=1) > 0).all()
    (alone,) = torch.autograd.grad(loss(images)[0], images)
    assert not alone[1:].any()
    assert not any(parameter.grad is not None for parameter in model.parameters())


def test_networks_can_be_exported(model: PoseModel) -> None:
    height, width = model.size
    picture = torch.rand(1, 3, height, width)
    exported = torch.export.export(model.network, (picture,)).module()
    torch.testing.assert_close(exported(picture)[0], model.network(picture)[0])


def test_networks_learn(model: PoseModel, batch: PoseBatch) -> None:
    model.train().requires_grad_(True)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3)
    seen = []
    for _ in range(12):
        loss = model.losses(model(batch.images), batch.joints, batch.weight, canvas=SIZE)[0].mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen.append(loss.item())
    missing = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert missing == []
    assert seen[-1] < seen[0]


def flow_of(model: PoseModel) -> nn.Module:
    (codec,) = model.codecs
    assert isinstance(codec, RLECodec)
    return codec.flow


def test_the_codec_of_a_copy_refers_to_the_flow_of_the_copy() -> None:
    one = built("rle")
    other = copy.deepcopy(one)
    assert flow_of(one) is one.network.flow
    assert flow_of(other) is other.network.flow
    assert flow_of(other) is not flow_of(one)
    moved = other.to(torch.float64)
    assert flow_of(moved) is moved.network.flow
    assert {p.dtype for p in flow_of(moved).parameters()} == {torch.float64}
    assert {p.dtype for p in flow_of(one).parameters()} == {torch.float32}


def test_a_flow_is_saved_with_its_network(batch: PoseBatch) -> None:
    one = built("rle").frozen()
    other = rle(depth=18, width=8, size=SIZE, stem_pool=False).frozen()
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    losses = [
        each.losses(each(batch.images), batch.joints, batch.weight)[0] for each in (one, other)
    ]
    assert torch.equal(*losses)
    assert weights_digest(one) == weights_digest(other)
    next(flow_of(other).parameters()).add_(1)
    assert weights_digest(one) != weights_digest(other)


def test_the_flow_has_no_part_in_the_answer(batch: PoseBatch) -> None:
    model = built("rle").frozen()
    before = model.predict(batch.images)
    for parameter in flow_of(model).parameters():
        parameter.add_(1)
    after = model.predict(batch.images)
    assert torch.equal(before.joints, after.joints)
    assert torch.equal(before.confidence, after.confidence)


def test_bins_of_the_two_axes_come_in_order() -> None:
    model = built("simcc-light")
    (codec,) = model.codecs
    assert isinstance(codec, SimCCCodec)
    assert codec.bins == (288, 192)  # x before y; the picture is 96 wide and 64 high
    assert model.network.along_x.out_features == 288
    assert model.network.along_x.in_features == 2 * 3


@pytest.mark.parametrize("build", [integral, simcc])
def test_a_size_that_the_encoder_does_not_divide_is_refused(
    build: Callable[..., PoseModel],
) -> None:
    with pytest.raises(UsageError, match=r"multiples of 32, found 64 x 80"):
        build(depth=18, width=8, size=(64, 80))


def test_builders_pass_on_what_a_publisher_expects() -> None:
    normalisation = Normalisation((0.0, 0.0, 0.0), (256 / 255,) * 3, bgr=True)
    model = deeppose(
        depth=18,
        width=8,
        size=SIZE,
        origin=(32.5, 32.5),
        skeleton=COCO17,
        normalisation=normalisation,
    )
    assert model.normalisation == normalisation
    assert model.predict(torch.zeros(1, 3, 64, 64)).joints.shape == (1, 17, 2)
    middle = model.codecs[0].decode(torch.zeros(1, 17, 2)).joints
    assert torch.equal(middle, torch.full((1, 17, 2), 32.5))
