"""The experiments of the study: what each consists of, and who sees which images.

Step sizes are the smallest of the ranges that the paper found best (section 3): a third of epsilon
for untargeted and a ninth for targeted attacks. Attacks whose name ends in -ALL raise the loss
summed over all stages; a network of one stage has none.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from robustpose.attacks.apgd import APGD
from robustpose.attacks.balls import Linf
from robustpose.attacks.goals import Displaced
from robustpose.attacks.goals.joint_losses import log_odds
from robustpose.attacks.iterated import Iterated, fgsm, igsm
from robustpose.attacks.universal import metzen, shafahi
from robustpose.conditions import Attacked, Condition, Noise, Universal

Exposure = Mapping[str, tuple[str, ...]]
"""For each victim, the networks on which the images are made that it sees."""

EPSILONS = (0.25, 0.5, 1, 2, 4, 8, 16, 32)
"""The paper's, in 0-255 units."""
RADIUS = 8.0
"""Where the paper compares numbers of steps and transfers, in 0-255 units."""
U_STEP, T_STEP = 3, 9
"""Steps are epsilon over these, untargeted and targeted."""
U_STEPS_TRIED, T_STEPS_TRIED = (2, 6, 12), (3, 7, 18)
"""Other steps that are tried besides: 1/2 and 1/7 are the other ends of the paper's ranges."""
COUNTS_TRIED = (2, 5, 20, 50)
"""Numbers of steps besides the paper's 10 and 100."""
SHARES_FITTED_ON = (10, 3)
"""A tenth and a third of the people are also tried: the paper's ablation has a tenth."""


