"""Pose models: architectures, codecs, and the zoo of networks that a name stands for."""

from robustpose.models.loading import (
    build_model,
    bundled_card,
    bundled_networks,
    bundled_path,
    bundled_trainings,
    load_model,
    split_name,
)
from robustpose.models.zoo import ZOO, ZooEntry

__all__ = [
    "ZOO",
    "ZooEntry",
    "build_model",
    "bundled_card",
    "bundled_networks",
    "bundled_path",
    "bundled_trainings",
    "load_model",
    "split_name",
]
