"""The mirror image: what is said of it, mirrored back, and twice mirrored."""

import torch
from torch import Tensor

from robustpose.defenses import Mirror, defended
from robustpose.models.integral import integral
from robustpose.models.model import PoseModel

from .conftest import SIZE, TINY

SEEDS = [5, 6, 7]


def in_mirror(joints: Tensor, model: PoseModel) -> Tensor:
    """Return joints of a picture in pixels of its mirror image, left and right exchanged."""
    x, y = joints[:, list(model.skeleton.mirror)].unbind(dim=-1)
    return torch.stack([SIZE[1] - 1 - x, y], dim=-1)


def test_the_answer_is_the_mirrored_one_for_the_mirror_image(
    model: PoseModel, pictures: Tensor
) -> None:
    found = defended(model, Mirror()).predict(pictures, SEEDS)
    other = model.predict(pictures.flip(-1), SEEDS)
    torch.testing.assert_close(found.joints, in_mirror(other.joints, model), rtol=0, atol=1e-3)
    turned = other.confidence[:, list(model.skeleton.mirror)]
    torch.testing.assert_close(found.confidence, turned, rtol=1e-4, atol=1e-5)


def test_twice_mirrored_is_not_mirrored(model: PoseModel, pictures: Tensor) -> None:
    twice = defended(model, Mirror(), Mirror())
    for found, own in zip(twice(pictures, SEEDS), model(pictures, SEEDS), strict=True):
        torch.testing.assert_close(found, own, rtol=0, atol=1e-6)


def test_a_mean_place_is_exact_where_mirrored_cells_lie_between_others(pictures: Tensor) -> None:
    model = integral("integral", **TINY, features=16, origin=0.0).frozen()
    found = defended(model, Mirror()).predict(pictures).joints
    expected = in_mirror(model.predict(pictures.flip(-1)).joints, model)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-3)
