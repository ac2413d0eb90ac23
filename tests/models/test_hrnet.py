"""HRNet and the residual hourglass: their sizes, how branches meet, and their published files."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from robustpose.errors import UsageError
from robustpose.models.hourglass52 import hourglass52
from robustpose.models.hrnet import Branch, HRNet, Stage, hrnet
from robustpose.models.model import PoseModel
from robustpose.models.published import hourglass_mmpose
from robustpose.models.published import hrnet as published
from robustpose.models.published.formats import Format, Shapes
from robustpose.skeletons import COCO17, MPII16

AUTHORS, MMPOSE = published.FORMATS
(HOURGLASS,) = hourglass_mmpose.FORMATS


def tiny_hrnet() -> PoseModel:
    return hrnet(width=4, modules=(1, 1, 1), blocks=1, stem=4, size=(64, 64), sigma=1.0)


def tiny_hourglass(stacks: int = 2) -> PoseModel:
    return hourglass52(stacks=stacks, channels=(8, 8, 12), blocks=(1, 2, 1), size=(64, 64))


def file_of(model: PoseModel, form: Format) -> dict[str, tuple[int, ...]]:
    """Return the shapes of a published file that holds the model, by the format's own names."""
    head = "head.final_layer." if form is MMPOSE else "final_layer."
    rules = (
        hourglass_mmpose._rules("head.multi_final_layers.")
        if form is HOURGLASS
        else published._rules("backbone." if form is MMPOSE else "", head)
    )
    return shapes_of(model, published.renamed(model.network, rules))


def shapes_of(model: PoseModel, names: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    tensors = model.network.state_dict()
    return {theirs: tuple(tensors[own].shape) for own, theirs in names.items()}


@pytest.mark.parametrize(
    ("width", "size", "parameters", "multiply_adds"),
    # The authors divide by 2**30 where they write G.
    [(32, (256, 192), 28.5, 7.1), (48, (384, 288), 63.6, 32.9)],
)
def test_published_networks_have_their_published_cost(
    width: int, size: tuple[int, int], parameters: float, multiply_adds: float
) -> None:
    with torch.device("meta"):
        network = hrnet(width=width, size=size, skeleton=COCO17).network.eval()
    done: list[int] = []
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(
                lambda layer, _, output: done.append(layer.weight.numel() * output[0, 0].numel())
            )
    network(torch.empty(1, 3, *size, device="meta"))
    assert round(sum(p.numel() for p in network.parameters()) / 1e6, 1) == parameters
    assert round(sum(done) / 2**30, 1) == multiply_adds


@pytest.mark.parametrize("model", [tiny_hrnet(), tiny_hourglass()])
def test_every_weight_takes_part_in_the_answer(model: PoseModel) -> None:
    stages = model(torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)))
    torch.stack([stage.square().sum() for stage in stages]).sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.parameters())


@pytest.mark.parametrize("model", [tiny_hrnet(), tiny_hourglass()])
@pytest.mark.parametrize("size", [(64, 64), (100, 72)])
def test_maps_are_a_quarter_of_pictures_of_any_size(
    model: PoseModel, size: tuple[int, int]
) -> None:
    for stage in model.network(torch.rand(1, 3, *size)):
        assert stage.shape == (1, 14, size[0] // 4, size[1] // 4)


@pytest.mark.parametrize("model", [tiny_hrnet(), tiny_hourglass()])
def test_networks_can_be_exported(model: PoseModel) -> None:
    network = model.frozen().network
    pictures = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    exported = torch.export.export(network, (pictures,)).module()
    torch.testing.assert_close(exported(pictures), network(pictures))


def test_a_stage_may_keep_its_branches_or_gain_several() -> None:
    keeps, gains = (Branch(4, 1), Branch(8, 1)), (Branch(4, 1), Branch(8, 1), *[Branch(6, 1)] * 2)
    network = HRNet(
        stem=4,
        first=Branch(4, 1, bottleneck=True),
        stages=[Stage(1, keeps), Stage(2, keeps), Stage(1, gains)],
        joints=3,
    )
    (maps,) = network(torch.zeros(1, 3, 64, 64))
    assert maps.shape == (1, 3, 16, 16)


@pytest.mark.parametrize("form", [AUTHORS, MMPOSE])
def test_a_file_tells_all_but_the_size_of_pictures(form: Format) -> None:
    file = file_of(tiny_hrnet(), form)
    assert form.share(file) == 1
    model, names, assumed = form.read(Shapes(file), None)
    assert shapes_of(model, names) == file
    assert model.size == (256, 256)
    assert sum("size=" in sentence for sentence in assumed) == 1
    chosen = form.read(Shapes(file), (128, 96))
    assert chosen.model.size == (128, 96)
    assert not any("size=" in sentence for sentence in chosen.assumed)


def test_cells_lie_where_the_published_code_puts_them() -> None:
    model = AUTHORS.read(Shapes(file_of(tiny_hrnet(), AUTHORS)), (64, 64)).model
    maps = torch.zeros(1, 14, 16, 16)
    maps[:, :, 5, 9] = 1
    maps[:, :, 5, 10], maps[:, :, 4, 9] = 0.6, 0.6  # a quarter to the right, a quarter up
    joints: Tensor = model.decode([maps]).joints
    assert joints[0, 0].tolist() == [4 * 9.25, 4 * 4.75]


def test_an_hourglass_of_mmpose_tells_its_levels_and_joints() -> None:
    model = hourglass52(stacks=3, channels=(8, 16, 4), blocks=(3, 1, 2), skeleton=MPII16)
    file = file_of(model, HOURGLASS)
    assert HOURGLASS.share(file) == 1
    read, names, assumed = HOURGLASS.read(Shapes(file), (256, 256))
    assert shapes_of(read, names) == file
    assert len(read.codecs) == 3
    assert read.skeleton is MPII16
    assert assumed == ()


def test_a_single_stack_of_mmpose_has_a_block_that_leads_nowhere() -> None:
    file = file_of(tiny_hourglass(stacks=1), HOURGLASS)
    spare = "backbone.inters.0.conv1.weight"
    assert spare not in file
    assert HOURGLASS.spare.fullmatch(spare)
    assert HOURGLASS.keys.fullmatch(spare)


@pytest.mark.parametrize("form", [AUTHORS, MMPOSE, HOURGLASS])
@pytest.mark.parametrize("shape", [None, (), (3,), (0, 4, 3, 3), (16, 8, 5, 5)])
def test_odd_files_are_refused_with_a_reason(form: Format, shape: tuple[int, ...] | None) -> None:
    file = file_of(tiny_hourglass() if form is HOURGLASS else tiny_hrnet(), form)
    (maps,) = (name for name in file if name.endswith(("final_layer.weight", "layers.0.weight")))
    odd = {name: known for name, known in file.items() if name != maps}
    if shape is not None:
        odd[maps] = shape
    with pytest.raises(UsageError, match=maps):
        form.read(Shapes(odd), None)
