"""The compositional network: its parts, its layers and how one level is fed by the others."""

import pytest
import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models.codecs.parts import PartsCodec
from robustpose.models.compositions import LSP_PARTS, MPII_PARTS, Composition
from robustpose.models.dlcm import DLCM, dlcm
from robustpose.models.model import PoseModel

COMPOSITIONS = [MPII_PARTS, LSP_PARTS]


def tiny(composition: Composition = LSP_PARTS) -> PoseModel:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return dlcm("tiny", features=48, depth=2, size=(32, 48), composition=composition)


def picture(count: int = 1) -> Tensor:
    return torch.rand(count, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def test_the_parts_of_mpii_are_the_published_ones() -> None:
    joints, bones, parts = MPII_PARTS.levels
    published = "0-1 1-2 3-4 4-5 2-6 3-6 7-8 8-9 10-11 11-12 13-14 14-15"
    assert joints == ()
    assert " ".join(f"{a}-{b}" for ((a, b),) in bones) == published
    assert parts == tuple((bones[i][0], bones[i + 1][0]) for i in range(0, 12, 2))


def test_the_parts_of_lsp_are_the_published_ones() -> None:
    _, bones, parts = LSP_PARTS.levels
    assert " ".join(f"{a}-{b}" for ((a, b),) in bones) == "0-1 1-2 3-4 4-5 12-13 6-7 7-8 9-10 10-11"
    assert [len(part) for part in parts] == [2, 2, 1, 2, 2]


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: each.skeleton.name)
def test_a_mirror_image_has_the_same_parts(composition: Composition) -> None:
    mirror = composition.skeleton.mirror
    for parts in composition.levels:
        ours = {frozenset(frozenset(bone) for bone in part) for part in parts}
        mirrored = {frozenset(frozenset(mirror[j] for j in bone) for bone in part) for part in ours}
        assert mirrored == ours


def test_the_full_size_has_the_layers_of_the_published_code() -> None:
    with torch.device("meta"):
        model = dlcm()
    assert sum(p.numel() for p in model.parameters()) == 15_497_150
    assert [layer.out_channels for layer in model.network.output_layers()] == [16, 28, 22, 28, 16]


@pytest.mark.parametrize("composition", COMPOSITIONS, ids=lambda each: each.skeleton.name)
def test_stages_are_what_their_codecs_speak(composition: Composition) -> None:
    model = tiny(composition).frozen()
    joints = torch.rand(2, len(composition.skeleton), 2) * 32
    stages = model(picture(2))
    assert len(stages) == 5
    for codec, stage in zip(model.codecs, stages, strict=True):
        assert stage.shape == codec.encode(joints).shape
    levels = [codec.parts if isinstance(codec, PartsCodec) else () for codec in model.codecs]
    up = list(composition.levels)
    assert levels == [*up, up[1], up[0]]
    pose = model.decode(stages)
    assert torch.equal(pose.joints, model.codecs[0].decode(stages[-1]).joints)


def test_going_down_a_level_is_fed_what_was_seen_going_up() -> None:
    network = tiny().network.eval()
    assert isinstance(network, DLCM)
    fed: list[Tensor] = []
    for level in network.levels:
        level.register_forward_pre_hook(lambda _, args: fed.append(args[0]))
    with torch.no_grad():
        joints, bones, parts, bones_again, joints_again = network(picture())
        assert torch.equal(fed[3][:, :23], bones)
        assert torch.equal(fed[4][:, :14], joints)
        features, _ = network.levels[2](fed[2])
        merged = fed[2] + network.merge_features[2](features) + network.merge_maps[2](parts)
        torch.testing.assert_close(fed[3][:, 23:], network.reduce[0](merged))
        features, _ = network.levels[3](fed[3])
        merged = fed[3] + network.merge_features[3](features) + network.merge_maps[3](bones_again)
        torch.testing.assert_close(fed[4][:, 14:], network.reduce[1](merged))
    assert joints_again.shape == joints.shape


def test_all_stages_are_supervised() -> None:
    model = tiny()
    joints, weight = torch.rand(2, 14, 2) * 32, torch.ones(2, 14)
    losses = model.losses(model(picture(2)), joints, weight)
    assert len(losses) == 5
    torch.stack(losses).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())
    for layer in model.network.output_layers():
        assert layer.weight.grad.abs().sum() > 0


def test_bfloat16_agrees_with_single_precision() -> None:
    model = tiny().frozen().channels_last()
    exact = model(picture())
    model.precision = torch.bfloat16
    for one, other in zip(exact, model(picture()), strict=True):
        assert (one - other).abs().max() < 0.1 * one.abs().max()


def test_maps_need_room_among_the_features() -> None:
    with pytest.raises(UsageError, match="at least 25 features, found 24"):
        dlcm("narrow", features=24, composition=LSP_PARTS)
