"""Diverse inputs and translation invariance: what is shown, smoothed, drawn and counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import gaussian_filter
from torch import Tensor

from robustpose.attacks.gradients import Averaged, Estimator, Passes, exact, passes, value
from robustpose.attacks.input_transformations import DiverseInput, TranslationInvariant
from robustpose.attacks.iterated import igsm
from robustpose.attacks.momentum import mi_fgsm
from robustpose.errors import UsageError
from robustpose.placement import copied, placements
from robustpose.studies.provenance import described

SEEDS = range(40)


@dataclass(frozen=True)
class Weighted:
    """A loss that keeps what it is shown, with a slope of its own at each value."""

    shown: list[Tensor]

    def __call__(self, images: Tensor) -> Tensor:
        self.shown.append(images.detach())
        return (images * weights()).sum(dim=(1, 2, 3))

    def take(self, index: Tensor) -> "Weighted":
        return self


@dataclass(frozen=True)
class Noisy:
    """A loss with a random slope, drawn from seeds."""

    seeds: Sequence[int]

    def __call__(self, images: Tensor) -> Tensor:
        drawn = [torch.randn((), generator=torch.Generator().manual_seed(s)) for s in self.seeds]
        return torch.stack(drawn) * images.sum(dim=(1, 2, 3))

    def take(self, index: Tensor) -> "Noisy":
        return Noisy([self.seeds[place] for place in index.tolist()])

    def seeded(self, seeds: Sequence[int]) -> "Noisy":
        return Noisy(seeds)


def weights() -> Tensor:
    return torch.randn(3, 24, 20, generator=torch.Generator().manual_seed(1))


def images(count: int = len(SEEDS)) -> Tensor:
    return torch.rand(count, 3, 24, 20, generator=torch.Generator().manual_seed(0))


def test_copies_are_what_resizing_and_padding_give() -> None:
    """PyTorch's own interpolation, on black, at the places that were drawn."""
    along_x, along_y = placements((24, 20), 0.7, SEEDS, images())
    found = copied(images(), along_x, along_y)
    for place, picture in enumerate(images()):
        width = round(20 * float(along_x.scale[place]))
        height = round(24 * float(along_y.scale[place]))
        left, top = int(along_x.first[place]), int(along_y.first[place])
        small = F.interpolate(picture[None], (height, width), mode="bilinear", antialias=False)
        expected = F.pad(small, (left, 20 - width - left, top, 24 - height - top))[0]
        torch.testing.assert_close(found[place], expected, rtol=0, atol=1e-5)


def test_gradients_come_through_what_was_shown() -> None:
    loss = Weighted([])
    diverse = DiverseInput(probability=1.0, least=0.7)
    reached, gradient = diverse(loss, images(), SEEDS)
    (shown,) = loss.shown
    torch.testing.assert_close(reached, (shown * weights()).sum(dim=(1, 2, 3)))
    # The copy is linear in the image, so that the gradient tells how the loss follows any change.
    change = torch.randn_like(images())
    after = value(diverse, loss, images() + change, SEEDS)
    torch.testing.assert_close(
        after - reached, (gradient * change).sum(dim=(1, 2, 3)), rtol=1e-4, atol=1e-3
    )


def test_as_many_are_changed_as_were_asked_for() -> None:
    loss = Weighted([])
    many = images().repeat(5, 1, 1, 1)
    DiverseInput(probability=0.25, least=0.7)(loss, many, range(200))
    same = (loss.shown[0] == many).flatten(1).all(dim=1)
    assert 0.15 < (~same).float().mean() < 0.35


def test_copies_belong_to_the_seed() -> None:
    loss = Weighted([])
    diverse = DiverseInput(probability=1.0)
    diverse(loss, images(3), [5, 6, 7])
    diverse(loss, images(3)[[2, 0]], [7, 9])
    assert torch.equal(loss.shown[1][0], loss.shown[0][2])
    assert not torch.equal(loss.shown[1][1], loss.shown[0][0])


def test_people_can_be_taken_from_a_loss_of_copies() -> None:
    copies = DiverseInput(probability=1.0)._through(Noisy([1, 2, 3]), images(3), [4, 5, 6])
    index = torch.tensor([2, 0])
    taken = copies.take(index)(images(3)[index])
    torch.testing.assert_close(taken, copies(images(3))[index])


def test_random_losses_stay_random() -> None:
    loss = Noisy([0, 0])
    averaged = DiverseInput(probability=1.0, gradient=Averaged(draws=8))
    once = DiverseInput(probability=1.0)(loss, images(2), [1, 2])
    assert not torch.allclose(averaged(loss, images(2), [1, 2]).loss, once.loss)
    assert averaged.passes(gradients=3, values=2) == Passes(24, 16)
    with pytest.raises(UsageError, match="takes seeds"):
        averaged(Weighted([]), images(2), [1, 2])


@pytest.mark.parametrize("size", [3, 7, 15])
def test_smoothing_is_a_gaussian_of_three_deviations(size: int) -> None:
    found = TranslationInvariant(size=size)(Weighted([]), images(1), [0]).gradient[0]
    deviation = (size - 1) / 6
    radius = (size - 1) // 2
    for channel, each in zip(found, weights(), strict=True):
        expected = gaussian_filter(each.numpy(), deviation, mode="constant", radius=radius)
        torch.testing.assert_close(channel, torch.from_numpy(expected), rtol=0, atol=1e-5)


def test_smoothing_leaves_the_value() -> None:
    loss, smoothed = Weighted([]), TranslationInvariant()
    assert torch.equal(smoothed(loss, images(2), [0, 1]).loss, loss(images(2)))
    assert torch.equal(smoothed.value(loss, images(2), [0, 1]), loss(images(2)))


def test_they_go_around_each_other_and_into_any_attack() -> None:
    both = TranslationInvariant(gradient=DiverseInput(gradient=Averaged(draws=2)))
    assert isinstance(both, Estimator)
    assert passes(both, gradients=5, values=1) == (10, 2)
    for attack in (igsm(eps=0.1, steps=3), mi_fgsm(eps=0.1, steps=3)):
        made = replace(attack, gradient=both)
        outcome = made.outcome(Noisy([1, 2]), images(2), [3, 4])
        assert (outcome.gradients, outcome.queries) == (6, 0)
        assert "smoothed over 7 pixels (gradients through copies" in made.description
        assert made.description.endswith(", from the clean image")
        assert described(made) != described(attack)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiverseInput(probability=0.0), "probability above 0"),
        (lambda: DiverseInput(least=1.0), "least size between 0 and 1"),
        (lambda: TranslationInvariant(size=4), "odd window"),
        (lambda: TranslationInvariant(size=1), "odd window"),
    ],
)
def test_senseless_settings_are_refused(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_an_exact_gradient_is_what_is_left_without_both() -> None:
    loss = Weighted([])
    found = DiverseInput(probability=1.0, least=0.999)(loss, images(2), [0, 1])
    torch.testing.assert_close(found.gradient, exact(loss, images(2), [0, 1]).gradient)
