"""Views: the places that losses read are those that codecs read."""

import pytest
import torch
from torch import Tensor

from robustpose.models.codecs import (
    Codec,
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    PartsCodec,
    Points,
    RLECodec,
    Scores,
    SimCCCodec,
)
from robustpose.models.model import PoseModel
from robustpose.models.rle import RealNVP
from robustpose.poses import PoseBatch
from robustpose.skeletons import COCO17, LSP14

SIZE = (48, 64)
JOINTS = torch.tensor([[[3.0, 40.0], [33.2, 21.7], [60.0, 5.1]]])
SCORING: dict[str, tuple[Codec, float]] = {
    "maps": (HeatmapCodec(SIZE), 2.9),
    "maps, origin at the first pixel": (HeatmapCodec(SIZE, origin=0.0), 2.9),
    "maps, UDP": (HeatmapCodec(SIZE, udp=True), 3.1),
    "maps of parts": (PartsCodec(SIZE, parts=(((0, 1),), ((1, 2), (0, 2)))), 2.9),
    "bins": (SimCCCodec(SIZE), 0.4),
    "bins, origin at the first pixel": (SimCCCodec(SIZE, ratio=3.0, origin=0.0), 0.3),
}
NAMING: dict[str, Codec] = {
    "coordinates": CoordinateCodec(SIZE, origin=(0.0, 3.5)),
    "integral": IntegralCodec(SIZE, beta=3.0),
    "rle": RLECodec(SIZE, RealNVP()),
}


def best(view: Scores) -> Tensor:
    """Return the best place of each joint, axis by axis."""
    found = torch.zeros_like(view.joints)
    for table in view.tables:
        places = table.places[table.scores.argmax(dim=2)]
        for axis in table.axes:
            found[..., axis] = places[..., axis]
    return found


@pytest.mark.parametrize("name", SCORING)
def test_the_best_place_is_where_the_joint_is(name: str) -> None:
    codec, within = SCORING[name]
    view = codec.view(codec.encode(JOINTS))
    assert isinstance(view, Scores)
    assert torch.linalg.vector_norm(best(view) - JOINTS, dim=2).max() <= within
    torch.testing.assert_close(view.joints, codec.decode(codec.encode(JOINTS)).joints)


@pytest.mark.parametrize("name", SCORING)
def test_scores_have_gradients(name: str) -> None:
    codec, _ = SCORING[name]
    output = codec.encode(JOINTS).requires_grad_()
    view = codec.view(output)
    assert isinstance(view, Scores)
    torch.stack([table.scores.sum() for table in view.tables]).sum().backward()
    assert output.grad is not None
    assert output.grad[:, -3:].eq(1).all()  # the joints' own maps come last


@pytest.mark.parametrize("name", NAMING)
def test_points_are_what_is_decoded_with_gradients(name: str) -> None:
    codec = NAMING[name]
    draw = torch.Generator().manual_seed(0)
    shape = {"coordinates": (2, 3, 2), "integral": (2, 3, 12, 16), "rle": (2, 3, 4)}[name]
    output = torch.rand(shape, generator=draw).requires_grad_()
    view = codec.view(output)
    assert isinstance(view, Points)
    assert torch.equal(view.joints, codec.decode(output).joints)
    view.joints.sum().backward()
    assert output.grad is not None
    assert output.grad.abs().flatten(2).sum(dim=2).gt(0).all()


def test_every_stage_is_seen_on_the_canvas(network: PoseModel, batch: PoseBatch) -> None:
    large = torch.nn.functional.interpolate(batch.images, scale_factor=1.5)
    stages = network(large)
    views = network.views(stages, canvas=(96, 96))
    assert len(views) == len(stages)
    torch.testing.assert_close(views[-1].joints, network.decode(stages, canvas=(96, 96)).joints)
    if isinstance(views[-1], Scores):
        (table,) = views[-1].tables
        own = network.views(stages)[-1]
        assert isinstance(own, Scores)
        torch.testing.assert_close(table.places, (own.tables[0].places + 0.5) * 1.5 - 0.5)


def test_views_are_in_the_order_of_the_joints_asked(
    networks: dict[str, PoseModel], batch: PoseBatch
) -> None:
    model = networks["resdec"]
    own = model.skeleton
    stages = model(batch.images)
    (before,) = model.views(stages)
    try:
        (view,) = model.asked(COCO17).views(stages)
    finally:
        model.asked(own)
    assert isinstance(view, Scores)
    assert isinstance(before, Scores)
    wrist, nose = COCO17.index("left_wrist"), COCO17.index("nose")
    known = own.index("left_wrist")
    assert torch.equal(view.tables[0].scores[:, wrist], before.tables[0].scores[:, known])
    assert torch.equal(view.joints[:, wrist], before.joints[:, known])
    assert view.joints[:, nose].isnan().all()
    assert not view.tables[0].scores[:, nose].any()
    assert len(own) == len(LSP14)
