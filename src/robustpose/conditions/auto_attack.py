"""The ensemble that others are measured by: fixed, named, versioned, with nothing to tune."""

from robustpose.attacks.apgd import APGD
from robustpose.attacks.attack import Attack
from robustpose.attacks.balls import L2, Linf
from robustpose.attacks.goals import Aim, Displaced, Untargeted
from robustpose.attacks.goals.joint_losses import cos_pgd, log_odds, pck_margin
from robustpose.attacks.gradients import Averaged, GradientFn, exact
from robustpose.attacks.momentum import Momentum
from robustpose.attacks.random_search import Square
from robustpose.attacks.stand_ins import stand_ins
from robustpose.conditions.attacked import Attacked
from robustpose.conditions.ensemble import Ensemble

NAME = "pose-auto-attack-v1"
STEPS, QUERIES = 100, 2_000
QUICK_STEPS, QUICK_QUERIES = 20, 500
DRAWS, OFTENER = 2, 5
"""Where a network is random, gradients are averaged over so few draws, but at so many times the
steps: fewer steps along better gradients are no better, for as many gradients."""
DECAY, STEP = 0.9, 0.2
"""Of the sum of gradients that is followed there, and its first step, in radii."""
LONGER = 3
"""So many times the steps along stand-ins where gradients are masked: they are less exact."""


def pose_auto_attack(ball: Linf | L2, *, quick: bool = False) -> Ensemble:
    """Return the ensemble in a ball; `quick` is the smaller of its two budgets.

    Three losses made for the metric, another person's pose as a target, gradients with stand-ins
    where a network masks its own, and a search without any; where those two do best, the other
    losses with stand-ins, and against random networks averaged gradients: `docs/design/strong.md`
    says why. The cheap members come first. Whatever changes what it does makes it another version.
    """
    steps, queries = (QUICK_STEPS, QUICK_QUERIES) if quick else (STEPS, QUERIES)

    def climbing(gradient: GradientFn = exact, times: int = 1) -> Attack:
        return APGD(ball=ball, steps=times * steps, gradient=gradient)

    def member(name: str, by: Aim, attack: Attack, *, targeted: bool = False) -> Attacked:
        return Attacked(name=name, attack=attack, by=by, targeted=targeted)

    odds, margin, cosine = (Displaced(by=loss) for loss in (log_odds, pck_margin, cos_pgd))
    members = (
        member(f"APGD-LO-{steps}", odds, climbing()),
        member(f"APGD-PCK-{steps}", margin, climbing()),
        member(f"APGD-COS-{steps}", cosine, climbing()),
        member(f"APGD-T-{steps}", Untargeted(), climbing(), targeted=True),
        member(f"APGD-BPDA-{steps}", odds, climbing(stand_ins)),
        member(f"Square-{queries}", odds, Square(ball=ball, queries=queries)),
    )
    longer, behind_masks = LONGER * steps, climbing(stand_ins, LONGER)
    where_masked = (
        member(f"APGD-BPDA-{longer}", odds, behind_masks),
        member(f"APGD-PCK-BPDA-{longer}", margin, behind_masks),
        member(f"APGD-COS-BPDA-{longer}", cosine, behind_masks),
        member(f"APGD-T-BPDA-{longer}", Untargeted(), behind_masks, targeted=True),
    )
    often = OFTENER * steps

    def drawing(gradient: GradientFn) -> Attack:
        averaged = Averaged(draws=DRAWS, gradient=gradient)
        return Momentum(
            ball=ball,
            steps=often,
            step_size=STEP * ball.eps,
            decay=DECAY,
            falling=True,
            gradient=averaged,
        )

    where_random = (
        member(f"MI-EOT-LO-{often}", odds, drawing(exact)),
        member(f"MI-EOT-LO-BPDA-{often}", odds, drawing(stand_ins)),
        member(f"MI-EOT-COS-BPDA-{often}", cosine, drawing(stand_ins)),
    )
    name = f"{NAME}-quick" if quick else NAME
    return Ensemble(
        name=name, members=members, where_masked=where_masked, where_random=where_random
    )
