"""Defended networks by name: `resdec-matched+jpeg:75`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from robustpose.defenses.defense import Defense, defended
from robustpose.defenses.jpeg import JPEG
from robustpose.defenses.mirroring import Mirror
from robustpose.defenses.quantisation import BitDepth
from robustpose.defenses.resizing import ResizeAndPad
from robustpose.defenses.smoothing import GaussianSmoothing, MedianSmoothing
from robustpose.errors import UsageError, check_choice
from robustpose.models import load_model, split_name
from robustpose.models.model import PoseModel
from robustpose.models.published.formats import Size


class Named(NamedTuple):
    """How a defence is built, and its setting, if it has one: its name and what kind of number."""

    build: Callable[..., Defense]
    setting: str | None = None
    number: type[int] | type[float] = float


DEFENSES: Mapping[str, Named] = {
    "mirror": Named(Mirror),
    "gaussian": Named(GaussianSmoothing, "sigma"),
    "median": Named(MedianSmoothing, "window", int),
    "jpeg": Named(JPEG, "quality", int),
    "bits": Named(BitDepth, "bits", int),
    "resize": Named(ResizeAndPad, "least"),
}
"""Defences by the name that they are asked for by."""


def load_defended(
    text: str, *, checkpoint: Path | None = None, size: Size | None = None
) -> PoseModel:
    """Load a network behind the defences that its name goes on with; frozen.

    `text` is what `load_model` takes, a network or NAME:FILE, and then any number of defences:
    `hourglass2-matched+jpeg:75+mirror`. The picture meets them from left to right. Without any
    it is the network itself. `checkpoint` and `size` are those of `load_model`. Raises `UsageError`
    as `load_model` does, for an unknown defence and for a setting that is missing, superfluous or
    out of its range.
    """
    network, defenses = split_defenses(text)
    model = load_model(network, checkpoint=checkpoint, size=size)
    return defended(model, *defenses).frozen() if defenses else model


def split_defenses(text: str) -> tuple[str, tuple[Defense, ...]]:
    """Split the name of a defended network into that of the network and its defences.

    The name of a file may have a + itself. Raises `UsageError` for an unknown network or defence,
    and for settings that do not fit.
    """
    network, *rest = text.split("+")
    while rest and _lacks_its_file(network) and rest[0].partition(":")[0] not in DEFENSES:
        network = f"{network}+{rest.pop(0)}"
    return network, tuple(_defense(each) for each in rest)


def _lacks_its_file(network: str) -> bool:
    _, file = split_name(network)
    return file is not None and not file.is_file()


def _defense(text: str) -> Defense:
    """Return the defence that `NAME` or `NAME:NUMBER` stands for."""
    name, _, given = text.partition(":")
    check_choice("defence", name, DEFENSES)
    build, setting, number = DEFENSES[name]
    if setting is None:
        if given:
            raise UsageError(f"{name} has no setting: expected +{name}, found +{text}")
        return build()
    try:
        value = number(given)
    except ValueError as error:
        kind = "a whole number" if number is int else "a number"
        raise UsageError(
            f"expected +{name}:{setting.upper()} with {kind}, found +{text}"
        ) from error
    return build(**{setting: value})
