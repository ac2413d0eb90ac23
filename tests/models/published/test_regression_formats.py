"""What files of regressors tell of pictures and places, beside the outputs in reference/."""

import re

import pytest
import torch
from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models.codecs import CoordinateCodec, IntegralCodec, RLECodec, SimCCCodec
from robustpose.models.published import deeppose, integral, simcc
from robustpose.models.published.formats import Format, Reading, Shapes, Size

from .recording import reference

FORMATS: dict[str, Format] = {
    form.name: form for form in (*deeppose.FORMATS, *integral.FORMATS, *simcc.FORMATS)
}
AUTHORS, REGRESSION, RLE = (form.name for form in deeppose.FORMATS)
(INTEGRAL,) = (form.name for form in integral.FORMATS)
(SIMCC,) = (form.name for form in simcc.FORMATS)


def shapes_of(name: str) -> dict[str, tuple[int, ...]]:
    return {key: tuple(shape) for key, shape in reference(name).shapes.items()}


def read(form: str, name: str, size: Size | None = None) -> Reading:
    return FORMATS[form].read(Shapes(shapes_of(name)), size)


def test_the_study_s_coordinates_on_mpii_are_middles_of_cells() -> None:
    reading = read(AUTHORS, "deeppose-authors-34-16")
    assert reading.model.codecs == (CoordinateCodec((256, 256), origin=(131.5, 131.5)),)
    assert reading.model.normalisation.bgr
    assert reading.model.normalisation.std == (256.0,) * 3
    assert "size=" in reading.assumed[0]
    # Cell 5 of 32 covers pixels 40 to 47: its target is 5 / 32 - 0.5.
    encoded = reading.model.codecs[0].encode(_joint(43.5, 131.5))
    assert encoded.flatten().tolist() == pytest.approx([5 / 32 - 0.5, 0])


def test_its_coordinates_on_coco_are_shares_of_the_picture() -> None:
    model = read(AUTHORS, "deeppose-authors-50-17", (256, 256)).model
    assert model.codecs == (CoordinateCodec((256, 256), origin=(0.0, 0.0)),)
    assert model.normalisation.std == (255.0,) * 3
    assert model.codecs[0].encode(_joint(128, 64)).flatten().tolist() == [0.5, 0.25]


@pytest.mark.parametrize("form", [REGRESSION, RLE])
def test_mmpose_s_input_is_assumed_by_its_joints(form: str) -> None:
    family = FORMATS[form].family
    reading = read(form, f"{family}-mmpose-50x64-17")
    assert reading.model.size == (256, 192)
    assert any("size=" in assumption for assumption in reading.assumed)
    reading = read(form, f"{family}-mmpose-50x64-17", (384, 288))
    assert reading.model.size == (384, 288)
    assert not any("size=" in assumption for assumption in reading.assumed)
    codec = reading.model.codecs[0]
    assert isinstance(codec, (CoordinateCodec, RLECodec))
    assert codec.encode(_joint(144, 96)).flatten().tolist() == [0.5, 0.25]


@pytest.mark.parametrize("form", [REGRESSION, RLE])
def test_files_from_before_version_1_are_read_alike(form: str) -> None:
    family = FORMATS[form].family
    new = shapes_of(f"{family}-mmpose-50x64-17")
    old = {
        re.sub(r"^head\.", "keypoint_head.", key).replace("loss_module", "loss"): shape
        for key, shape in new.items()
    }
    assert FORMATS[form].share(old) == 1
    reading = FORMATS[form].read(Shapes(old), None)
    spare = FORMATS[form].spare
    assert {key for key in old if not spare.fullmatch(key)} == set(reading.names.values())


def test_files_of_a_flow_are_not_taken_for_plain_coordinates() -> None:
    names = list(shapes_of("rle-mmpose-50x64-17"))
    assert FORMATS[RLE].share(names) == 1 > FORMATS[REGRESSION].share(names)


@pytest.mark.parametrize(
    ("name", "size", "ratio"),
    [
        ("simcc-mmpose-50x64-17", (256, 192), 2),
        ("simcc-mmpose-18x16-16", (64, 96), 3),
        ("simcc-mmpose-34x8-16", (128, 64), 2),
    ],
)
def test_the_last_layers_of_simcc_tell_its_input(name: str, size: Size, ratio: float) -> None:
    model = read(SIMCC, name).model
    assert model.size == size
    assert model.codecs == (SimCCCodec(size, ratio=ratio, origin=0.0),)
    with pytest.raises(UsageError, match=rf"its input is {size[0]} x {size[1]}"):
        read(SIMCC, name, (512, 512))


def test_the_size_of_maps_tells_the_input_of_integral_regression() -> None:
    reading = read(INTEGRAL, "integral-mmpose-18x16-16")
    assert reading.model.codecs == (IntegralCodec((64, 96), stride=8, power=2, origin=0.0),)
    assert "beta" in reading.assumed[0]


@pytest.mark.parametrize(
    ("form", "name", "tensor", "shape", "message"),
    [
        (RLE, "rle-mmpose-50x64-17", "head.fc.weight", (34, 2048), "8 joints"),
        (RLE, "rle-mmpose-50x64-17", "head.fc.weight", (68,), "linear layer"),
        (SIMCC, "simcc-mmpose-50x64-17", "head.mlp_head_x.weight", (384, 7), "as many cells"),
        (INTEGRAL, "integral-mmpose-50x64-17", "head.linspace_x", None, "is missing"),
    ],
)
def test_odd_shapes_are_refused_in_words(
    form: str, name: str, tensor: str, shape: tuple[int, ...] | None, message: str
) -> None:
    shapes = shapes_of(name)
    if shape is None:
        del shapes[tensor]
    else:
        shapes[tensor] = shape
    with pytest.raises(UsageError, match=message):
        FORMATS[form].read(Shapes(shapes), None)


def _joint(x: float, y: float) -> Tensor:
    return torch.tensor([[[x, y]]], dtype=torch.float32)
