"""Codecs: joints out and back, losses that never mix people, gradients."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustpose.models.codecs import (
    Codec,
    CoordinateCodec,
    HeatmapCodec,
    IntegralCodec,
    RLECodec,
    SimCCCodec,
)
from robustpose.models.rle import RealNVP

SIZE = (48, 64)  # height, width


def some_flow() -> RealNVP:
    """Return a flow whose weights are far from where they begin, and the same each time."""
    flow = RealNVP()
    with torch.no_grad():
        for index, parameter in enumerate(flow.parameters()):
            values = torch.arange(parameter.numel()).mul(index + 1).sin().div(4)
            parameter.copy_(values.view_as(parameter))
    return flow


HEATMAPS = [HeatmapCodec(SIZE, stride=4, sigma=sigma) for sigma in (1.0, 2.0)]
COORDINATES = [
    *(CoordinateCodec(SIZE, power=power) for power in (1, 2)),
    CoordinateCodec(SIZE, origin=(0.0, 3.5)),
]
INTEGRALS = [IntegralCodec(SIZE), IntegralCodec(SIZE, stride=8, beta=3.0, power=2, origin=0.0)]
BINS = [SimCCCodec(SIZE), SimCCCodec(SIZE, ratio=3.0, sigma=2.0, beta=10.0, origin=0.0)]
RESIDUALS = [RLECodec(SIZE, some_flow()), RLECodec(SIZE, some_flow(), origin=(0.0, 0.0))]
CODECS: list[Codec] = [*HEATMAPS, *COORDINATES, *INTEGRALS, *BINS, *RESIDUALS]

points = st.tuples(
    st.floats(-0.5, SIZE[1] - 0.5, width=32), st.floats(-0.5, SIZE[0] - 0.5, width=32)
)
poses = st.lists(points, min_size=1, max_size=6).map(lambda pose: torch.tensor([pose]))
borders = torch.tensor(
    [[[x, y] for x in (-0.5, 0, 1.5, 61.5, 63, 63.5) for y in (-0.5, 0, 1.5, 45.5, 47, 47.5)]]
)


@given(poses, st.sampled_from(HEATMAPS))
def test_heatmaps_decode_to_a_quarter_of_a_cell(joints: Tensor, codec: HeatmapCodec) -> None:
    pose = codec.decode(codec.encode(joints))
    assert (pose.joints - joints).abs().max() <= codec.stride / 4 + 1e-3
    assert pose.confidence.max() <= 1


@pytest.mark.parametrize("codec", HEATMAPS, ids=repr)
def test_heatmaps_decode_at_the_very_border(codec: HeatmapCodec) -> None:
    decoded = codec.decode(codec.encode(borders)).joints
    assert (decoded - borders).abs().max() <= codec.stride / 4 + 1e-3


@given(poses, st.sampled_from(COORDINATES))
def test_coordinates_decode_exactly(joints: Tensor, codec: CoordinateCodec) -> None:
    assert (codec.decode(codec.encode(joints)).joints - joints).abs().max() <= 1e-4


@given(poses, st.sampled_from(RESIDUALS))
def test_residuals_decode_exactly_whatever_the_deviation(joints: Tensor, codec: RLECodec) -> None:
    deviation = torch.tensor([0.1, 0.3])
    logits = torch.logit(deviation).expand_as(joints)
    pose = codec.decode(torch.cat([codec.encode(joints), logits], dim=-1))
    assert (pose.joints - joints).abs().max() <= 1e-4
    torch.testing.assert_close(pose.confidence, torch.full_like(pose.confidence, 0.8))


@given(poses, st.sampled_from(BINS))
def test_bins_decode_to_half_a_bin(joints: Tensor, codec: SimCCCodec) -> None:
    pose = codec.decode(codec.encode(joints))
    # Bins that begin at pixel 0 end one bin before the last pixel's edge, and begin half a pixel
    # after the first's.
    beyond = 0.0 if codec.origin is None else 0.5
    assert (pose.joints - joints).abs().max() <= max(0.5 / codec.ratio, beyond) + 1e-3


@given(
    st.lists(
        st.tuples(
            st.floats(15.5, SIZE[1] - 16.5, width=32), st.floats(15.5, SIZE[0] - 16.5, width=32)
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(INTEGRALS),
)
def test_the_mean_of_a_bump_is_the_joint(
    places: list[tuple[float, float]], codec: IntegralCodec
) -> None:
    joints = torch.tensor([places])
    bumps = HeatmapCodec(SIZE, stride=codec.stride, sigma=0.6, origin=codec.origin).encode(joints)
    pose = codec.decode(bumps.clamp_min(1e-30).log() / codec.beta)
    assert (pose.joints - joints).abs().max() <= 0.05 * codec.stride
    assert (pose.confidence > 0.85).all()
    assert (pose.confidence <= 1 + 1e-5).all()


def test_published_coordinates_have_their_own_origin() -> None:
    """MMPose divides pixels by width and height; so do targets that count from the first pixel."""
    codec = CoordinateCodec(SIZE, origin=(0.0, 0.0))
    encoded = codec.encode(torch.tensor([[[32.0, 12.0]]]))
    torch.testing.assert_close(encoded, torch.tensor([[[0.5, 0.25]]]))
    middle = CoordinateCodec(SIZE).encode(torch.tensor([[[31.5, 23.5], [-0.5, 47.5]]]))
    torch.testing.assert_close(middle, torch.tensor([[[0.0, 0.0], [-0.5, 0.5]]]))


def test_a_bump_peaks_at_one_in_the_cell_of_its_joint() -> None:
    maps = HEATMAPS[0].encode(torch.tensor([[[4 * 5 + 1.5, 4 * 2 + 1.5]]]))
    assert maps.shape == (1, 1, 12, 16)
    assert maps[0, 0, 2, 5] == 1
    assert maps[0, 0, 2, 6].item() == pytest.approx(math.exp(-0.5))
    assert maps[0, 0, 3, 6].item() == pytest.approx(math.exp(-1))


def test_joints_outside_the_picture_give_empty_maps_but_true_coordinates() -> None:
    far = torch.tensor([[[1e4, -1e4]]])
    assert not HEATMAPS[0].encode(far).any()
    torch.testing.assert_close(COORDINATES[0].decode(COORDINATES[0].encode(far)).joints, far)


def output_like(codec: Codec, joints: Tensor, seed: int = 0) -> Tensor:
    """Return what a bad network might put out: the target, or what stands for it, and noise."""
    random = torch.Generator().manual_seed(seed)
    output = codec.encode(joints)
    if isinstance(codec, IntegralCodec):
        cells = (codec.size[0] // codec.stride, codec.size[1] // codec.stride)
        output = output.new_zeros(*output.shape[:2], *cells)
    if isinstance(codec, RLECodec):
        output = torch.cat([output, torch.zeros_like(output)], dim=-1)
    return output + torch.randn(output.shape, generator=random, dtype=output.dtype)


def some_joints(count: int = 3, dtype: torch.dtype = torch.float32) -> Tensor:
    random = torch.Generator().manual_seed(7)
    return torch.rand(count, 4, 2, generator=random, dtype=dtype) * 48


@pytest.mark.parametrize("codec", CODECS, ids=repr)
def test_a_batch_is_its_people_one_by_one(codec: Codec) -> None:
    joints, weight = some_joints(), torch.tensor([[1.0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0]])
    output, target = output_like(codec, joints), codec.encode(joints)
    whole = codec.loss(output, target, weight)
    assert whole.shape == (3,)
    for i in range(3):
        one = slice(i, i + 1)
        torch.testing.assert_close(codec.encode(joints[one]), target[one])
        torch.testing.assert_close(
            codec.decode(output[one]).joints, codec.decode(output).joints[one]
        )
        torch.testing.assert_close(
            codec.loss(output[one], target[one], weight[one]), whole[one], rtol=1e-6, atol=0
        )


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("absurd", [-1e6, 1e9])
def test_joints_without_weight_do_not_enter(codec: Codec, absurd: float) -> None:
    joints, weight = some_joints(), torch.ones(3, 4)
    weight[:, 2] = 0
    output = output_like(codec, joints)
    moved = joints.clone()
    moved[:, 2] = absurd
    losses = [codec.loss(output, codec.encode(given_), weight) for given_ in (joints, moved)]
    assert torch.equal(*losses)
    assert not codec.loss(output, codec.encode(joints), torch.zeros(3, 4)).any()


def test_the_losses_are_those_of_the_papers() -> None:
    output, joints = torch.zeros(1, 1, 12, 16), torch.tensor([[[21.5, 9.5]]])
    weight = torch.ones(1, 1)
    bump = sum(
        math.exp(-((x - 5) ** 2 + (y - 2) ** 2)) for x in range(16) for y in range(12)
    )  # of squares: exp(-d / 2) ** 2
    loss = HEATMAPS[0].loss(output, HEATMAPS[0].encode(joints), weight)
    assert loss.item() == pytest.approx(bump / (12 * 16), rel=1e-4)
    shares = torch.tensor([[[0.25, -0.5]]])
    for power, expected in ((1, (0.25 + 0.5) / 2), (2, (0.0625 + 0.25) / 2)):
        codec = CoordinateCodec(SIZE, power=power)
        assert codec.loss(shares, torch.zeros(1, 1, 2), weight).item() == pytest.approx(expected)
    # The mean of an even map is the middle of the picture, share 0 of both axes.
    loss = IntegralCodec(SIZE).loss(output, shares, weight)
    assert loss.item() == pytest.approx((0.25 + 0.5) / 2, rel=1e-5)


@pytest.mark.parametrize("codec", HEATMAPS, ids=repr)
def test_cross_entropy_against_a_slow_sum(codec: HeatmapCodec) -> None:
    joints, weight = some_joints(), torch.tensor([[1.0, 1, 0, 1], [1, 1, 1, 1], [0, 0, 1, 0]])
    output, target = output_like(codec, joints), codec.encode(joints)
    expected = []
    for person in range(3):
        each = []
        for joint in range(4):
            truth = target[person, joint] / target[person, joint].sum()
            probability = output[person, joint].exp() / output[person, joint].exp().sum()
            each.append(-(truth * probability.log()).sum() * weight[person, joint])
        expected.append(sum(each) / 4)
    torch.testing.assert_close(
        codec.cross_entropy(output, target, weight), torch.stack(expected), rtol=1e-4, atol=0
    )


def test_cross_entropy_of_an_empty_target_is_nothing() -> None:
    codec = HEATMAPS[0]
    target = codec.encode(torch.full((1, 4, 2), 1e6))
    assert not codec.cross_entropy(torch.randn(1, 4, 12, 16), target, torch.ones(1, 4)).any()


SMALL: list[Codec] = [
    HeatmapCodec((16, 16)),
    CoordinateCodec(SIZE),
    IntegralCodec((16, 16), beta=2.0),
    SimCCCodec((8, 16), beta=3.0),
    RLECodec(SIZE, some_flow().double()),
]


@pytest.mark.parametrize("codec", SMALL, ids=repr)
def test_losses_differentiate_with_respect_to_outputs(codec: Codec) -> None:
    joints = some_joints(2, torch.float64) / 4
    weight = torch.tensor([[1.0, 0, 1, 1], [1, 1, 1, 0]], dtype=torch.float64)
    output = output_like(codec, joints).detach().requires_grad_()
    target = codec.encode(joints)
    assert target.dtype == torch.float64
    losses = [codec.loss]
    if isinstance(codec, HeatmapCodec):
        losses.append(codec.cross_entropy)
    for loss in losses:
        assert torch.autograd.gradcheck(lambda o, loss=loss: loss(o, target, weight), (output,))


@pytest.mark.parametrize("codec", SMALL, ids=repr)
def test_targets_differentiate_with_respect_to_joints(codec: Codec) -> None:
    joints = (some_joints(1, torch.float64) / 4).requires_grad_()
    assert torch.autograd.gradcheck(codec.encode, (joints,))


def test_the_mean_place_differentiates_with_respect_to_maps() -> None:
    codec = IntegralCodec((16, 16), beta=2.0)
    output = output_like(codec, some_joints(2, torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(lambda maps: codec.decode(maps).joints, (output,))
    assert codec.decode(output).confidence.requires_grad


@pytest.mark.parametrize("codec", CODECS, ids=repr)
@pytest.mark.parametrize("scale", [1e2, 1e4])
def test_losses_and_gradients_stay_finite_far_from_any_target(codec: Codec, scale: float) -> None:
    joints = some_joints()
    output = (scale * output_like(codec, joints)).requires_grad_()
    loss = codec.loss(output, codec.encode(joints), torch.ones(3, 4))
    loss.sum().backward()
    assert loss.isfinite().all()
    assert output.grad is not None
    assert output.grad.isfinite().all()


def test_two_alike_peaks_halve_the_confidence_of_a_mean() -> None:
    maps = torch.zeros(1, 1, 12, 16)
    maps[0, 0, 6, [2, 12]] = 30
    pose = IntegralCodec(SIZE).decode(maps)
    torch.testing.assert_close(pose.joints, torch.tensor([[[29.5, 25.5]]]))
    assert pose.confidence.item() == pytest.approx(0.5, abs=1e-3)


def test_a_label_of_bins_sums_to_one_and_is_empty_far_outside() -> None:
    codec = SimCCCodec(SIZE, sigma=2.0)
    label = codec.encode(torch.tensor([[[32.0, 24.0], [1e4, 24.0]]]))
    width, _ = codec.bins
    assert codec.bins == (128, 96)
    torch.testing.assert_close(label[..., :width].sum(dim=-1), torch.tensor([[1.0, 0.0]]))
    torch.testing.assert_close(label[..., width:].sum(dim=-1), torch.tensor([[1.0, 1.0]]))
    assert label[0, 0, :width].argmax() in (64, 65)  # the two bins around the middle of pixel 32


def test_the_density_of_a_flow_integrates_to_one() -> None:
    line = torch.linspace(-10, 10, 201)
    errors = torch.cartesian_prod(line, line)
    with torch.no_grad():
        density = some_flow()(errors).exp()
    assert density.sum().item() * (20 / 200) ** 2 == pytest.approx(1, abs=1e-3)


def test_a_new_flow_is_nearly_a_normal_distribution() -> None:
    torch.manual_seed(0)
    errors = torch.tensor([[0.0, 0.0], [1.0, -2.0]])
    normal = -errors.square().sum(dim=1) / 2 - math.log(2 * math.pi)
    torch.testing.assert_close(RealNVP()(errors), normal, rtol=0, atol=1.5)


# Numbers of MMPose 1.3.2. Its modules are imported as tests/models/published/make/deeppose.py does.

OUTPUT = torch.arange(24.0).sin().view(2, 3, 4)
WEIGHT = torch.tensor([[1.0, 0, 1], [1, 1, 1]])


def test_residual_log_likelihood_equals_that_of_mmpose() -> None:
    """Checked person by person, since MMPose divides by their number:

    loss = RLELoss(use_target_weight=True)
    for index, p in enumerate(loss.flow_model.parameters()):
        p.data = torch.arange(p.numel()).mul(index + 1).sin().div(4).view_as(p)
    errors = torch.tensor([[0.0, 0.0], [1, -2], [30, 4]])
    print(loss.flow_model.log_prob(errors).tolist())
    target = torch.arange(12.0).cos().view(2, 3, 2) / 2
    for i in ([0], [1]):
        print(loss(OUTPUT[i, :, :2], OUTPUT[i, :, 2:], target[i], WEIGHT[i, :, None]).item())
    OUTPUT[..., 2:] = OUTPUT[..., 2:].sigmoid()
    print(RegressionLabel((64, 48)).decode(OUTPUT.numpy()))
    """
    flow = some_flow()
    errors = torch.tensor([[0.0, 0.0], [1, -2], [30, 4]])
    expected = torch.tensor([-1.6096245050430298, -5.368546962738037, -217.0792999267578])
    torch.testing.assert_close(flow(errors), expected)
    codec = RLECodec(SIZE, flow, origin=(0.0, 0.0))
    target = torch.arange(12.0).cos().view(2, 3, 2) / 2
    sums = torch.tensor([25.9921817779541, 39.169368743896484])
    torch.testing.assert_close(codec.loss(OUTPUT, target, WEIGHT) * 3 * 2, sums)
    joints, confidence = codec.decode(OUTPUT)
    torch.testing.assert_close(joints[1, 2], torch.tensor([58.42849731, 40.1594696]))
    assert confidence[1, 2].item() == pytest.approx(0.6009933, rel=1e-5)


def test_bins_equal_those_of_mmpose() -> None:
    """Joints lie on bins here, since MMPose rounds to them:

    codec = SimCCLabel((64, 48), sigma=6.0, simcc_split_ratio=2.0)
    x, y = output[..., :128], output[..., 128:]
    for beta in (1.0, 3.0):
        for i in ([0], [1]):
            label = codec.encode(joints[i].numpy())
            labels = [torch.from_numpy(label[f"keypoint_{axis}_labels"]) for axis in "xy"]
            print(KLDiscretLoss(beta=beta)((x[i], y[i]), labels, WEIGHT[i]).item())
    print(codec.decode(x.numpy(), y.numpy()))
    """
    joints = torch.tensor([[[10, 20.5], [63, 0], [31.5, 47]], [[0.5, 0], [40, 40], [7, 9]]])
    output = torch.arange(2 * 3 * 224.0).sin().view(2, 3, 224)
    for beta, expected in (
        (1.0, (0.018960842862725258, 0.026801059022545815)),
        (3.0, (0.03380979597568512, 0.04746909812092781)),
    ):
        codec = SimCCCodec(SIZE, beta=beta, origin=0.0)
        losses = codec.loss(output, codec.encode(joints), WEIGHT)
        torch.testing.assert_close(losses, torch.tensor(expected), rtol=1e-5, atol=0)
    pose = codec.decode(output)
    places = [[[16.5, 31], [49, 7], [3, 39.5]], [[13.5, 15.5], [46, 26], [0, 36.5]]]
    assert torch.equal(pose.joints, torch.tensor(places))
    best = torch.tensor([0.997799277305603, 0.9999122619628906, 0.9992056488990784])
    torch.testing.assert_close(pose.confidence[0], best)


@pytest.mark.parametrize(
    ("beta", "expected"),
    [
        (1.0, [[30.10552978515625, 22.051929473876953], [29.992650985717773, 21.995397567749023]]),
        (10.0, [[31.107723236083984, 22.531238555908203], [29.93791961669922, 22.006690979003906]]),
    ],
)
def test_mean_places_equal_those_of_mmpose(beta: float, expected: list[list[float]]) -> None:
    """Cell i lies at pixel 4 i in MMPose:

    head = IntegralRegressionHead(
        3, (16, 12), 2, beta=beta, deconv_out_channels=None, final_layer=None
    )
    maps = torch.arange(2 * 2 * 12 * 16.0).sin().view(2, 2, 12, 16) * 2
    print((head((maps,))[0] * torch.tensor([64, 48]))[0].tolist())
    """
    maps = torch.arange(2 * 2 * 12 * 16.0).sin().view(2, 2, 12, 16) * 2
    places = IntegralCodec(SIZE, beta=beta, origin=0.0).decode(maps).joints[0]
    torch.testing.assert_close(places, torch.tensor(expected))
