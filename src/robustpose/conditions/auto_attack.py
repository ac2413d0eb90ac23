"""The ensemble that others are measured by: fixed, named, versioned, with nothing to tune."""

from robustpose.attacks.balls import Ball
from robustpose.attacks.goals import Aim, Displaced
from robustpose.attacks.goals.joint_losses import cos_pgd, cross_entropy, log_odds, pck_margin
from robustpose.attacks.iterated import Iterated
from robustpose.conditions.attacked import Attacked
from robustpose.conditions.ensemble import Ensemble

NAME = "pose-auto-attack-v1"


def pose_auto_attack(ball: Ball, *, quick: bool = False) -> Ensemble:
    """Return the ensemble in a ball; `quick` is the smaller of its two budgets.

    Which losses are in it and why: `docs/design/strong.md`. The cheap members come first. A change
    of anything that it does is another version.
    """
    name = f"{NAME}-quick" if quick else NAME
    return Ensemble(name=name, members=members(ball, quick=quick))


def members(ball: Ball, *, quick: bool = False) -> tuple[Attacked, ...]:
    """Return the members, each of which can be run alone."""
    steps = 20 if quick else 100
    attack = Iterated(ball=ball, steps=steps, step_size=ball.eps / 4, keep_best=True)

    def member(name: str, by: Aim, *, targeted: bool = False) -> Attacked:
        return Attacked(name=f"{name}-{steps}", attack=attack, by=by, targeted=targeted)

    return (
        member("APGD-LO", Displaced(by=log_odds)),
        member("APGD-COS", Displaced(by=cos_pgd)),
        member("APGD-PCK", Displaced(by=pck_margin)),
        member("APGD-T-CE", Displaced(by=cross_entropy), targeted=True),
    )
