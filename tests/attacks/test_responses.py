"""What comes through of a small change is measured, and gradients are led by it."""

from collections.abc import Callable

import cv2
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from robustpose.attacks.bridges import bridged, bridged_front
from robustpose.attacks.fronts import Front
from robustpose.attacks.responses import CHANGE, Change, changed, filtered, gains
from robustpose.cosines import planes_of, waves_of
from robustpose.data.crops import crop
from robustpose.data.rendered import rendered_people
from robustpose.defenses.jpeg import smooth_jpeg
from robustpose.poses import Images


@pytest.fixture(scope="module")
def pictures() -> Images:
    """Return two rendered people."""
    return crop(rendered_people("test", count=2, pixels=128), (128, 128)).images


def jpeg(images: Images) -> Images:
    """Write and read JPEG files."""
    read = []
    for image in images:
        pixels = (255 * image.detach().clamp(0, 1)).round().byte().permute(1, 2, 0).numpy()
        content = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 50])[1]
        read.append(torch.from_numpy(cv2.imdecode(content, cv2.IMREAD_COLOR)).permute(2, 0, 1))
    return torch.stack(read) / 255


def blurred(images: Images) -> Images:
    """Return means of nine pixels."""
    return F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def measured(front: Callable[[Images], Tensor], pictures: Images) -> Tensor:
    """Return the gains of a front that should be the identity."""
    made = [changed(pictures, draw) - pictures for draw in range(8)]
    came = [front(pictures + each) - front(pictures) for each in made]
    blocks = gains(Change(*each) for each in zip(made, made, came, strict=True))
    return blocks.mean((2, 3))


def test_every_value_changes_a_little_within_the_range() -> None:
    pictures = torch.rand(2, 3, 20, 28)
    pictures[0, 0], pictures[1, 2] = 0, 1
    others = changed(pictures, 0)
    assert others.min() >= 0
    assert others.max() <= 1
    torch.testing.assert_close((others - pictures).abs(), torch.full_like(pictures, CHANGE))
    assert torch.equal(others, changed(pictures, 0))
    assert not torch.equal(others, changed(pictures, 1))
    assert torch.equal(others[1:], changed(pictures[1:], 0))


def test_waves_are_a_turn() -> None:
    planes = torch.rand(2, 3, 16, 24)
    waves = waves_of(planes)
    assert waves.shape == (2, 3, 2, 3, 8, 8)
    torch.testing.assert_close(planes_of(waves), planes)
    torch.testing.assert_close(waves.square().sum(), planes.square().sum())
    torch.testing.assert_close(waves[..., 0, 0], 8 * F.avg_pool2d(planes, 8))


@pytest.mark.parametrize("size", [(16, 24), (13, 21)])
def test_a_filter_that_lets_all_through_changes_nothing(size: tuple[int, int]) -> None:
    pictures = torch.rand(2, 3, *size)
    torch.testing.assert_close(filtered(pictures, torch.ones(2, 3, 1, 1, 8, 8)), pictures)


def test_of_the_identity_all_comes_through(pictures: Images) -> None:
    torch.testing.assert_close(measured(lambda x: x, pictures), torch.ones(2, 3, 8, 8))


def test_of_a_mean_the_slow_waves_come_through(pictures: Images) -> None:
    found = measured(blurred, pictures)
    assert (found[..., 0, 0] > 0.8).all()
    assert (found[..., 4:, 4:] < 0.2).all()


def test_jpeg_lets_brightness_through_and_loses_detail(pictures: Images) -> None:
    brightness, *colours = measured(jpeg, pictures).unbind(1)
    assert (brightness[:, 0, 0] > 0.4).all()
    assert (brightness[:, 6:, 6:].mean((1, 2)) < 0.1).all()
    assert all((each[:, 4:, 4:].mean((1, 2)) < 0.1).all() for each in colours)


def test_the_gradient_through_jpeg_is_nearer_to_that_of_a_smooth_copy(pictures: Images) -> None:
    torch.manual_seed(0)
    weights = torch.randn_like(pictures)

    def gradient(led: Callable[[Images], Tensor]) -> Tensor:
        variable = pictures.clone().requires_grad_()
        return torch.autograd.grad((led(variable) * weights).sum(), variable)[0].flatten(1)

    wanted = gradient(lambda x: smooth_jpeg(x, 50))
    plain = gradient(lambda x: bridged(jpeg(x), x))
    found = gradient(lambda x: bridged_front(jpeg(x), x, jpeg, keep=False))
    near, nearer = (F.cosine_similarity(each, wanted) for each in (plain, found))
    assert (nearer > 1.5 * near).all()


def test_a_front_that_draws_its_size_is_the_identity(pictures: Images) -> None:
    sizes = iter(range(101, 120))

    def shrunk(images: Images, size: int) -> Tensor:
        return (15 * F.interpolate(images.detach(), size=size)).round() / 15

    weights, given = torch.rand(2, 3, 100, 100), shrunk(pictures, 100)
    one, other = (pictures.clone().requires_grad_() for _ in range(2))
    plain = bridged(given, one)
    found = bridged_front(given, other, lambda x: shrunk(x, next(sizes)), keep=False)
    (plain * weights).sum().backward()
    (found * weights).sum().backward()
    torch.testing.assert_close(other.grad, one.grad, atol=1e-4, rtol=1e-3)


class Looked:
    """A loss of what a layer says of what is done to a picture."""

    def __init__(self, front: Callable[[Images], Tensor], *, layer: bool = True) -> None:
        self.front = front
        self.layer = nn.Conv2d(3, 1, 1) if layer else nn.Identity()

    def __call__(self, images: Images) -> Tensor:
        found: Tensor = self.layer(self.front(images))
        return found.flatten(1).sum(dim=1)

    def take(self, index: Tensor) -> "Looked":
        return self


def test_a_front_is_what_the_first_layer_is_given(pictures: Images) -> None:
    front = Front(Looked(blurred))
    assert torch.equal(front(pictures), blurred(pictures))


def test_a_front_draws_as_it_would_have_and_leaves_the_draws_alone(pictures: Images) -> None:
    loss = Looked(lambda x: x + torch.randn_like(x))
    torch.manual_seed(3)
    front = Front(loss)
    before = torch.get_rng_state()
    one, other = front(pictures), front(pictures)
    assert torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(3)
    assert torch.equal(one, pictures + torch.randn_like(pictures))


def test_a_loss_without_a_layer_has_no_front(pictures: Images) -> None:
    with pytest.raises(RuntimeError, match="no layer"):
        Front(Looked(blurred, layer=False))(pictures)
