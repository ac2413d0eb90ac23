"""PyraNet: where its pyramids are, and where its random numbers come from."""

from typing import Any

import pytest
import torch
from torch import nn

from robustpose.errors import UsageError
from robustpose.models.published.formats import Shapes
from robustpose.models.published.pyranet import FORMATS
from robustpose.models.pyranet import Chance, Pyramid, PyramidHourglass, PyramidResidual, pyranet
from robustpose.skeletons import MPII16

SMALL: dict[str, Any] = {
    "features": 16,
    "depth": 3,
    "modules": 1,
    "base_width": 4,
    "cardinality": 3,
    "size": (64, 64),
    "skeleton": MPII16,
}


@pytest.fixture(scope="module")
def network() -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return pyranet("p", stacks=2, **SMALL).frozen().network


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_an_image_with_a_seed_has_one_answer_whatever_stands_beside_it(network: nn.Module) -> None:
    images = noise(3, 3, 64, 64)
    together = network(images, seeds=[5, 6, 7])[-1]
    turned = network(images.flip(0), seeds=[7, 6, 5])[-1].flip(0)
    alone = torch.cat([network(images[i : i + 1], seeds=[5 + i])[-1] for i in range(3)])
    torch.testing.assert_close(turned, together, rtol=0, atol=1e-5)
    torch.testing.assert_close(alone, together, rtol=0, atol=1e-5)
    assert not torch.allclose(network(images, seeds=[5, 6, 8])[-1][2], together[2], atol=1e-3)


def test_seeds_leave_pytorchs_generator_alone_and_stand_for_it(network: nn.Module) -> None:
    image = noise(1, 3, 64, 64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(11)
        expected = network(image)[-1]
        state = torch.get_rng_state()
        assert torch.equal(network(image, seeds=[11])[-1], expected)
        assert torch.equal(torch.get_rng_state(), state)
        assert not torch.allclose(network(image)[-1], expected, atol=1e-3)
    assert network.random


def test_pyramids_stand_where_maps_are_large() -> None:
    def pyramid(channels: int, out: int) -> PyramidResidual:
        return PyramidResidual(channels, out, base_width=4, cardinality=2)

    scale: nn.Module = PyramidHourglass(4, 8, modules=2, pyramid=pyramid)
    found = []
    while isinstance(scale, PyramidHourglass):
        rows = scale.skip, scale.down, scale.up
        assert all(len(row) == 2 for row in rows)
        found.append("".join("P" if isinstance(row[0], PyramidResidual) else "r" for row in rows))
        scale = scale.inner
    assert found == ["PPP", "PPP", "Prr", "rrr"]


def test_a_pyramid_adds_up_its_scales() -> None:
    pyramid = Pyramid(2, 4)
    assert len(pyramid.ratios) == 4
    assert pyramid.ratios[0] == pytest.approx(0.8409, abs=1e-4)
    assert pyramid.ratios[-1] == pytest.approx(0.5)
    with torch.no_grad():
        for conv in pyramid.convs:
            conv.weight.zero_()
            conv.bias.fill_(0.25)
    assert (pyramid(noise(1, 2, 12, 8), Chance([0])) == 1).all()


def test_stages_are_maps_at_a_quarter_and_every_weight_is_used() -> None:
    model = pyranet("p", stacks=2, **{**SMALL, "size": (64, 96)})
    stages = model(torch.rand(2, 3, 64, 96))
    assert [tuple(stage.shape) for stage in stages] == [(2, 16, 16, 24)] * 2
    sum(stage.square().sum() for stage in stages).backward()  # type: ignore[union-attr]
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert [layer.out_channels for layer in model.network.output_layers()] == [16, 16]  # type: ignore[operator]


def shapes(**changes: tuple[int, ...]) -> Shapes:
    """Return the shapes that tell what network a file of `SMALL` is for."""
    return Shapes(
        {
            "start.conv.weight": (4, 3, 7, 7),
            "res1.cb.branch2.1.pyra.scales.2.1.weight": (2, 2, 3, 3),
            "res2.cb.afteradd.conv.weight": (8, 4, 1, 1),
            "res2.cb.branch2.0.conv.weight": (2, 8, 1, 1),
            "res3.cb.branch2.0.conv.weight": (4, 8, 1, 1),
            "hourglass.0.hg.hg.num1res.0.cb.cbr1.bn.weight": (16,),
            "Residual.0.0.cb.cbr1.bn.weight": (16,),
            "lin1.0.conv.weight": (16, 16, 1, 1),
            "chantojoints.1.weight": (16, 16, 1, 1),
            "chantojoints.0.weight": (16, 16, 1, 1),
        }
        | changes
    )


def test_a_published_file_tells_its_network() -> None:
    (form,) = FORMATS
    reading = form.read(shapes(), None)
    assert all(form.keys.fullmatch(name) for name in reading.names.values())
    own = pyranet("p", stacks=2, **SMALL).network.state_dict()
    found = reading.model.network.state_dict()
    assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in own.items()}
    assert reading.model.size == (256, 256)
    assert "size=" in reading.assumed[0]


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("res3.cb.branch2.0.conv.weight", (7, 8, 1, 1), "no base width"),
        ("start.conv.weight", (), "axes"),
        ("chantojoints.0.weight", (15, 16, 1, 1), "15 joints"),
    ],
)
def test_odd_shapes_are_refused_in_words(name: str, shape: tuple[int, ...], reason: str) -> None:
    (form,) = FORMATS
    with pytest.raises(UsageError, match=reason):
        form.read(shapes(**{name: shape}), None)
