"""The command line: `robustpose COMMAND`. Heavy imports stay inside the commands."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, CycloptsError, Parameter

from robustpose import cli_data, cli_scores, terminal
from robustpose.errors import UsageError, check_choice
from robustpose.version import __version__

if TYPE_CHECKING:
    from robustpose.data.people import Split
    from robustpose.studies.study import Study

app = App(
    name="robustpose",
    help=(
        "How easily can a 2-D human pose estimator be fooled? Runs attacks on pose networks, "
        "and reports what is left of their scores. Begin with: robustpose demo"
    ),
    version=__version__,
    version_flags=["--version"],
    suppress_keyboard_interrupt=False,
)

app.command(cli_data.app)
app.command(cli_scores.evaluate)
app.command(cli_scores.score)
Flag = Parameter(negative="")
Several = Parameter(consume_multiple=True, negative="")


@app.command
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


@app.command
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
        jain2019: "On the Robustness of Human Pose Estimation".
    people
        Whom to attack: rendered, lsp:FOLDER, mpii:FOLDER or coco:FOLDER. See: robustpose data.
    networks
        Networks to attack: names of the zoo, or NAME:FILE with weights of your own or published
        by others, and behind defences NAME+jpeg:75; by default all that come with the package. See:
        robustpose models.
    experiments
        Parts of the study; by default all. jain2019 has: white-box, iterations, step-sizes,
        universal, transfer, defenses.
    attacks
        Only these attacks, as FGSM-U IGSM-U-10; by default all of the experiments.
    epsilons
        Sizes of the perturbation in 0-255 units, as 8, 0.25 or 8/255, of white-box attacks; by
        default the study's. Other experiments have their own.
    limit
        Only the first so many people.
    quick
        Cut the study down to minutes: three networks, 16 people, fewer attacks and epsilons;
        every section of the report is still there.
    everywhere
        Make the attacks of 100 steps at every epsilon, not at 8 alone.
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
    check_choice("study", study, ["jain2019"])
    from robustpose.data import load_people
    from robustpose.models import bundled_networks
    from robustpose.protocols.jain2019 import jain2019
    from robustpose.protocols.jain2019 import quick as quick_jain2019

    given: dict[str, Any] = {
        "networks": networks,
        "experiments": experiments,
        "attacks": attacks,
        "epsilons": [_epsilon(text) for text in epsilons] if epsilons else None,
        "limit": limit,
        "size": size,
    }
    settings: dict[str, Any] = {
        **({} if quick else {"networks": bundled_networks()}),
        **{name: value for name, value in given.items() if value is not None},
        "everywhere": everywhere,
        "faithful": faithful,
        "seed": seed,
        "precision": precision,
    }
    protocol = quick_jain2019 if quick else jain2019
    value = protocol(load_people(people), training=_training_people(people), **settings)
    key, _, location = people.partition(":")
    variant = ["quick"] * quick + ["faithful"] * faithful
    place = [Path(location).resolve().name] if location else []
    _run_and_report(value, out or Path("runs") / "-".join([study, *variant, key, *place]))


@app.command
def report(folder: Path) -> None:
    """Write the report of a run afresh from its rows; no network is run.

    Parameters
    ----------
    folder
        Folder of a run, as `robustpose run` or `robustpose demo` made it.
    """
    from robustpose.report.page import write_report

    terminal.say(f"wrote {write_report(folder)}")


@app.command
def train(
    network: str,
    *,
    data: list[str],
    out: Path | None = None,
    shares: Annotated[list[float] | None, Several] = None,
    images: int = 160_000,
    batch_size: int = 32,
    rate: float = 1e-3,
    seed: int = 0,
    backbone: Annotated[str | None, Parameter(name=["--backbone", "--encoder"])] = None,
    pretext_images: int = 50_000,
    start: str | None = None,
    cross_entropy: float = 0.85,
    keep: Annotated[list[int] | None, Several] = None,
    cache: Path | None = None,
) -> None:
    """Train a network of the zoo; run the same command again to go on after a stop.

    On several GPUs: torchrun --nproc-per-node=N -m robustpose train ...

    Parameters
    ----------
    network
        What to train. See: robustpose models.
    data
        What to learn from: rendered, lsp:FOLDER, ... May be given several times.
    out
        Folder for the state of the run and the finished checkpoint; by default
        runs/train-NETWORK.
    shares
        How often to draw from each data set, one number each; by default equally.
    images
        How many augmented images the network sees.
    batch_size
        Images an optimiser step.
    rate
        The highest learning rate.
    seed
        Seed of weights and augmentation.
    backbone
        What the encoder starts with: pretext (pre-trained here, on drawn people), a file (a ResNet
        of torchvision, or a checkpoint of robustpose), or the name of a bundled network.
        --encoder is its older name.
    pretext_images
        How many augmented images the encoder sees with --backbone pretext.
    start
        Start with all weights of this checkpoint, or of this bundled network.
    cross_entropy
        The first loss's share of the steps of a network of maps: cross-entropy, then squared error.
        0 to go on training a finished network.
    keep
        Percentages of the images, as 25 50, after which a checkpoint is kept besides the last.
    cache
        Where cut-out training people are kept; by default the user's cache folder.
    """
    from robustpose.scoring import best_device
    from robustpose.training.loop import processes
    from robustpose.training.recipe import Recipe
    from robustpose.training.runs import TrainingRun, run_training

    training = TrainingRun(
        network=network,
        data=tuple(data),
        out=out or Path("runs") / f"train-{network}",
        cache=cache or _crops(),
        recipe=Recipe(
            images=images,
            batch_size=batch_size,
            rate=rate,
            seed=seed,
            cross_entropy=cross_entropy,
        ),
        shares=tuple(shares or ()),
        backbone=backbone,
        pretext_images=pretext_images,
        start=start,
        keep=tuple(keep or ()),
        command=terminal.command_line(),
    )
    with processes() as rank, terminal.training_progress(quiet=rank > 0) as listener:
        path = run_training(training, device=best_device(), listener=listener, rank=rank)
    if rank == 0:
        terminal.say(f"wrote {path}")


@app.command
def train_tasks(
    *,
    out: Path = Path("runs/train-tasks"),
    images: int = 100_000,
    batch_size: int = 32,
    rate: float = 1e-3,
    seed: int = 0,
    cache: Path | None = None,
) -> None:
    """Train three heads on one encoder, to compare pose with classification and segmentation.

    They learn from drawn people: what each does, which part of the body is where, and the joints.
    Run the same command again to go on after a stop.

    Parameters
    ----------
    out
        Folder for the state of the run and the finished checkpoint.
    images
        How many augmented images the network sees.
    batch_size
        Images an optimiser step.
    rate
        The highest learning rate.
    seed
        Seed of weights and augmentation.
    cache
        Where cut-out training people are kept; by default the user's cache folder.
    """
    from robustpose.scoring import best_device
    from robustpose.training.loop import processes
    from robustpose.training.tasks import TaskTraining, run_task_training, task_recipe

    training = TaskTraining(
        out=out,
        cache=cache or _crops(),
        recipe=task_recipe(images=images, batch_size=batch_size, rate=rate, seed=seed),
        command=terminal.command_line(),
    )
    with processes() as rank, terminal.training_progress(quiet=rank > 0) as listener:
        path = run_task_training(training, device=best_device(), listener=listener, rank=rank)
    if rank == 0:
        terminal.say(f"wrote {path}")


@app.command
def attack(
    photo: Path,
    *,
    model: str = "hourglass2-compact",
    eps: str = "8",
    steps: int = 40,
    box: Annotated[tuple[float, float, float, float] | None, Parameter(negative="")] = None,
    seed: int = 0,
    out: Path | None = None,
    overwrite: bool = False,
) -> None:
    """Attack one photograph of one person, and write a picture of before and after.

    The attack (PGD) drives the network away from its own answer on the photograph.

    Parameters
    ----------
    photo
        The photograph: JPEG, PNG and the like.
    model
        The network to fool. See: robustpose models.
    eps
        Size of the perturbation in 0-255 units, as 8, 0.25 or 8/255.
    steps
        Gradient steps.
    box
        The person, as X Y WIDTH HEIGHT in pixels; by default the network looks for them.
    seed
        Seed of the random start.
    out
        The picture to write (PNG); by default PHOTO-attacked.png in this folder.
    overwrite
        Replace the picture if it exists.
    """
    from robustpose.photographs import attack_photograph

    path = out or Path(f"{photo.stem}-attacked.png")
    if path.suffix.lower() != ".png":
        raise UsageError(
            f"the picture is written as PNG: expected a name ending in .png, found {path}"
        )
    if path.exists() and not overwrite:
        raise UsageError(f"{path} exists: choose another --out, or pass --overwrite")
    radius = _epsilon(eps) / 255
    outcome = attack_photograph(
        photo, model, eps=radius, steps=steps, box=box, seed=seed, says=terminal.note
    )
    terminal.save_picture(outcome.picture, path)
    terminal.say(
        f"{outcome.moved} of {outcome.joints} joints left their place by more than "
        f"{outcome.threshold:g} of the torso; wrote {path}"
    )


@app.command
def models(*, json: bool = False) -> None:
    """List the networks of the zoo, and the published files that can be loaded.

    Parameters
    ----------
    json
        Print the zoo as JSON instead of tables.
    """
    from robustpose.models.catalogue import catalogue
    from robustpose.models.published import FORMATS

    terminal.show_models(catalogue(), FORMATS, as_json=json)


def main() -> None:
    """Run the command line: a usage error is one line and exit code 2, Ctrl-C is 130."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except UsageError as error:
        terminal.complain(str(error))
        sys.exit(2)
    except CycloptsError as error:
        terminal.complain(f"{str(error).strip()} Try: robustpose --help")
        sys.exit(2)
    except OSError as error:
        terminal.complain(f"{error.filename or 'a file'}: {error.strerror or error}")
        sys.exit(2)
    except KeyboardInterrupt:
        terminal.complain("stopped; a run or a training goes on where it was by the same command")
        sys.exit(130)


