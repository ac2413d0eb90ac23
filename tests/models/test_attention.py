"""Multi-context attention: where the attention is, and what its parts compute."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from robustpose.errors import UsageError
from robustpose.models.attention import (
    Attention,
    AttentionHourglass,
    HourglassResidual,
    PartMaps,
    attention,
)
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.hourglass import Residual
from robustpose.models.model import PoseModel
from robustpose.models.ported_attention import AddedAttention, PortedPartMaps, ported_attention
from robustpose.models.published.attention import FORMATS
from robustpose.models.published.formats import Shapes
from robustpose.skeletons import COCO17, MPII16, Skeleton

SMALL: dict[str, Any] = {"features": 16, "depth": 2, "modules": 1, "size": (64, 64)}
BUILDERS = (attention, ported_attention)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_attention_is_the_mean_field_of_one_kernel() -> None:
    field = Attention(4, 2, kernel=3, steps=3)
    x = noise(2, 4, 6, 5)
    unary = field.unary(x)
    for each in range(2):
        kernel = field.kernel.weight[each : each + 1], field.kernel.bias[each : each + 1]  # type: ignore[index]
        own = unary[:, each : each + 1]
        first = torch.sigmoid(torch.conv2d(own, *kernel, padding=1) + own)
        second = torch.sigmoid(torch.conv2d(first, *kernel, padding=1) + own)
        third = torch.sigmoid(torch.conv2d(second, *kernel, padding=1) + own)
        torch.testing.assert_close(field(x)[:, each : each + 1], third)


def test_maps_of_parts_are_those_of_features_weighed_for_each_joint() -> None:
    head = PartMaps(6, 3, kernel=5, steps=2)
    x = noise(2, 6, 8, 8)
    weights = head.attention(x)
    alone = [
        torch.conv2d(x * weights[:, joint : joint + 1], head.maps.weight, head.maps.bias)[:, joint]
        for joint in range(3)
    ]
    torch.testing.assert_close(head(x), torch.stack(alone, dim=1))


def units(hourglass: AttentionHourglass) -> list[str]:
    """Return the skips from the outermost scale on: R a residual, P one with a pooled branch."""
    inner = units(hourglass.inner) if isinstance(hourglass.inner, AttentionHourglass) else []
    kinds = {Residual: "R", HourglassResidual: "P"}
    return ["".join(kinds[type(unit)] for unit in hourglass.skip), *inner]


def test_skips_have_more_pooled_branches_where_maps_are_larger() -> None:
    assert units(AttentionHourglass(4, 8, modules=1, pooled=True)) == ["RPP", "RP", "R", "R"]
    assert units(AttentionHourglass(3, 8, modules=2, pooled=True)) == ["RPRP", "RR", "RP"]
    assert units(AttentionHourglass(3, 8, modules=2, pooled=False)) == ["RR", "RR", "RR"]


@pytest.mark.parametrize(
    ("stacks", "holistic", "parts"), [(4, None, [2, 3]), (3, 2, [2]), (2, 4, [1]), (1, None, [0])]
)
def test_later_stacks_look_for_each_joint_and_the_last_is_wide(
    stacks: int, holistic: int | None, parts: list[int]
) -> None:
    network = attention("a", stacks=stacks, holistic=holistic, **SMALL).network
    heads = [stack.maps for stack in network.stacks]  # type: ignore[union-attr]
    assert [i for i, head in enumerate(heads) if isinstance(head, PartMaps)] == parts
    assert [layer.in_channels for layer in network.output_layers()] == [16] * (stacks - 1) + [32]  # type: ignore[operator]


def test_networks_of_fewer_stacks_are_as_deep() -> None:
    options = {**SMALL, "modules": None}
    rows = [
        len(attention("a", stacks=n, **options).network.stacks[0].hourglass.down) for n in (1, 2, 8)
    ]  # type: ignore[union-attr]
    assert rows == [8, 4, 1]


def test_the_port_attends_in_the_second_half_only_and_its_kernels_begin_alike() -> None:
    network = ported_attention("p", stacks=3, kernel=3, steps=2, **SMALL).network
    heads = [stack.maps for stack in network.stacks]  # type: ignore[union-attr]
    assert [isinstance(head, PortedPartMaps) for head in heads] == [False, True, True]
    assert len(network.output_layers()) == 1 + 2 * 14  # type: ignore[operator]
    (first, second) = next(m for m in network.modules() if isinstance(m, AddedAttention)).steps
    assert torch.equal(first[1].weight, second[1].weight)  # type: ignore[index]
    assert first[1].weight is not second[1].weight  # type: ignore[index]


def test_the_ports_attention_is_a_sum() -> None:
    field = AddedAttention(4, kernel=1, steps=1).eval()
    x = noise(1, 4, 5, 5)
    normed = field.norm(x)
    unary = field.unary(normed)
    torch.testing.assert_close(field(x), normed * (unary + torch.sigmoid(field.steps[0](unary))))


@pytest.mark.parametrize("build", BUILDERS)
def test_stages_are_maps_at_a_quarter_and_every_weight_is_used(
    build: Callable[..., PoseModel],
) -> None:
    model = build("a", stacks=2, skeleton=MPII16, **{**SMALL, "size": (64, 96)})
    stages = model(torch.rand(2, 3, 64, 96))
    assert [tuple(stage.shape) for stage in stages] == [(2, 16, 16, 24)] * 2
    sum(stage.square().sum() for stage in stages).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("build", BUILDERS)
def test_a_kernel_without_a_middle_is_refused(build: Callable[..., PoseModel]) -> None:
    with pytest.raises(UsageError, match="odd size"):
        build("a", stacks=1, kernel=4, **SMALL)


def shapes(joints: int, **changes: tuple[int, ...]) -> Shapes:
    """Return the shapes that tell what network a file of one small ported stack is for."""
    return Shapes(
        {
            "start.conv.weight": (4, 3, 7, 7),
            "res1.cb.brc3.conv.weight": (8, 4, 1, 1),
            "hourglass.0.hg.num1res.0.cb.brc1.bn.weight": (16,),
            "Residual.0.0.cb.brc1.bn.weight": (16,),
            "lin1.0.conv.weight": (16, 16, 1, 1),
            "chantojoints.0.S.0.0.spConv.1.weight": (1, 1, 3, 3),
            "chantojoints.0.S.0.0.spConv.5.weight": (1, 1, 3, 3),
            "jointstochan.0.weight": (16, joints, 1, 1),
        }
        | changes
    )


@pytest.mark.parametrize(
    ("skeleton", "sigma", "origin"), [(MPII16, 1.75, None), (COCO17, 1.0, 0.0)]
)
def test_a_published_file_tells_its_network_and_its_data_set(
    skeleton: Skeleton, sigma: float, origin: float | None
) -> None:
    (form,) = FORMATS
    model, names, assumed = form.read(shapes(len(skeleton)), None)
    own = ported_attention("p", stacks=1, kernel=3, skeleton=skeleton, **SMALL).network.state_dict()
    found = model.network.state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in own.items()}
    assert all(form.keys.fullmatch(name) for name in names.values())
    assert (model.skeleton, model.size) == (skeleton, (256, 256))
    assert model.codecs == (HeatmapCodec((256, 256), sigma=sigma, origin=origin),)
    assert "size=" in assumed[0]
    assert form.read(shapes(len(skeleton)), (64, 64)).assumed == ()


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("chantojoints.0.S.0.0.spConv.1.weight", (1, 1, 4, 4), "odd size"),
        ("jointstochan.0.weight", (16,), "axes"),
        ("jointstochan.0.weight", (16, 15, 1, 1), "15 joints"),
    ],
)
def test_odd_shapes_are_refused_in_words(name: str, shape: tuple[int, ...], reason: str) -> None:
    (form,) = FORMATS
    with pytest.raises(UsageError, match=reason):
        form.read(shapes(16, **{name: shape}), None)
