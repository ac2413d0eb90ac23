"""Defences: changes of a picture that are to take an attack's effect away, around any network."""

from robustpose.defenses.defense import Defended, Defense, defended
from robustpose.defenses.jpeg import JPEG
from robustpose.defenses.mirroring import Mirror
from robustpose.defenses.naming import DEFENSES, load_defended, split_defenses
from robustpose.defenses.quantisation import BitDepth
from robustpose.defenses.resizing import ResizeAndPad
from robustpose.defenses.smoothing import GaussianSmoothing, MedianSmoothing

__all__ = [
    "DEFENSES",
    "JPEG",
    "BitDepth",
    "Defended",
    "Defense",
    "GaussianSmoothing",
    "MedianSmoothing",
    "Mirror",
    "ResizeAndPad",
    "defended",
    "load_defended",
    "split_defenses",
]
