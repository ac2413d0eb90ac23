"""From a name to a network: untrained, with the package's weights, or with weights of a file."""

from importlib.resources import files
from pathlib import Path

import torch

from robustpose.errors import UsageError, check_choice
from robustpose.models.checkpoints import Card, is_own, load_weights, read_checkpoint
from robustpose.models.model import PoseModel
from robustpose.models.published import FAMILIES
from robustpose.models.published.formats import Size
from robustpose.models.published.recognition import load_published
from robustpose.models.zoo import ZOO


def build_model(name: str, *, seed: int = 0) -> PoseModel:
    """Build a network of the zoo with random weights from `seed`, in evaluation mode.

    Raises `UsageError` for an unknown name.
    """
    check_choice("network", name, ZOO)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ZOO[name].build().channels_last().eval()


def load_model(
    name: str, *, checkpoint: Path | str | None = None, size: Size | None = None
) -> PoseModel:
    """Load a trained network, frozen and in evaluation mode.

    Without `checkpoint`: a network of the zoo with the weights that come with the package
    (`NAME#1`: those of another training, of seed 1). With it: the weights of that file, which is
    either made by `robustpose train` or published by others. `name` is then a network of the zoo,
    or one of `FAMILIES` (depth and width are the file's). A published file is recognised by the
    tensors in it; what they cannot tell is assumed, printed, and set by `size` (height, width). The
    name may carry the file: `hourglass:FILE`.

    Raises `UsageError` for an unknown name, a name that has no bundled weights, or a file that is
    damaged, does not fit, or is of another network.
    """
    if size is not None:
        _check_size(size)
    name, file = split_name(name)
    checkpoint = checkpoint or file
    if checkpoint is None:
        network = name.partition("#")[0]
        if network not in ZOO or not ZOO[network].bundled:
            raise UsageError(_without_weights(name))
        model = _own(network, bundled_path(name))
        model.name = name
        return model
    path = Path(checkpoint)
    if not path.is_file():
        raise UsageError(f"expected a checkpoint at {path}, found no file")
    if is_own(path):
        return _own(name, path)
    return _published(name, path, size)


def split_name(text: str) -> tuple[str, Path | None]:
    """Split `NAME:FILE` (or `NAME`, `NAME#SEED`) into a network or family and its file of weights.

    Raises `UsageError` for an unknown name or training.
    """
    name, _, file = text.partition(":")
    network, training, seed = name.partition("#")
    check_choice("network", network, dict.fromkeys([*ZOO, *FAMILIES]))
    if training:
        _check_training(network, seed, file)
    return name, Path(file) if file else None


def bundled_path(name: str) -> Path:
    """Return where the bundled weights of a network, or of its training NAME#SEED, lie."""
    file = f"{name.replace('#', '-seed')}.safetensors"
    return Path(str(files("robustpose.models") / "weights" / file))


def bundled_networks() -> list[str]:
    """Return the names of the networks whose weights come with the package."""
    return [name for name, entry in ZOO.items() if entry.bundled]


def bundled_card(name: str) -> Card:
    """Return the model card of a bundled network."""
    return read_checkpoint(bundled_path(name)).card


def bundled_trainings() -> list[str]:
    """Return the names of further trainings, of other seeds, that come with the package."""
    return [f"{name}#{seed}" for name, entry in ZOO.items() for seed in entry.seeds]


def _check_training(network: str, seed: str, file: str) -> None:
    known = ZOO[network].seeds if network in ZOO else ()
    if file or seed not in map(str, known):
        trainings = ", ".join(f"{network}#{each}" for each in known) or "none"
        raise UsageError(
            f"{network}#{seed} names another training that comes with the package: expected one of "
            f"{trainings}, without a file"
        )


def _check_size(size: Size) -> None:
    if len(size) != 2 or not all(
        isinstance(side, int) and side > 0 and side % 32 == 0 for side in size
    ):
        raise UsageError(
            f"size is a height and a width in pixels, multiples of 32 as (256, 192): found {size}"
        )


def _own(name: str, path: Path) -> PoseModel:
    """Load a file that `robustpose train` wrote; a family takes any of its networks."""
    stored = read_checkpoint(path)
    fits = stored.model == name or (
        name in FAMILIES and stored.model in ZOO and ZOO[stored.model].family == name
    )
    if not fits:
        raise UsageError(f"{path} holds {stored.model}, expected {name}")
    model = build_model(stored.model)
    load_weights(model, stored.weights, str(path))
    model.card = stored.card
    return model.frozen()


def _published(name: str, path: Path, size: Size | None) -> PoseModel:
    """Load a published file; under the name of a zoo network it must have that one's depth."""
    family = ZOO[name].family if name in ZOO else name
    if name.endswith(("-compact", "-matched")):
        raise UsageError(
            f"expected the safetensors file of `robustpose train {name}` at {path}: it is damaged "
            f'or something else (a published network loads as "{family}")'
        )
    model = load_published(family, path, size=size)
    if name != family:
        _check_depth_and_width(model, name, family, path)
    model.name = name
    return model


def _check_depth_and_width(model: PoseModel, name: str, family: str, path: Path) -> None:
    with torch.device("meta"):
        expected = ZOO[name].build()
    advice = f'load it as "{family}", for which the file sets depth and width'
    stages, wanted = len(model.codecs), len(expected.codecs)
    if stages != wanted:
        raise UsageError(
            f"{path} holds a network of {stages} stages, {name} has {wanted}: {advice}"
        )
    own, found = expected.network.state_dict(), model.network.state_dict()
    shared = own.keys() & found.keys()
    # Publishers differ in stems and joints, so some shapes do; another width changes them all.
    if sum(own[key].shape == found[key].shape for key in shared) < len(shared) / 2:
        raise UsageError(f"{path} holds a network of another width than {name}: {advice}")


def _without_weights(name: str) -> str:
    with_weights = ", ".join(bundled_networks())
    if name in ZOO:
        return (
            f"{name} has no weights in the package: pass checkpoint=FILE (made by `robustpose "
            f"train {name}`, or published), or use one that has: {with_weights}"
        )
    return (
        f"{name} is a family of networks and has no weights in the package: pass checkpoint=FILE "
        f"(a published file), or use a network that has: {with_weights}"
    )
