"""The command line: `robustpose COMMAND`. Heavy imports stay inside the commands."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from robustpose import cli_data, cli_leaderboard, cli_scores, cli_studies, terminal
from robustpose.errors import UsageError
from robustpose.units import read_epsilon
from robustpose.version import __version__

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

app.command(cli_studies.demo)
app.command(cli_studies.run)
app.command(cli_studies.report)
app.command(cli_data.app)
app.command(cli_scores.evaluate)
app.command(cli_scores.score)
app.command(cli_leaderboard.submit)
app.command(cli_leaderboard.leaderboard)
Several = Parameter(consume_multiple=True, negative="")


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
    radius = read_epsilon(eps) / 255
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


def _crops() -> Path:
    """Return where cut-out training people are kept unless told otherwise."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("robustpose")) / "crops"
