"""What each attack of a strong evaluation leaves and costs, and whether networks keep their order.

    OMP_NUM_THREADS=1 python benchmarks/strong_attacks.py RUN

RUN is the folder of `robustpose run strong`. First PCK in percent by attack and epsilon, with the
gradients and queries that a person took on average over the epsilons, and the seconds that these
take on one thread (one gradient and one query of each network, timed here, 16 people at a time, in
the precision of the run). Then by how much `pose_auto_attack` leaves less than others, and the
order of networks by what is left of their clean scores; with 95 % intervals, paired over people.
"""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

import robustpose as rp
from robustpose.attacks.gradients import exact
from robustpose.data.rendered import rendered_people
from robustpose.metrics.robustness import relative_difference
from robustpose.studies.checks.case import Case, Seen, cases_of
from robustpose.studies.rows import read_study
from robustpose.studies.runner import PRECISIONS

PEOPLE = 16
ENSEMBLE = "pose-auto-attack"
OTHERS = ("IGSM-U-10", "IGSM-U-100", "PGD-U")
CHECKS = ("smallest", "noise")
"""What is no attack of a fixed size."""


def main() -> None:
    """Print the three tables."""
    run = Path(sys.argv[1])
    study = read_study(run)
    cases = cases_of(run)
    sizes = sorted({seen.eps255 or 0.0 for seen in cases[0].seen if _attack(seen)})
    for case in cases:
        _print_attacks(case, sizes, _seconds(case.network, study))
        _print_margins(case, sizes)
    _print_order(cases, sizes)


def _attack(seen: Seen) -> bool:
    return seen.eps255 is not None and not seen.name.startswith(CHECKS)


def _print_attacks(case: Case, sizes: Sequence[float], seconds: tuple[float, float]) -> None:
    print(
        f"{case.network}: PCK {case.score(case.clean):.1f} clean, a constant pose {case.floor:.1f}"
    )
    header = "".join(f"{size:>7g}" for size in sizes)
    print(f"{'left at eps':<28}{header}{'gradients':>11}{'queries':>9}{'seconds':>9}")
    for name in dict.fromkeys(seen.name for seen in case.seen if _attack(seen)):
        own = {seen.eps255: seen for seen in case.seen if seen.name == name}
        left = "".join(f"{case.left(own[size]):7.1f}" if size in own else " " * 7 for size in sizes)
        gradients, queries = (
            float(np.mean([getattr(seen, count) for seen in own.values()]))
            for count in ("gradients", "queries")
        )
        cost = gradients * seconds[0] + queries * seconds[1]
        print(f"{name:<28}{left}{gradients:11.0f}{queries:9.0f}{cost:9.2f}")
    print()


def _print_margins(case: Case, sizes: Sequence[float]) -> None:
    print("pose_auto_attack leaves less, in points, than")
    for size in sizes:
        own = [seen for seen in case.seen if seen.eps255 == size and _attack(seen)]
        ensemble = next((seen for seen in own if seen.name.startswith(ENSEMBLE)), None)
        if ensemble is None:
            continue
        members = [seen for seen in own if seen.name in _members(ensemble)]
        others = [seen for seen in own if seen.name.startswith(OTHERS)]
        best = case.strongest(members)
        for other in (*([best] if best else []), *others):
            value, low, high = case.excess(other.error, ensemble.error)
            print(f"  at {size:<4g}{other.name:<18}{value:5.1f} [{low:.1f}, {high:.1f}]")
    print()


def _members(ensemble: Seen) -> set[str]:
    return {member["name"] for member in ensemble.settings["members"]}


def _print_order(cases: Sequence[Case], sizes: Sequence[float]) -> None:
    print("left of the clean score in percent, and differences between networks in points")
    by: Mapping[str, Callable[[str], bool]] = {
        "IGSM-U-10": lambda name: name == "IGSM-U-10",
        ENSEMBLE: lambda name: name.startswith(ENSEMBLE),
    }
    for attack, wanted in by.items():
        for size in sizes:
            errors = {
                case: seen.error
                for case in cases
                for seen in case.seen
                if seen.eps255 == size and wanted(seen.name)
            }
            if len(errors) < 2:
                continue
            shares = [
                f"{case.network} {100 * case.score(error) / case.score(case.clean):.1f}"
                for case, error in errors.items()
            ]
            print(f"  {attack} at {size:g}: {', '.join(shares)}")
            for one, other in combinations(errors, 2):
                value, low, high = relative_difference(
                    (errors[one], one.clean), (errors[other], other.clean), one.rule, one.counts
                )
                print(
                    f"    {one.network} less {other.network}: {value:.1f} [{low:.1f}, {high:.1f}]"
                )


def _seconds(network: str, study: Mapping[str, object]) -> tuple[float, float]:
    """Return the seconds of one gradient and of one query of a person."""
    model = rp.load_model(network).frozen()
    model.precision = PRECISIONS[str(study["precision"])]
    batch = rp.crop(rendered_people("test", count=PEOPLE, pixels=160), model)
    loss = rp.Untargeted().loss(model, batch)
    passes = (
        lambda: exact(loss, batch.images, batch.seeds),
        lambda: model.predict(batch.images, batch.seeds),
    )
    gradient, query = (min(_timed(each) for _ in range(5)) / PEOPLE for each in passes)
    return gradient, query


def _timed(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
