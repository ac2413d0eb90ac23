"""Goals: the only attack code that knows models and poses. A goal makes one loss of them."""

from robustpose.attacks.goals.displaced import Displaced, Placed
from robustpose.attacks.goals.goal import Aim, Goal, check_asked, check_targets
from robustpose.attacks.goals.joint_losses import JointLoss
from robustpose.attacks.goals.judged import Judged
from robustpose.attacks.goals.training import Mislabelled, Targeted, Untargeted

__all__ = [
    "Aim",
    "Displaced",
    "Goal",
    "JointLoss",
    "Judged",
    "Mislabelled",
    "Placed",
    "Targeted",
    "Untargeted",
    "check_asked",
    "check_targets",
]
