"""What holds for every defence around every network; what `defended` keeps and refuses."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from robustpose.attacks.goals import Untargeted
from robustpose.attacks.iterated import igsm
from robustpose.data.crops import crop
from robustpose.data.people import Split
from robustpose.defenses import (
    BitDepth,
    Defense,
    GaussianSmoothing,
    Mirror,
    ResizeAndPad,
    defended,
)
from robustpose.errors import UsageError
from robustpose.models.codecs import HeatmapCodec
from robustpose.models.flip_test import flip_tested
from robustpose.models.model import PoseModel
from robustpose.poses import Images
from robustpose.skeletons import LSP14, MPII16

from .conftest import DEFENSES, SIZE

SEEDS = [5, 6, 7]
Stages = tuple[Tensor, ...]


@pytest.mark.parametrize("defense", DEFENSES, ids=lambda defense: defense.name)
def test_a_defended_network_is_a_pose_model_as_any_other(
    defense: Defense, model: PoseModel, pictures: Tensor
) -> None:
    safe = defended(model, defense)
    variable = pictures.clone().requires_grad_()
    stages = safe(variable, SEEDS)
    assert [stage.shape for stage in stages] == [stage.shape for stage in model(pictures, SEEDS)]
    joints = torch.rand(3, 14, 2, generator=torch.Generator().manual_seed(1)) * 60
    losses = torch.stack(safe.losses(stages, joints, torch.ones(3, 14)))
    (gradient,) = torch.autograd.grad(losses.sum(), variable)
    assert gradient.isfinite().all()
    assert (gradient.flatten(1).abs().amax(dim=1) > 0).all()
    again = safe(pictures, SEEDS)
    assert all(torch.equal(one, other) for one, other in zip(stages, again, strict=True))
    alone = safe(pictures[1:2], SEEDS[1:2])
    for one, other in zip(stages, alone, strict=True):
        scale = float(one.detach().abs().max())
        torch.testing.assert_close(other, one[1:2], rtol=1e-4, atol=1e-4 * scale)


@pytest.mark.parametrize("defense", DEFENSES, ids=lambda defense: defense.name)
def test_what_a_defence_says_of_itself_is_true(defense: Defense, pictures: Tensor) -> None:
    one, same, other = (defense.change(pictures, seeds) for seeds in (SEEDS, SEEDS, [1, 2, 3]))
    assert torch.equal(one, same)
    assert torch.equal(one, other) == defense.deterministic
    assert one.shape == pictures.shape
    assert one.min() >= -1e-6
    assert one.max() <= 1 + 1e-6
    assert not torch.equal(one, pictures)


class Brightest(nn.Module):
    """A network whose map is the mean brightness of each cell of 4 x 4 pixels."""

    def forward(self, images: Images) -> tuple[Tensor]:
        return (
            nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), 4).expand(-1, 14, -1, -1),
        )


def test_defences_meet_the_picture_from_left_to_right(pictures: Tensor) -> None:
    seen: list[str] = []

    @dataclass(frozen=True)
    class Noted(Defense):
        name: str = ""

        def change(self, pictures: Images, seeds: object) -> Images:
            seen.append(f"change {self.name}")
            return pictures

        def restore(
            self, stages: tuple[Tensor, ...], model: object, seeds: object
        ) -> tuple[Tensor, ...]:
            seen.append(f"restore {self.name}")
            return stages

    model = PoseModel(Brightest(), name="b", size=SIZE, codecs=[HeatmapCodec(SIZE)], skeleton=LSP14)
    safe = defended(model, Noted("one"), Noted("two"))
    safe(pictures)
    assert seen == ["change one", "change two", "restore two", "restore one"]
    assert safe.name == "b+one+two"


def test_random_defences_draw_each_their_own_and_from_chance_without_seeds(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    twice = ResizeAndPad(least=0.5), ResizeAndPad(least=0.5)
    safe = defended(plain["deeppose"], *twice)
    assert safe.random
    one, two = safe._seeds(3, SEEDS)
    assert not set(one) & set(two)
    assert not torch.equal(safe(pictures)[0], safe(pictures)[0])
    with pytest.raises(ValueError, match=r"one seed an image \(3\), found 2"):
        safe(pictures, SEEDS[:2])


def test_deterministic_defences_leave_chance_alone(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    safe = defended(plain["deeppose"], Mirror(), BitDepth(bits=4))
    assert not safe.random
    before = torch.random.get_rng_state()
    assert torch.equal(safe(pictures)[0], safe(pictures, SEEDS)[0])
    assert torch.equal(torch.random.get_rng_state(), before)
    assert not safe.differentiable
    assert defended(plain["deeppose"], Mirror()).differentiable
    assert defended(plain["pyranet"], Mirror()).random


def test_the_given_model_stays_and_its_settings_are_taken_over(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    model = plain["resdec"]
    before = model.predict(pictures).joints
    model.asked(MPII16)
    safe = defended(model, GaussianSmoothing(sigma=1))
    assert safe.skeleton == MPII16
    model.asked(LSP14)
    assert torch.equal(model.predict(pictures).joints, before)
    assert safe.state_dict().keys() == model.state_dict().keys()
    assert not safe.training
    assert safe.network is model.network


def test_a_canvas_of_another_size_is_brought_to_the_network_first(
    plain: dict[str, PoseModel], pictures: Tensor
) -> None:
    canvas = nn.functional.interpolate(pictures, size=(32, 48))
    safe = defended(plain["resdec"], GaussianSmoothing(sigma=2))
    smoothed = safe.defenses[0].change(plain_resized(canvas), SEEDS)
    assert torch.equal(safe(canvas)[0], plain["resdec"](smoothed)[0])


def plain_resized(canvas: Tensor) -> Tensor:
    return nn.functional.interpolate(
        canvas, size=SIZE, mode="bilinear", align_corners=False, antialias=True
    )


def test_an_attack_through_a_smoothing_raises_its_loss_more(
    plain: dict[str, PoseModel], people: Split
) -> None:
    """The attack that knows the defence, against the one made on the network alone."""
    model = plain["resdec"]
    safe = defended(model, GaussianSmoothing(sigma=2))
    batch = crop(people, SIZE)
    attack = igsm(eps=8 / 255, steps=5)
    through = Untargeted().loss(safe, batch)
    unaware = attack(Untargeted().loss(model, batch), batch.images, batch.seeds)
    aware = attack(through, batch.images, batch.seeds)
    clean = through(batch.images)
    assert (through(aware) - clean > 1.5 * (through(unaware) - clean)).all()
    own = Untargeted().loss(model, batch)
    assert (own(unaware) > own(aware)).all()


@dataclass(frozen=True)
class Strange(HeatmapCodec):
    """A codec that no defence knows."""


@pytest.mark.usefixtures("unchecked")
def test_what_cannot_be_defended_is_refused(plain: dict[str, PoseModel]) -> None:
    model = plain["resdec"]
    with pytest.raises(UsageError, match="expected a defence for resdec"):
        defended(model)
    for wrapped in (defended(model, Mirror()), flip_tested(model)):
        with pytest.raises(UsageError, match="all of them in one call"):
            defended(wrapped, Mirror())
    strange = PoseModel(
        nn.Identity(), name="mine", size=SIZE, codecs=[Strange(SIZE)], skeleton=LSP14
    )
    for defense in (Mirror(), ResizeAndPad(least=0.9)):
        with pytest.raises(UsageError, match=r"Strange \(mine\)"):
            defended(strange, defense)
    assert defended(strange, BitDepth(bits=3)).name == "mine+bits:3"


@pytest.mark.parametrize("defense", DEFENSES, ids=lambda defense: defense.name)
def test_settings_are_values(defense: Defense) -> None:
    assert defense == replace(defense)  # type: ignore[type-var]
    assert hash(defense) == hash(replace(defense))  # type: ignore[type-var]