def _run_and_report(study: "Study", out: Path) -> None:
    from robustpose.report.page import write_report
    from robustpose.report.tables import scores
    from robustpose.scoring import best_device
    from robustpose.studies.runner import run_study

    before = _parts(out)
    with terminal.study_progress() as listen:
        run_study(study, out, device=best_device(), command=terminal.command_line(), listen=listen)
    if before and _parts(out) == before:
        terminal.say(f"every cell was there already in {out}: no network was run")
    terminal.say("writing the report")
    page = write_report(out)
    terminal.show_study(scores(out))
    terminal.say(f"report: {page}")


def _parts(out: Path) -> set[str]:
    return {path.name for path in (out / "rows").glob("*.parquet")}


def _training_people(people: str) -> "Split | None":
    """Load the train split of a data set; where there is none, say why and go on without."""
    from robustpose.data import load_people

    try:
        return load_people(people, split="train")
    except UsageError as error:
        terminal.note(f"going on without training people: {error}")
        return None


def _epsilon(text: str) -> float:
    """Read a radius in 0-255 units: `8`, `0.25` or `8/255`."""
    number, slash, unit = text.partition("/")
    try:
        epsilon = float(number)
    except ValueError:
        epsilon = float("nan")
    if not 0 < epsilon <= 255 or (slash and unit.strip() != "255"):
        raise UsageError(
            f"epsilon is in 0-255 units, more than 0 and at most 255, written 8, 0.25 or 8/255: "
            f"found {text!r}"
        )
    return epsilon


def _crops() -> Path:
    """Return where cut-out training people are kept unless told otherwise."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("robustpose")) / "crops"
