"""How easily can a 2-D human pose estimator be fooled? Attacks, models, metrics, studies.

The names here are loaded when they are first used: `import robustpose` itself is quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from robustpose.version import __version__

if TYPE_CHECKING:
    from robustpose.attacks.apgd import APGD
    from robustpose.attacks.balls import L0, L1, L2, Linf
    from robustpose.attacks.calls import attack
    from robustpose.attacks.goals import Displaced, Targeted, Untargeted
    from robustpose.attacks.gradients import Averaged
    from robustpose.attacks.iterated import fgsm, igsm, pgd
    from robustpose.attacks.momentum import mi_fgsm
    from robustpose.attacks.random_search import Square
    from robustpose.attacks.targets import choose_targets
    from robustpose.conditions import pose_auto_attack
    from robustpose.data import load_people
    from robustpose.data.crops import crop
    from robustpose.defenses import load_defended
    from robustpose.models import build_model, load_model
    from robustpose.models.model import PoseModel
    from robustpose.poses import Pose, PoseBatch
    from robustpose.scoring import best_device, evaluate, pck
    from robustpose.skeletons import Skeleton

_HOMES = {
    "APGD": "attacks.apgd",
    "Averaged": "attacks.gradients",
    "Displaced": "attacks.goals",
    "L0": "attacks.balls",
    "L1": "attacks.balls",
    "L2": "attacks.balls",
    "Linf": "attacks.balls",
    "Pose": "poses",
    "PoseBatch": "poses",
    "PoseModel": "models.model",
    "Skeleton": "skeletons",
    "Square": "attacks.random_search",
    "Targeted": "attacks.goals",
    "Untargeted": "attacks.goals",
    "attack": "attacks.calls",
    "best_device": "scoring",
    "build_model": "models",
    "choose_targets": "attacks.targets",
    "crop": "data.crops",
    "evaluate": "scoring",
    "fgsm": "attacks.iterated",
    "igsm": "attacks.iterated",
    "load_defended": "defenses",
    "load_model": "models",
    "load_people": "data",
    "mi_fgsm": "attacks.momentum",
    "pck": "scoring",
    "pgd": "attacks.iterated",
    "pose_auto_attack": "conditions",
}

__all__ = [
    "APGD",
    "L0",
    "L1",
    "L2",
    "Averaged",
    "Displaced",
    "Linf",
    "Pose",
    "PoseBatch",
    "PoseModel",
    "Skeleton",
    "Square",
    "Targeted",
    "Untargeted",
    "__version__",
    "attack",
    "best_device",
    "build_model",
    "choose_targets",
    "crop",
    "evaluate",
    "fgsm",
    "igsm",
    "load_defended",
    "load_model",
    "load_people",
    "mi_fgsm",
    "pck",
    "pgd",
    "pose_auto_attack",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'robustpose' has no attribute {name!r}")
    return getattr(import_module(f"robustpose.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
