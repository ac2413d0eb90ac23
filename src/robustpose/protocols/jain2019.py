"""The study "On the Robustness of Human Pose Estimation" (Jain, Shah et al. 2019).

Protocol: its section 3. Step sizes are the smallest of the ranges that it found best: a third of
epsilon for untargeted and a ninth for targeted attacks. What differs from the paper: images stay in
the valid range and are rounded to 8 bits.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial

from robustpose.attacks.iterated import fgsm, igsm
from robustpose.conditions import Attacked, Clean, Condition
from robustpose.data.people import Split
from robustpose.errors import UsageError, check_choice
from robustpose.models import load_model, split_name
from robustpose.models.model import PoseModel
from robustpose.studies.study import Study

EPSILONS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
"""The paper's, in 0-255 units."""


def white_box(epsilons: Sequence[float]) -> Iterator[Attacked]:
    """Yield FGSM-U, IGSM-U-10 and IGSM-T-20 at each epsilon (0-255 units): Figures 2a to 2d."""
    radii = [epsilon / 255 for epsilon in epsilons]
    for eps in radii:
        yield Attacked(name="FGSM-U", attack=fgsm(eps=eps))
    for eps in radii:
        yield Attacked(name="IGSM-U-10", attack=igsm(eps=eps, steps=10, step_size=eps / 3))
    for eps in radii:
        attack = igsm(eps=eps, steps=20, step_size=eps / 9)
        yield Attacked(name="IGSM-T-20", attack=attack, targeted=True)


EXPERIMENTS: dict[str, Callable[[Sequence[float]], Iterable[Attacked]]] = {"white-box": white_box}


def jain2019(
    people: Split,
    networks: Sequence[str],
    *,
    experiments: Sequence[str] = ("white-box",),
    attacks: Sequence[str] | None = None,
    epsilons: Sequence[float] = EPSILONS,
    canvas: tuple[int, int] = (128, 128),
    batch_size: int = 16,
    limit: int | None = None,
    seed: int = 0,
    precision: str = "float32",
    size: tuple[int, int] | None = None,
) -> Study:
    """Return the study on these people, with networks named as `load_model` takes them.

    That is a network of the zoo, or NAME:FILE with the file of its weights; `size` (height, width)
    is the input of published files that do not tell it.

    `attacks` are names such as `IGSM-U-10`; None: all of the experiments. With `limit` only the
    first people are attacked; poses to ask for still come from all of them. Raises `UsageError` for
    an unknown experiment, network or attack, or an epsilon out of (0, 255].
    """
    for epsilon in epsilons:
        if not 0 < epsilon <= 255:
            raise UsageError(f"epsilon is in 0-255 units: 0 < epsilon <= 255, found {epsilon:g}")
    for name in experiments:
        check_choice("experiment", name, EXPERIMENTS)
    conditions = [
        condition for name in experiments for condition in EXPERIMENTS[name](sorted(set(epsilons)))
    ]
    for name in attacks or ():
        check_choice("attack", name, dict.fromkeys(condition.name for condition in conditions))
    if attacks:
        conditions = [condition for condition in conditions if condition.name in attacks]
    return Study(
        name="jain2019-v1",
        people=people.limited(limit),
        preparation=people,
        canvas=canvas,
        victims=victims(networks, size=size),
        conditions=labelled(conditions),
        batch_size=batch_size,
        seed=seed,
        precision=precision,
    )


def victims(
    networks: Sequence[str], *, size: tuple[int, int] | None = None
) -> Mapping[str, Callable[[], PoseModel]]:
    """Return how each network is loaded, by its label: its name, and its file's if it has one.

    Raises `UsageError` for an unknown name, or two networks with one label.
    """
    loaders = {}
    for text in networks:
        name, file = split_name(text)
        label = name if file is None else f"{name}:{file.name}"
        if label in loaders:
            raise UsageError(f"two networks are called {label}: leave one out, or rename its file")
        loaders[label] = partial(load_model, text, size=size)
    return loaders


def labelled(conditions: Iterable[Attacked]) -> dict[str, Condition]:
    """Return conditions under the labels of the report, the clean one first."""
    attacked: dict[str, Condition] = {
        f"{condition.name} @ {255 * condition.ball.eps:g}": condition for condition in conditions
    }
    return {"clean": Clean(), **attacked}
