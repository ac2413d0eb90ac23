"""How far joints read off maps lie from those that published code reads, in cells.

    python -m benchmarks.decoding_parity

from the top of the repository. The record is that of the tests (`tests/models/decoding_reference`).
Maps without a positive value are left out. Of noise the Newton step of DARK is anything, and so are
rounding errors: there the 95th percentile says more than the largest.
"""

import torch

from robustpose.models.codecs import Dark, DarkUDP, Decoding, MMPoseQuarterOffset, QuarterOffset
from tests.models.decoding_reference.maps import CASES, maps, recorded


def decodings(kernel: int) -> list[Decoding]:
    """Return all ways of reading maps, with the kernel that belongs to the width of bumps."""
    return [QuarterOffset(), MMPoseQuarterOffset(), Dark(kernel), DarkUDP(kernel)]


def main() -> None:
    """Print a line for each kind of maps and each way of reading them."""
    places = recorded()["places"]
    print(f"{'maps':15s} {'read by':20s} {'joints':>6s} {'largest':>8s} {'95 %':>8s}")
    for name, case in CASES.items():
        drawn = maps(case)
        positive = drawn.flatten(2).amax(dim=2) > 0
        for decoding in decodings(case.kernel):
            kind = type(decoding).__name__
            difference = (decoding(drawn) - torch.tensor(places[name][kind])).abs().amax(dim=-1)
            off = difference[positive]
            figures = f"{len(off):6d} {off.max():8.1e} {off.quantile(0.95):8.1e}"
            print(f"{name:15s} {kind:20s} {figures}")


if __name__ == "__main__":
    main()
