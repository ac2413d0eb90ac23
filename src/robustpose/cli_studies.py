"""The commands that attack networks and write a report: `robustpose demo`, `run`, `report`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from robustpose import terminal
from robustpose.errors import UsageError, check_choice
from robustpose.units import read_epsilon

if TYPE_CHECKING:
    from robustpose.data.people import Split
    from robustpose.studies.study import Study
    from robustpose.studies.tasks import TaskStudy

Flag = Parameter(negative="")
Several = Parameter(consume_multiple=True, negative="")
STRONG = "strong"
"""The study that has no experiments."""
TASKS = "tasks"
"""The experiment of the study whose rows and networks are of their own kind."""


def demo(*, out: Path = Path("runs/demo")) -> None:
    """Attack the bundled networks on drawn people and write a report; takes a few minutes.

    Parameters
    ----------
    out
        Folder of the run. Running the command again goes on where it stopped.
    """
    terminal.say("attacking the bundled networks on people that the package draws")
    from robustpose.protocols.demo import demo as demo_study

    _run_and_report(demo_study(), out)


def run(
    study: str,
    *,
    people: str = "rendered",
    networks: Annotated[list[str] | None, Several] = None,
    experiments: Annotated[list[str] | None, Several] = None,
    attacks: Annotated[list[str] | None, Several] = None,
    epsilons: Annotated[list[str] | None, Several] = None,
    limit: int | None = None,
    quick: Annotated[bool, Flag] = False,
    everywhere: Annotated[bool, Flag] = False,
    fitted_on: int | None = None,
    universal_step: int | None = None,
    faithful: Annotated[bool, Flag] = False,
    seed: int = 0,
    precision: str = "float32",
    size: tuple[int, int] | None = None,
    out: Path | None = None,
) -> None:
    """Run a study and write its report; run the same command again to go on after a stop.

    Example: robustpose run jain2019 --people lsp:FOLDER --quick

    Parameters
    ----------
    study
        jain2019: "On the Robustness of Human Pose Estimation". strong: pose-auto-attack, an
        ensemble made for the metric, beside the study's attacks and as much of PGD.
    people
        Whom to attack: rendered, lsp:FOLDER, mpii:FOLDER or coco:FOLDER. See: robustpose data.
    networks
        Networks to attack: names of the zoo, or NAME:FILE with weights of your own or published
        by others, and behind defences NAME+jpeg:75; by default all that come with the package,
        further trainings (NAME#SEED) too. See: robustpose models.
    experiments
        Parts of the study; by default all. jain2019 has: white-box, iterations, step-sizes,
        universal, transfer, defenses, tasks.
    attacks
        Only these attacks, as FGSM-U IGSM-U-10; by default all of the experiments.
    epsilons
        Sizes of the perturbation in 0-255 units, as 8, 0.25 or 8/255, of white-box attacks; by
        default the study's. Other experiments have their own.
    limit
        Only the first so many people; by default all (strong: 64).
    quick
        Cut the study down to minutes: three networks, 16 people, fewer attacks and epsilons;
        every section of the report is still there. strong: the ensemble's smaller budget alone.
    everywhere
        Make the attacks of 100 steps at every epsilon, not at 8 alone.
    fitted_on
        People that universal perturbations are fitted on; by default 2,500 (--quick: 200).
    universal_step
        Their steps are the radius over this number; by default the paper's 200, which needs
        thousands of people (--quick: 5).
    faithful
        Repeat the paper: images in floating point that may leave the valid range.
    seed
        Seed of targets and noise.
    precision
        Arithmetic of the networks: float32 or bfloat16 (faster, its rounding changes gradients).
    size
        Height and width of a published network's input, where its weights do not tell.
    out
        Folder of the run; by default runs/STUDY-PEOPLE.
    """
    check_choice("study", study, ["jain2019", STRONG])
    key, _, location = people.partition(":")
    variant = ["quick"] * quick + ["faithful"] * faithful
    place = [Path(location).resolve().name] if location else []
    folder = out or Path("runs") / "-".join([study, *variant, key, *place])
    radii = [read_epsilon(text) for text in epsilons] if epsilons else None
    known: dict[str, Any] = {"attacks": attacks, "epsilons": radii, "limit": limit, "size": size}
    only = {
        "experiments": experiments,
        "everywhere": everywhere,
        "fitted_on": fitted_on,
        "universal_step": universal_step,
        "faithful": faithful,
    }
    asked = {name: value for name, value in known.items() if value is not None}
    asked |= {"seed": seed, "precision": precision}
    if study == STRONG:
        _refuse(**only)
        _run_and_report(_strong(people, networks, quick=quick, settings=asked), folder)
    else:
        asked |= {name: value for name, value in only.items() if value is not None}
        value, heads = _jain2019(people, networks, quick=quick, settings=asked), None
        if experiments is None or TASKS in experiments:
            heads = _task_study(
                quick=quick, attacks=attacks, epsilons=radii, people=limit, seed=seed
            )
        _run_and_report(value, folder, heads)


def report(folder: Path) -> None:
    """Write the report of a run afresh from its rows; no network is run.

    Parameters
    ----------
    folder
        Folder of a run, as `robustpose run` or `robustpose demo` made it.
    """
    from robustpose.report.page import write_report

    terminal.say(f"wrote {write_report(folder)}")


def _strong(
    people: str, networks: Sequence[str] | None, *, quick: bool, settings: Mapping[str, Any]
) -> "Study":
    from robustpose.data import load_people
    from robustpose.models import bundled_networks
    from robustpose.protocols.strong import strong

    return strong(
        load_people(people),
        networks or bundled_networks(),
        training=_training_people(people),
        quick=quick,
        **settings,
    )


def _jain2019(
    people: str, networks: Sequence[str] | None, *, quick: bool, settings: Mapping[str, Any]
) -> "Study":
    from robustpose.data import load_people
    from robustpose.models import bundled_networks, bundled_trainings
    from robustpose.protocols.jain2019 import EXPERIMENTS, jain2019
    from robustpose.protocols.jain2019 import quick as quick_jain2019

    chosen = dict(settings)
    if experiments := settings.get("experiments"):
        for name in experiments:
            check_choice("experiment", name, [*EXPERIMENTS, TASKS])
        chosen["experiments"] = [name for name in experiments if name != TASKS]
        if not chosen["experiments"]:
            chosen.pop("attacks", None)  # they are those of the heads
    if networks or not quick:
        chosen["networks"] = networks or [*bundled_networks(), *bundled_trainings()]
    protocol = quick_jain2019 if quick else jain2019
    return protocol(load_people(people), training=_training_people(people), **chosen)


def _run_and_report(study: "Study", out: Path, heads: "TaskStudy | None" = None) -> None:
    from robustpose.report.page import write_report
    from robustpose.report.tables import scores
    from robustpose.scoring import best_device
    from robustpose.studies.checks import check_run, flagged
    from robustpose.studies.runner import run_study
    from robustpose.studies.tasks import run_task_study

    before, device, command = _parts(out), best_device(), terminal.command_line()
    with terminal.study_progress() as listen:
        run_study(study, out, device=device, command=command, listen=listen)
    if heads is not None:
        terminal.say("attacking three heads on one encoder: pose, parts and activity")
        with terminal.study_progress() as listen:
            run_task_study(heads, out, device=device, command=command, listen=listen)
    if before and _parts(out) == before:
        terminal.say(f"every cell was there already in {out}: no network was run")
    terminal.say("writing the report")
    page = write_report(out)
    terminal.show_study(scores(out))
    for network, red in flagged(check_run(out)).items():
        found = "; ".join(finding.check for finding in red)
        terminal.say(f"not to be read as robustness: {network} ({found})")
    terminal.say(f"report: {page}")


def _refuse(**settings: object) -> None:
    """Raise `UsageError` for settings of another study."""
    for name, value in settings.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is a setting of jain2019: leave it out for {STRONG}")


def _parts(out: Path) -> set[str]:
    folders = (out / "rows", out / "task_rows")
    return {path.name for folder in folders for path in folder.glob("*.parquet")}


def _task_study(
    *,
    quick: bool,
    attacks: Sequence[str] | None,
    epsilons: Sequence[float] | None,
    people: int | None,
    seed: int,
) -> "TaskStudy | None":
    """Return the study of sibling tasks; None if it has none of the attacks that are asked for."""
    from robustpose.protocols.jain2019.tasks import ATTACKS, quick_tasks, tasks

    named = [name for name in attacks or () if name in ATTACKS]
    if attacks and not named:
        return None
    given: dict[str, Any] = {"attacks": named or None, "epsilons": epsilons, "people": people}
    settings = {name: value for name, value in given.items() if value is not None}
    return (quick_tasks if quick else tasks)(**settings, seed=seed)


def _training_people(people: str) -> "Split | None":
    """Load the train split of a data set; where there is none, say why and go on without."""
    from robustpose.data import load_people

    try:
        return load_people(people, split="train")
    except UsageError as error:
        terminal.note(f"going on without training people: {error}")
        return None