class Shown(NamedTuple):
    """A condition, and which victims see the images made on which networks."""

    condition: Condition
    exposure: Exposure


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the experiments are made of.

    `stages` tells how many stages each network attacked has, `defended` which defended networks
    belong to it. `epsilons` are in 0-255 units; `everywhere` makes the attacks of 100 steps at all
    of them. Universal perturbations of the radii `universal` are fitted on `fitted_on` people, in
    so many `passes` of steps of radius / `universal_step` (the paper's is 200). `valid` keeps
    images in the valid range.
    """

    stages: Mapping[str, int]
    epsilons: tuple[float, ...]
    defended: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    everywhere: bool = False
    universal: tuple[float, ...] = (8.0, 16.0)
    fitted_on: int = 2_500
    passes: int = 10
    universal_step: int = 200
    valid: bool = True

    @property
    def white_box(self) -> Exposure:
        """Each network sees the images made on itself."""
        return {name: (name,) for name in self.stages}

    @property
    def staged(self) -> Exposure:
        """The same for the networks that have several stages."""
        return {name: (name,) for name, stages in self.stages.items() if stages > 1}

    @property
    def everybody(self) -> Exposure:
        """Each network sees the images made on each."""
        return {name: tuple(self.stages) for name in self.stages}

    def ball(self, eps: float) -> Linf:
        """Return the box of a radius for images in [0, 1]."""
        return Linf(eps, valid=self.valid)


def white_box(setting: Setting) -> Iterator[Shown]:
    """Yield FGSM, IGSM-U-10 and IGSM-T-20 at each epsilon, also on all stages: Figures 2a to 2d."""
    for name, attack, targeted in (
        ("FGSM-U", _one_step, False),
        ("FGSM-T", _one_step, True),
        ("IGSM-U-10", partial(_steps, steps=10, share=U_STEP), False),
        ("IGSM-T-20", partial(_steps, steps=20, share=T_STEP), True),
    ):
        for epsilon in setting.epsilons:
            single = Attacked(name=name, attack=attack(setting, epsilon), targeted=targeted)
            yield Shown(single, setting.white_box)
            if setting.staged:
                every = replace(single, name=f"{name}-ALL", all_stages=True)
                yield Shown(every, setting.staged)


def iterations(setting: Setting) -> Iterator[Shown]:
    """Yield attacks of 2 to 100 steps: Figures 2e and 2f, and the rule of segmentation.

    "IGSM-U-N" takes as many steps of one grey level as Arnab et al. (CVPR 2018) do,
    min(eps + 4, ceil(1.25 eps)), and "IGSM-U-10N" ten times as many: under one and the same rule
    for the step, so that what more steps add is not mixed up with another step. "APGD-T-LO-100", of
    the largest epsilon and on a loss made for the metric, is not the paper's: whether any pose can
    be asked for with a large budget, or the training loss is what stops short.
    """
    for epsilon in setting.epsilons if setting.everywhere else (RADIUS,):
        for steps in (10, *COUNTS_TRIED, 100) if epsilon == RADIUS else (10, 100):
            yield from _counted(setting, epsilon, "U", steps, U_STEP)
        for steps in (20, 100):
            yield from _counted(setting, epsilon, "T", steps, T_STEP)
    count = segmentation_steps(RADIUS)
    for name, steps in (("IGSM-U-N", count), ("IGSM-U-10N", 10 * count)):
        attack = igsm(eps=RADIUS / 255, steps=steps, step_size=1 / 255, ball=setting.ball)
        yield Shown(Attacked(name=name, attack=attack), setting.white_box)
    climb = APGD(ball=setting.ball(max(EPSILONS) / 255), steps=100)
    aim = Displaced(by=log_odds)
    asked = Attacked(name="APGD-T-LO-100", attack=climb, by=aim, targeted=True)
    yield Shown(asked, setting.white_box)


def step_sizes(setting: Setting) -> Iterator[Shown]:
    """Yield IGSM-U-10 and IGSM-T-20 with other steps: section 3's search for the best one."""
    for share in U_STEPS_TRIED:
        attack = _steps(setting, RADIUS, steps=10, share=share)
        name = f"IGSM-U-10 step 1/{share}"
        yield Shown(Attacked(name=name, attack=attack), setting.white_box)
    for share in T_STEPS_TRIED:
        attack = _steps(setting, RADIUS, steps=20, share=share)
        name = f"IGSM-T-20 step 1/{share}"
        yield Shown(Attacked(name=name, attack=attack, targeted=True), setting.white_box)


def universal(setting: Setting) -> Iterator[Shown]:
    """Yield one perturbation for all photographs, and noise of its size: Table 1.

    "UAP" is Metzen's as the paper sets it and is shown to every network. At the largest radius
    also "UAP-SGA", Shafahi's; "UAP-T", the same towards one pose for everybody; and "UAP-SGA-N",
    with N people to fit on, in as many steps: what fewer people cost is not a shorter fit.
    """
    for radius in setting.universal:
        yield Shown(Noise(ball=setting.ball(radius / 255)), {})
        yield Shown(_metzens(setting, radius), setting.everybody)
    fit = partial(Universal, images=setting.fitted_on, passes=setting.passes)
    method = shafahi(eps=max(setting.universal) / 255, ball=setting.ball)
    yield Shown(fit(name="UAP-SGA", method=method), setting.white_box)
    yield Shown(fit(name="UAP-T", method=method, targeted=True), setting.white_box)
    counts = {max(1, setting.fitted_on // share): share for share in SHARES_FITTED_ON}
    for count, share in counts.items():
        fewer = fit(name=f"UAP-SGA-{count}", method=method, images=count)
        yield Shown(replace(fewer, passes=share * setting.passes), setting.white_box)


def transfer(setting: Setting) -> Iterator[Shown]:
    """Yield image-specific perturbations that every network sees, whoever they were made on."""
    for name, attack in (
        ("FGSM-U", _one_step(setting, RADIUS)),
        ("IGSM-U-10", _steps(setting, RADIUS, steps=10, share=U_STEP)),
    ):
        yield Shown(Attacked(name=name, attack=attack), setting.everybody)


def defenses(setting: Setting) -> Iterator[Shown]:
    """Yield attacks that do not know a defence, and attacks that are made through it.

    Universal perturbations, fitted on the bare network, do not know it.
    """
    if not setting.defended:
        return
    exposure = {
        name: (network, name) for network, names in setting.defended.items() for name in names
    }
    own = {network: (network,) for network in setting.defended}
    attack = _steps(setting, RADIUS, steps=10, share=U_STEP)
    yield Shown(Attacked(name="IGSM-U-10", attack=attack), {**own, **exposure})
    if setting.universal:
        unaware = {name: sources[:1] for name, sources in exposure.items()}
        yield Shown(_metzens(setting, max(setting.universal)), {**own, **unaware})


EXPERIMENTS: dict[str, Callable[[Setting], Iterator[Shown]]] = {
    "white-box": white_box,
    "iterations": iterations,
    "step-sizes": step_sizes,
    "universal": universal,
    "transfer": transfer,
    "defenses": defenses,
}


def segmentation_steps(epsilon: float) -> int:
    """Return how many steps Arnab et al. (CVPR 2018) take at an epsilon in 0-255 units."""
    return max(1, math.ceil(min(epsilon + 4, 1.25 * epsilon)))


def _metzens(setting: Setting, radius: float) -> Universal:
    eps = radius / 255
    method = metzen(eps=eps, step_size=eps / setting.universal_step, ball=setting.ball)
    return Universal(method=method, images=setting.fitted_on, passes=setting.passes)


def _one_step(setting: Setting, epsilon: float) -> Iterated:
    return fgsm(eps=epsilon / 255, ball=setting.ball)


def _steps(setting: Setting, epsilon: float, *, steps: int, share: int) -> Iterated:
    eps = epsilon / 255
    return igsm(eps=eps, steps=steps, step_size=eps / share, ball=setting.ball)


def _counted(
    setting: Setting, epsilon: float, goal: str, steps: int, share: int
) -> Iterator[Shown]:
    attack = _steps(setting, epsilon, steps=steps, share=share)
    name = f"IGSM-{goal}-{steps}"
    yield Shown(Attacked(name=name, attack=attack, targeted=goal == "T"), setting.white_box)
