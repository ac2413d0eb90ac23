"""Conditions: anything that turns a batch of people into a batch of images."""

from robustpose.conditions.attacked import Attacked
from robustpose.conditions.auto_attack import pose_auto_attack
from robustpose.conditions.clean import Clean
from robustpose.conditions.condition import Artefact, Condition, Perturbed, Preparation, Sources
from robustpose.conditions.ensemble import Ensemble
from robustpose.conditions.noise import Noise
from robustpose.conditions.smallest import Smallest
from robustpose.conditions.universal import Universal

__all__ = [
    "Artefact",
    "Attacked",
    "Clean",
    "Condition",
    "Ensemble",
    "Noise",
    "Perturbed",
    "Preparation",
    "Smallest",
    "Sources",
    "Universal",
    "pose_auto_attack",
]
