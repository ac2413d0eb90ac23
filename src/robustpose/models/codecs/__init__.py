"""Codecs: the one seam between what a network puts out and a pose.

A codec encodes joints into a training target, decodes an output into joints, and compares an
output with a target. Everything is batched, differentiable where mathematics allows, and in
pixels of the model's own input.
"""

from robustpose.models.codecs.codec import Codec, MapCodec
from robustpose.models.codecs.coordinates import CoordinateCodec
from robustpose.models.codecs.decoding import (
    DECODINGS,
    Dark,
    DarkUDP,
    Decoding,
    MMPoseQuarterOffset,
    QuarterOffset,
)
from robustpose.models.codecs.heatmaps import HeatmapCodec
from robustpose.models.codecs.integral import IntegralCodec
from robustpose.models.codecs.parts import PartsCodec
from robustpose.models.codecs.rle import RLECodec
from robustpose.models.codecs.simcc import SimCCCodec
from robustpose.models.codecs.views import Points, Scores, Table, View

__all__ = [
    "DECODINGS",
    "Codec",
    "CoordinateCodec",
    "Dark",
    "DarkUDP",
    "Decoding",
    "HeatmapCodec",
    "IntegralCodec",
    "MMPoseQuarterOffset",
    "MapCodec",
    "PartsCodec",
    "Points",
    "QuarterOffset",
    "RLECodec",
    "Scores",
    "SimCCCodec",
    "Table",
    "View",
]
