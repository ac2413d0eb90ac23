"""Learning rates by step."""

import pytest

from robustpose.errors import UsageError
from robustpose.training.recipe import Recipe, Schedule


def rates(schedule: Schedule) -> list[float]:
    return [schedule.rate(step) for step in range(schedule.recipe.steps)]


def test_steps_cover_all_images() -> None:
    assert Recipe(images=100, batch_size=32).steps == 4
    assert Recipe(images=96, batch_size=32).steps == 3
    with pytest.raises(UsageError, match="images above 0"):
        Recipe(images=0)


def test_one_loss_warms_up_and_falls_like_a_cosine() -> None:
    recipe = Recipe(images=1000, batch_size=1, rate=0.01, warm_up=100)
    schedule = Schedule.of(recipe, maps=False)
    found = rates(schedule)
    assert schedule.switch == 0
    assert not schedule.on_cross_entropy(0)
    assert found[0] == pytest.approx(0.0001)
    assert max(found) == pytest.approx(0.01)
    assert found[:100] == sorted(found[:100])
    assert found[100:] == sorted(found[100:], reverse=True)
    assert found[550] == pytest.approx(0.01 * (0.01 + 0.99 * 0.5), rel=1e-2)
    assert 0 < found[-1] < 0.02 * 0.01


def test_networks_of_maps_have_two_losses_on_one_cosine() -> None:
    recipe = Recipe(images=1000, batch_size=1, rate=0.01, warm_up=50, cross_entropy=0.7)
    schedule = Schedule.of(recipe, maps=True)
    assert schedule.switch == 700
    assert schedule.on_cross_entropy(699)
    assert not schedule.on_cross_entropy(700)
    assert rates(schedule) == rates(Schedule.of(recipe, maps=False))


@pytest.mark.parametrize("maps", [False, True])
@pytest.mark.parametrize("steps", [1, 2, 3, 7])
def test_short_runs_have_a_rate_at_every_step(steps: int, maps: bool) -> None:
    found = rates(Schedule.of(Recipe(images=steps, batch_size=1), maps=maps))
    assert all(0 < rate <= 1e-3 for rate in found)
