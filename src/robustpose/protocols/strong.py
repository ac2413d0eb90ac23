"""The strong evaluation: `pose_auto_attack` beside its members, the study's attacks and PGD."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from robustpose.attacks.balls import Linf
from robustpose.attacks.iterated import fgsm, igsm, pgd
from robustpose.attacks.random_search import Square
from robustpose.conditions import Attacked, Condition, Noise, Smallest, pose_auto_attack
from robustpose.data.people import Split
from robustpose.errors import check_choice
from robustpose.protocols.jain2019 import labelled, victims
from robustpose.protocols.jain2019.experiments import Shown
from robustpose.studies.study import Study
from robustpose.units import check_epsilon

EPSILONS = (0.5, 1, 2, 8)
"""In 0-255 units: at 8 nothing undefended is left."""
LARGE = 16
"""Where nothing may be left of any network: one attack sees whether that is so."""
PGD_STEPS = 100
"""Steps of a restart of PGD."""


def strong(
    people: Split,
    networks: Sequence[str],
    *,
    training: Split | None = None,
    epsilons: Sequence[float] = EPSILONS,
    attacks: Sequence[str] | None = None,
    quick: bool = False,
    canvas: tuple[int, int] = (128, 128),
    batch_size: int = 16,
    limit: int | None = 64,
    seed: int = 0,
    precision: str = "float32",
    size: tuple[int, int] | None = None,
) -> Study:
    """Return the study of the first `limit` people; networks are named as `jain2019` takes them.

    Every attack is untargeted in what it is judged by, and made on the network that sees it. "PGD"
    raises the training loss from random images, with as many gradients as all members have
    together: more than the ensemble spends, which leaves out who is lost. `quick` is its smaller
    budget. For the checks there are FGSM, the first member with twice its steps at the middle one
    of the epsilons, and the same member at 16. "smallest" searches each person's own epsilon with
    the first member of the quick budget. `attacks` leaves all but some out, by name. A guess
    to hold scores against is made of `training` people. Raises `UsageError` for an unknown network
    or attack, or an epsilon out of (0, 255].
    """
    for epsilon in epsilons:
        check_epsilon(epsilon)
    loaders = victims(networks, size=size)
    own = {name: (name,) for name in loaders}
    radii = sorted(set(epsilons))
    made = [each for eps in radii for each in _attacks(eps / 255, quick=quick)]
    made += _checks(radii, quick=quick)
    made.append(Smallest(name="smallest", made=quick_member))
    for name in attacks or ():
        check_choice("attack", name, dict.fromkeys(each.name for each in made))
    conditions, exposures = labelled(
        Shown(each, own if each.on_model else {})
        for each in made
        if not attacks or each.name in attacks
    )
    return Study(
        name="strong-quick-v1" if quick else "strong-v1",
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
    )


def quick_member(ball: Linf) -> Condition:
    """Return the cheapest member of the ensemble in a ball."""
    return pose_auto_attack(ball, quick=True).members[0]


def _attacks(eps: float, *, quick: bool) -> Iterator[Condition]:
    """Yield the conditions of a radius, for images in [0, 1]."""
    ball = Linf(eps)
    ensemble = pose_auto_attack(ball, quick=quick)
    gradients = sum(
        member.cost for member in ensemble.members if not isinstance(member.attack, Square)
    )
    restarts = -(-gradients // PGD_STEPS)
    yield Noise(ball=ball)
    yield Attacked(name="FGSM-U", attack=fgsm(eps=eps))
    for steps in (10, 100):
        yield Attacked(name=f"IGSM-U-{steps}", attack=igsm(eps=eps, steps=steps))
    yield Attacked(
        name=f"PGD-U-{PGD_STEPS}x{restarts}",
        attack=pgd(eps=eps, steps=PGD_STEPS, step_size=eps / 4, restarts=restarts),
    )
    yield from ensemble.members
    yield ensemble


def _checks(radii: Sequence[float], *, quick: bool) -> Iterator[Condition]:
    """Yield what only the checks of an evaluation ask for."""
    first, longer = (
        pose_auto_attack(Linf(eps / 255), quick=quick).members[0]
        for eps in (LARGE, radii[(len(radii) - 1) // 2])
    )
    steps = longer.steps
    doubled = replace(longer.attack, steps=2 * steps)  # type: ignore[type-var]
    name = longer.name.removesuffix(str(steps)) + str(2 * steps)
    yield replace(longer, name=name, attack=doubled)
    if max(radii) < LARGE:
        yield first
