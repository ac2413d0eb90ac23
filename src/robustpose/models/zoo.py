"""The zoo: a literal table of networks, each under the name that it is asked for by.

Names without an ending are the papers' networks at 256 px. Those that end in `-compact` are small
ones for 128 px, trained as far as was affordable, for demonstrations and first tries. Those that
end in `-matched` are small ones for comparisons, all trained by one recipe on the same data and the
same number of images.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from robustpose.models.attention import attention
from robustpose.models.chained import chained
from robustpose.models.compositions import LSP_PARTS
from robustpose.models.deeppose import deeppose
from robustpose.models.dlcm import dlcm
from robustpose.models.hourglass import hourglass
from robustpose.models.hrnet import hrnet
from robustpose.models.integral import integral
from robustpose.models.model import PoseModel
from robustpose.models.rle import rle
from robustpose.models.simcc import simcc
from robustpose.models.simple_baseline import resdec


@dataclass(frozen=True)
class ZooEntry:
    """A network of the zoo.

    `family` is what its published checkpoints are loaded as, `source` the paper that it comes
    from, `build` makes it with random weights; `bundled` says whether trained weights come with
    the package. `seeds` are those of further trainings that come with it, named `NAME#SEED`: they
    tell a difference of architectures from one of chance.
    """

    summary: str
    family: str
    source: str
    build: Callable[[], PoseModel]
    bundled: bool = False
    seeds: tuple[int, ...] = ()


COMPACT = (128, 128)
NARROW: dict[str, Any] = {"depth": 18, "width": 24, "size": COMPACT, "stem_pool": False}
"""The encoder of compact networks: a ResNet-18 of 24 channels that keeps 8 x 8 cells."""

ZOO: dict[str, ZooEntry] = {
    "deeppose": ZooEntry(
        "coordinates regressed by ResNet-34 and a linear layer, 256 px",
        "deeppose",
        "Toshev and Szegedy 2014",
        lambda: deeppose("deeppose"),
    ),
    "resdec": ZooEntry(
        "SimpleBaseline: heatmaps by ResNet-50 and three deconvolutions, 256 px",
        "resdec",
        "Xiao et al. 2018",
        lambda: resdec("resdec"),
    ),
    "hourglass2": ZooEntry(
        "two stacked hourglasses of 256 features, 256 px",
        "hourglass",
        "Newell et al. 2016",
        lambda: hourglass("hourglass2", stacks=2),
    ),
    "hourglass8": ZooEntry(
        "eight stacked hourglasses of 256 features, 256 px",
        "hourglass",
        "Newell et al. 2016",
        lambda: hourglass("hourglass8", stacks=8),
    ),
    "chained": ZooEntry(
        "joints one after the other, each given those before it, ResNet-34, 256 px",
        "chained",
        "Gkioxari et al. 2016",
        lambda: chained("chained"),
    ),
    "attention": ZooEntry(
        "eight hourglasses with attention to the body, then to parts, 256 px",
        "attention",
        "Chu et al. 2017",
        lambda: attention("attention"),
    ),
    "dlcm": ZooEntry(
        "five hourglasses up and down a hierarchy of parts, 256 px",
        "dlcm",
        "Tang et al. 2018",
        lambda: dlcm("dlcm", composition=LSP_PARTS),
    ),
    "hrnet": ZooEntry(
        "maps kept at high resolution throughout, HRNet-W32, 256 px",
        "hrnet",
        "Sun et al. 2019",
        lambda: hrnet("hrnet"),
    ),
    "hrnet48": ZooEntry(
        "maps kept at high resolution throughout, HRNet-W48, 256 px",
        "hrnet",
        "Sun et al. 2019",
        lambda: hrnet("hrnet48", width=48),
    ),
    "integral": ZooEntry(
        "expected place under deconvolved maps, ResNet-50, 256 px",
        "integral",
        "Sun et al. 2018",
        lambda: integral("integral"),
    ),
    "simcc": ZooEntry(
        "two classifications a joint, one along each axis, ResNet-50, 256 px",
        "simcc",
        "Li et al. 2022",
        lambda: simcc("simcc"),
    ),
    "rle": ZooEntry(
        "coordinates with a learned distribution of errors, ResNet-50, 256 px",
        "rle",
        "Li et al. 2021",
        lambda: rle("rle"),
    ),
    "deeppose-compact": ZooEntry(
        "coordinates regressed by a narrow ResNet-18",
        "deeppose",
        "Toshev and Szegedy 2014",
        lambda: deeppose("deeppose-compact", **NARROW),
        bundled=True,
    ),
    "deeppose-best-compact": ZooEntry(
        "the same at its best: encoder of resdec-compact, features kept in place",
        "deeppose",
        "Toshev and Szegedy 2014",
        lambda: deeppose("deeppose-best-compact", **NARROW, grid=4, power=1),
        bundled=True,
    ),
    "resdec-compact": ZooEntry(
        "heatmaps by a narrow ResNet-18 and two deconvolutions",
        "resdec",
        "Xiao et al. 2018",
        lambda: resdec("resdec-compact", **NARROW, features=64, sigma=1.0),
        bundled=True,
    ),
    "hourglass2-compact": ZooEntry(
        "two stacked hourglasses of 96 features",
        "hourglass",
        "Newell et al. 2016",
        lambda: hourglass("hourglass2-compact", stacks=2, features=96, size=COMPACT),
        bundled=True,
    ),
    "deeppose-matched": ZooEntry(
        "plain coordinates, by the encoder that the next four share",
        "deeppose",
        "Toshev and Szegedy 2014",
        lambda: deeppose("deeppose-matched", **NARROW),
        bundled=True,
    ),
    "rle-matched": ZooEntry(
        "coordinates with a learned distribution of errors",
        "rle",
        "Li et al. 2021",
        lambda: rle("rle-matched", **NARROW),
        bundled=True,
    ),
    "integral-matched": ZooEntry(
        "expected place under deconvolved maps",
        "integral",
        "Sun et al. 2018",
        lambda: integral("integral-matched", **NARROW, features=64),
        bundled=True,
    ),
    "simcc-matched": ZooEntry(
        "two classifications a joint, one along each axis",
        "simcc",
        "Li et al. 2022",
        lambda: simcc("simcc-matched", **NARROW, features=64, sigma=3.0),
        bundled=True,
    ),
    "resdec-matched": ZooEntry(
        "heatmaps by two deconvolutions",
        "resdec",
        "Xiao et al. 2018",
        lambda: resdec("resdec-matched", **NARROW, features=64, sigma=1.0),
        bundled=True,
        seeds=(1, 2),
    ),
    "hourglass2-matched": ZooEntry(
        "two stacked hourglasses of 64 features",
        "hourglass",
        "Newell et al. 2016",
        lambda: hourglass("hourglass2-matched", stacks=2, features=64, size=COMPACT),
        bundled=True,
        seeds=(1, 2),
    ),
    "hourglass8-matched": ZooEntry(
        "eight stacked hourglasses of 64 features",
        "hourglass",
        "Newell et al. 2016",
        lambda: hourglass("hourglass8-matched", stacks=8, features=64, size=COMPACT),
        bundled=True,
    ),
    "chained-matched": ZooEntry(
        "joints one after the other, each given those before it",
        "chained",
        "Gkioxari et al. 2016",
        lambda: chained("chained-matched", **NARROW, hidden=32, channels=16),
        bundled=True,
    ),
    "attention-matched": ZooEntry(
        "two hourglasses with attention to the body, then to parts, 64 features",
        "attention",
        "Chu et al. 2017",
        lambda: attention("attention-matched", stacks=2, features=64, modules=1, size=COMPACT),
        bundled=True,
    ),
    "dlcm-matched": ZooEntry(
        "five hourglasses up and down a hierarchy of parts, 64 features",
        "dlcm",
        "Tang et al. 2018",
        lambda: dlcm("dlcm-matched", features=64, size=COMPACT, composition=LSP_PARTS),
        bundled=True,
    ),
    "hrnet-matched": ZooEntry(
        "maps kept at high resolution throughout, branches from 16 features",
        "hrnet",
        "Sun et al. 2019",
        lambda: hrnet(
            "hrnet-matched",
            width=16,
            modules=(1, 2, 1),
            blocks=2,
            stem=32,
            sigma=1.0,
            size=COMPACT,
        ),
        bundled=True,
    ),
}
