"""From a published file to a model: which format it has, whether it fits, what is assumed."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch import Tensor

from robustpose.errors import UsageError
from robustpose.models.model import PoseModel
from robustpose.models.published import FORMATS
from robustpose.models.published.files import read_weights, shown
from robustpose.models.published.formats import Format, Reading, Shapes, Size

ENOUGH = 0.5
"""A file is of a format if at least this share of its names is."""


def load_published(family: str, path: Path, *, size: Size | None = None) -> PoseModel:
    """Load a published checkpoint of a family of networks, frozen and in evaluation mode.

    Depth and width are the file's; `size` (height, width) settles what weights cannot tell.
    What is assumed without it is printed and stands in `card["assumed"]`. Raises `UsageError`
    for a file that is damaged, of no known format, of another family, or that almost fits.
    """
    weights = read_weights(path)
    form = recognised(family, list(weights), str(path))
    shapes = Shapes({name: tuple(tensor.shape) for name, tensor in weights.items()})
    try:
        reading = form.read(shapes, size)
    except UsageError as error:
        raise UsageError(f"{path} looks like {form.name} ({form.family}), but {error}") from error
    except (IndexError, ValueError, TypeError, ArithmeticError, RuntimeError) as error:
        raise UsageError(
            f"{path} looks like {form.name} ({form.family}), but its tensors have shapes that no "
            "such network has"
        ) from error
    _check(weights, reading, form, str(path))
    own = reading.model.network.state_dict()
    reading.model.network.load_state_dict(
        {
            name: weights.get(theirs, own[name]).to(own[name].dtype)
            for name, theirs in reading.names.items()
        }
    )
    reading.model.card = {
        "format": form.name,
        "source": form.source,
        "licence of the code": form.licence,
        "file": path.name,
        "assumed": list(reading.assumed),
    }
    for assumption in reading.assumed:
        print(f"{path.name}: {assumption}", file=sys.stderr)
    # Not channels last: publishers' figures come from the plain layout, to the last bits.
    return reading.model.frozen()


def recognised(family: str, names: Sequence[str], source: str) -> Format:
    """Return the format of the family that names of tensors are in.

    Raises `UsageError` if there is none, saying so if they are of another family.
    """
    best = max(FORMATS, key=lambda form: (form.share(names), _serves(form, family)))
    if best.share(names) < ENOUGH:
        known = sorted({form.name for form in FORMATS if _serves(form, family)})
        raise UsageError(
            f"{source} is in no format that is known for {family} "
            f"({'; '.join(known) or 'none is'}): its {len(names)} tensors are named "
            f"{', '.join(map(shown, sorted(names)[:3]))} ..."
        )
    if not _serves(best, family):
        raise UsageError(
            f"{source} holds a network of the family {best.family} ({best.name}), expected "
            f'{family}: load it as "{best.family}"'
        )
    return best


def _serves(form: Format, family: str) -> bool:
    return family in (form.family, *form.also)


def _check(weights: Mapping[str, Tensor], reading: Reading, form: Format, source: str) -> None:
    """Raise `UsageError` with what is missing, left over or of another shape."""
    own = reading.model.network.state_dict()
    expected = {theirs: own[name] for name, theirs in reading.names.items()}
    missing = sorted(
        name
        for name in expected.keys() - weights.keys()
        if not name.endswith("num_batches_tracked")  # PyTorch before 0.4.1 had none
    )
    extra = sorted(
        name
        for name in weights.keys() - expected.keys()
        if not form.spare.fullmatch(name) and not name.endswith("num_batches_tracked")
    )
    unreal = sorted(
        name
        for name in expected.keys() & weights.keys()
        if not name.endswith("num_batches_tracked") and not _plausible(name, weights[name])
    )
    differing = sorted(
        f"{shown(name)} {tuple(weights[name].shape)}, expected {tuple(expected[name].shape)}"
        for name in expected.keys() & weights.keys()
        if weights[name].shape != expected[name].shape
    )
    findings = [
        f"{title} ({len(names)}): {', '.join(map(shown, names[:5]))}"
        f"{' ...' if len(names) > 5 else ''}"
        for title, names in (
            ("missing", missing),
            ("left over", extra),
            ("of another shape", differing),
            ("no weights (NaN, infinite, negative variances or whole numbers)", unreal),
        )
        if names
    ]
    if findings:
        raise UsageError(f"{source} almost fits {form.name} ({form.family}); {'; '.join(findings)}")


def _plausible(name: str, tensor: Tensor) -> bool:
    if not tensor.is_floating_point() or not bool(tensor.isfinite().all()):
        return False
    return not name.endswith("running_var") or bool((tensor >= 0).all())
