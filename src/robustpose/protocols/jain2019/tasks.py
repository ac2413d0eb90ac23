"""Pose against classification and segmentation: the comparison of the paper's section 4.1.1.

The paper holds its curves against those that Arnab, Miksik and Torr (CVPR 2018) have for
segmentation on other networks and data, by eye. Here one network answers all three questions.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from robustpose.attacks.iterated import fgsm, igsm
from robustpose.conditions import Attacked, Clean
from robustpose.data.rendered import rendered_people
from robustpose.errors import check_choice
from robustpose.models.tasks import load_tasks
from robustpose.protocols.jain2019.experiments import (
    EPSILONS,
    RADIUS,
    U_STEP,
    segmentation_steps,
)
from robustpose.studies.constant import Constant
from robustpose.studies.tasks import TaskStudy
from robustpose.units import check_epsilon

MEASURED_ON = 1000
"""Training people on whom the answers that never look are measured."""
ATTACKS = ("FGSM-U", "IGSM-U-10", "IGSM-U-100", "IGSM-U-N", "IGSM-U-10N")
"""What the heads can be attacked with."""
QUICK: Mapping[str, Any] = {"attacks": ("IGSM-U-10",), "epsilons": (1, 8), "people": 16}
"""What `quick_tasks` sets."""


def tasks(
    *,
    epsilons: Sequence[float] = EPSILONS,
    people: int = 64,
    attacks: Sequence[str] | None = None,
    batch_size: int = 16,
    seed: int = 0,
    checkpoint: Path | None = None,
) -> TaskStudy:
    """Return the study of the three heads on the first `people` drawn test people.

    `epsilons` are in 0-255 units. `attacks` are some of `ATTACKS`; None: all, IGSM-U-100 at 8 alone
    and the others at each epsilon. `checkpoint` is a file of
    `robustpose train-tasks`, by default the bundled one. Raises `UsageError` for an unknown attack,
    an epsilon out of (0, 255], or nobody to attack.
    """
    for name in attacks or ():
        check_choice("attack", name, ATTACKS)
    made = _attacks(sorted(set(epsilons)))
    chosen = [each for each in made if not attacks or each.name in attacks]
    return TaskStudy(
        name="tasks-v1",
        people=rendered_people("test").limited(people),
        training=rendered_people("train").limited(MEASURED_ON),
        model=partial(load_tasks, checkpoint),
        conditions={
            "clean": Clean(),
            "constant": Constant(),
            **{f"{each.name} @ {255 * each.ball.eps:g}": each for each in chosen},
        },
        batch_size=batch_size,
        seed=seed,
    )


def quick_tasks(**settings: Any) -> TaskStudy:
    """Return the study of the three heads cut down to a minute; `settings` are those of `tasks`."""
    return tasks(**{**QUICK, **settings})


def _attacks(epsilons: Sequence[float]) -> Iterator[Attacked]:
    """Yield the attacks in the study's steps and in those of segmentation (`iterations`)."""
    for epsilon in epsilons:
        check_epsilon(epsilon)
        eps, count = epsilon / 255, segmentation_steps(epsilon)
        yield Attacked(name="FGSM-U", attack=fgsm(eps=eps))
        for steps in (10, 100) if epsilon == RADIUS else (10,):
            attack = igsm(eps=eps, steps=steps, step_size=eps / U_STEP)
            yield Attacked(name=f"IGSM-U-{steps}", attack=attack)
        for name, steps in (("IGSM-U-N", count), ("IGSM-U-10N", 10 * count)):
            attack = igsm(eps=eps, steps=steps, step_size=1 / 255)
            yield Attacked(name=name, attack=attack)
