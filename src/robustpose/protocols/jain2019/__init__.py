"""The study "On the Robustness of Human Pose Estimation" (Jain, Shah et al. 2019).

What differs from the paper unless `faithful` is asked for: images stay in the valid range and are
rounded to 8 bits.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from robustpose.conditions import Clean, Condition
from robustpose.data.people import Split
from robustpose.defenses import load_defended, split_defenses
from robustpose.errors import UsageError, check_choice
from robustpose.models import split_name
from robustpose.models.model import PoseModel
from robustpose.protocols.jain2019.experiments import (
    EPSILONS,
    EXPERIMENTS,
    Exposure,
    Setting,
    Shown,
)
from robustpose.studies.study import Study
from robustpose.units import check_epsilon

__all__ = ["EPSILONS", "EXPERIMENTS", "jain2019", "labelled", "quick", "victims"]

DEFENDED = ("deeppose-best-compact", "resdec-matched", "hourglass2-matched", "dlcm-matched")
"""Networks that are attacked behind defences, where they are in the study."""
DEFENSES = ("mirror", "gaussian:1", "gaussian:2", "median:3", "jpeg:75", "bits:4")
"""Those that the paper tries, and two more that change no size: `robustpose.defenses`."""

QUICK: Mapping[str, Any] = {
    "networks": ("deeppose-best-compact", "resdec-matched", "hourglass2-matched"),
    "epsilons": (1, 2, 4, 8, 16),
    "universal": (16,),
    "fitted_on": 200,
    "passes": 10,
    "universal_step": 5,
    "limit": 16,
}
"""What `quick` sets."""
QUICK_ATTACKS = (
    *("IGSM-U-10", "IGSM-U-10-ALL", "IGSM-T-20", "IGSM-U-100", "IGSM-T-100"),
    *("IGSM-U-N", "IGSM-U-10N", "IGSM-U-10 step 1/2", "IGSM-T-20 step 1/7"),
    *("APGD-T-LO-100", "noise", "UAP", "UAP-T"),
)
"""What it attacks with, unless attacks are named."""

Loaders = dict[str, Callable[[], PoseModel]]


def jain2019(
    people: Split,
    networks: Sequence[str],
    *,
    training: Split | None = None,
    experiments: Sequence[str] | None = None,
    attacks: Sequence[str] | None = None,
    epsilons: Sequence[float] = EPSILONS,
    everywhere: bool = False,
    universal: Sequence[float] = (8, 16),
    fitted_on: int = 2_500,
    passes: int = 10,
    universal_step: int = 200,
    faithful: bool = False,
    canvas: tuple[int, int] = (128, 128),
    batch_size: int = 16,
    limit: int | None = None,
    seed: int = 0,
    precision: str = "float32",
    size: tuple[int, int] | None = None,
) -> Study:
    """Return the study on these people, with networks named as `load_defended` takes them.

    That is a network of the zoo, or NAME:FILE with the file of its weights, perhaps behind
    defences (`resdec-matched+jpeg:75`); `size` (height, width) is the input of published files that
    do not tell it. `training` are people that no score is taken of: universal perturbations of the
    radii `universal` are fitted on `fitted_on` of them (all, if there are fewer), in so many
    `passes` of steps of their radius / `universal_step`. (The paper's 200 needs thousands of
    people: `results/universal_passes.txt`.)

    `experiments` are keys of `EXPERIMENTS`; None: all, but universal perturbations only if there
    are training people. `attacks` are names such as `IGSM-U-10`; None: all of the experiments.
    `everywhere` makes the attacks of 100 steps at all epsilons, not at 8 alone. `faithful` repeats
    the paper: images in floating point that may leave the valid range. With `limit` only the first
    people are attacked; poses to ask for still come from all of them. Raises `UsageError` for an
    unknown experiment, network or attack, or an epsilon out of (0, 255].
    """
    for epsilon in (*epsilons, *universal):
        check_epsilon(epsilon)
    chosen = _experiments(experiments, training)
    loaders = victims(networks, size=size)
    stages = {name: len(load().codecs) for name, load in loaders.items()}
    behind = _defended(networks, size=size) if "defenses" in chosen else {}
    setting = Setting(
        stages=stages,
        defended={name: tuple(each) for name, each in behind.items()},
        epsilons=tuple(sorted(set(epsilons))),
        everywhere=everywhere,
        universal=tuple(sorted(set(universal))) if training is not None else (),
        fitted_on=min(fitted_on, len(training)) if training else fitted_on,
        passes=passes,
        universal_step=universal_step,
        valid=not faithful,
    )
    shown = [each for name in chosen for each in EXPERIMENTS[name](setting)]
    conditions, exposures = labelled(_chosen(shown, attacks))
    seen = {victim for exposure in exposures.values() for victim in exposure}
    for each in behind.values():
        loaders |= {name: load for name, load in each.items() if name in seen}
    return Study(
        name="jain2019-v1",
        people=people.limited(limit),
        preparation=people,
        training=training,
        canvas=canvas,
        victims=loaders,
        conditions=conditions,
        exposures=exposures,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
        rounding=not faithful,
        valid_range=not faithful,
    )


def quick(people: Split, training: Split | None, **settings: Any) -> Study:
    """Return the study cut down to minutes, with something in every section of its report.

    Three networks, 16 people, IGSM alone, universal perturbations of 16 / 255 fitted on 200 people.
    `settings` are those of `jain2019`, where others are wanted.
    """
    study = jain2019(people, training=training, **{**QUICK, **settings})
    if "attacks" not in settings:
        study = _few_attacks(study)
    return replace(study, name="jain2019-quick-v1")


def _few_attacks(study: Study) -> Study:
    """Return the study with `QUICK_ATTACKS` alone, as far as it has them."""
    conditions = {
        label: condition
        for label, condition in study.conditions.items()
        if label == "clean" or condition.name in QUICK_ATTACKS
    }
    exposures = {label: each for label, each in study.exposures.items() if label in conditions}
    return replace(study, conditions=conditions, exposures=exposures)


def victims(networks: Sequence[str], *, size: tuple[int, int] | None = None) -> Loaders:
    """Return how each network is loaded, by its label: its name, and its file's if it has one.

    Names may go on with defences, as `load_defended` takes them. Raises `UsageError` for an unknown
    name, or two networks with one label.
    """
    loaders: Loaders = {}
    for text in networks:
        label = _label(text)
        if label in loaders:
            raise UsageError(f"two networks are called {label}: leave one out, or rename its file")
        loaders[label] = partial(load_defended, text, size=size)
    return loaders


def _label(text: str) -> str:
    network, _ = split_defenses(text)
    name, file = split_name(network)
    bare = name if file is None else f"{name}:{file.name}"
    return bare + text.removeprefix(network)


def _defended(networks: Sequence[str], *, size: tuple[int, int] | None) -> dict[str, Loaders]:
    """Return for the main networks among those asked for how each is loaded behind each defence.

    The main ones of the paper's question, or the first if none of them is there.
    """
    bare = [text for text in networks if not split_defenses(text)[1]]
    asked = [text for text in bare if text in DEFENDED] or bare[:1]
    found: dict[str, Loaders] = {}
    for text in asked:
        label = _label(text)
        found[label] = {
            f"{label}+{defense}": partial(load_defended, f"{text}+{defense}", size=size)
            for defense in DEFENSES
        }
    return found


def labelled(shown: Iterable[Shown]) -> tuple[dict[str, Condition], dict[str, Exposure]]:
    """Return conditions and exposures under the labels of the report, the clean one first.

    A condition of several experiments is made once, and shown to all that any of them shows it to.
    """
    conditions: dict[str, Condition] = {"clean": Clean()}
    exposures: dict[str, Exposure] = {}
    for condition, exposure in shown:
        ball = condition.ball
        label = condition.name if ball is None else f"{condition.name} @ {255 * ball.eps:g}"
        if conditions.setdefault(label, condition) != condition:
            raise ValueError(f"two conditions are called {label}")
        before = exposures.get(label, {})
        exposures[label] = {
            victim: tuple(dict.fromkeys((*before.get(victim, ()), *exposure.get(victim, ()))))
            for victim in dict.fromkeys((*before, *exposure))
        }
    return conditions, exposures


def _experiments(names: Sequence[str] | None, training: Split | None) -> Sequence[str]:
    if names is None:
        return [name for name in EXPERIMENTS if training is not None or name != "universal"]
    for name in names:
        check_choice("experiment", name, EXPERIMENTS)
    if "universal" in names and training is None:
        raise UsageError(
            "universal perturbations are fitted on training people, and these people have none: "
            "leave the experiment universal out, or name a data set with training people"
        )
    return names


def _chosen(shown: Sequence[Shown], attacks: Sequence[str] | None) -> Sequence[Shown]:
    if not attacks:
        return shown
    for name in attacks:
        check_choice("attack", name, dict.fromkeys(each.condition.name for each in shown))
    return [each for each in shown if each.condition.name in attacks]
