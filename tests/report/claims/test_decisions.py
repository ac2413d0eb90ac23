"""How numbers become outcomes."""

from itertools import permutations

import numpy as np
import pytest

from robustpose.metrics.estimates import Estimate, quoted
from robustpose.report.claims.decisions import (
    FEWEST_TRAININGS,
    LUCK,
    above,
    below,
    listed,
    luck,
    on_average,
    throughout,
)
from robustpose.report.claims.verdicts import Outcome, Part, undecided, verdict

SUPPORTED, CONTRADICTED, UNDECIDED = Outcome
WORDS = {"statement": "so", "what": "points of it", "lacking": "nothing there"}


def _estimate(value: float, half: float) -> Estimate:
    return Estimate(value, np.linspace(value - half, value + half, 101))


def test_luck_is_counted_over_all_ways_to_share_out() -> None:
    ones, others = [3.0, 9.0, 4.0], [1.0, 5.0]
    sums = [sum(order[:3]) for order in permutations([*ones, *others])]
    expected = sum(each >= 16 for each in sums) / len(sums)
    assert luck(ones, others) == pytest.approx(expected)


def test_three_trainings_are_the_fewest_that_can_decide() -> None:
    apart = [10.0, 11.0, 12.0], [1.0, 2.0, 3.0]
    assert luck(*apart) == pytest.approx(LUCK)
    fewer = FEWEST_TRAININGS - 1
    assert luck(apart[0][:fewer], apart[1][:fewer]) > LUCK


def test_an_exception_contradicts_what_holds_throughout_but_not_on_average() -> None:
    values = {"a": _estimate(9, 1), "b": _estimate(8, 1), "c": _estimate(-3, 1)}
    found = throughout(values, above(0), **WORDS)
    assert found.outcome is CONTRADICTED
    assert "c (-3.0" in found.found
    assert on_average(values, above(0), **WORDS).outcome is SUPPORTED


def test_an_unsure_exception_contradicts_nothing() -> None:
    values = {"a": _estimate(9, 1), "b": _estimate(-0.5, 1)}
    assert throughout(values, above(0), **WORDS).outcome is SUPPORTED


def test_limits_are_upper_or_lower_ones() -> None:
    assert on_average({"a": quoted(4.9)}, below(5), **WORDS).outcome is SUPPORTED
    assert on_average({"a": quoted(4.9)}, above(5), **WORDS).outcome is CONTRADICTED
    assert on_average({"a": _estimate(4.9, 1)}, below(5), **WORDS).outcome is UNDECIDED
    assert on_average({}, below(5), **WORDS).found == "nothing there"


def test_a_part_that_is_not_decided_takes_nothing_from_the_main_one() -> None:
    main, other = Part("main", SUPPORTED, ""), undecided("other", "no cells")
    assert verdict([main, other]).outcome is SUPPORTED
    assert verdict([other, main]).outcome is UNDECIDED
    against = Part("against", CONTRADICTED, "so")
    assert verdict([other, main, against]).outcome is CONTRADICTED
    assert verdict([main, against]).deciding is against


def test_long_lists_are_cut() -> None:
    assert listed("abcdef") == "a, b, c, d and 2 more"
    assert listed("abcd") == "a, b, c, d"
