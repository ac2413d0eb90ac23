"""The commands that score without attacking: `robustpose evaluate` and `robustpose score`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.table import Table

from robustpose import terminal
from robustpose.errors import UsageError, check_choice

if TYPE_CHECKING:
    from robustpose.data.coco import Detections
    from robustpose.data.people import Split
    from robustpose.models.model import PoseModel
    from robustpose.predictions import PredictionScores

Several = Parameter(consume_multiple=True, negative="")
Switch = Parameter(negative="")
FEW = 5.0
"""Percentage of right joints below which poses are probably in another order: good ones of MPII
score less than 3 when they are one person off."""


def evaluate(
    *networks: str,
    people: Annotated[list[str] | None, Several] = None,
    detections: Path | None = None,
    checkpoint: Path | None = None,
    size: tuple[int, int] | None = None,
    flip: Annotated[bool, Switch] = False,
    decoding: str | None = None,
    udp: Annotated[bool, Switch] = False,
    limit: int | None = None,
    out: Path | None = None,
    json: bool = False,
) -> None:
    """Score networks on clean photographs.

    COCO's people are scored by average precision and recall (AP, AR) besides, as HRNet's evaluation
    does it, on the annotated boxes or on those of a detector.

    Parameters
    ----------
    networks
        What to score: names of the zoo, or NAME:FILE, also behind defences (NAME+jpeg:75); by
        default all networks with bundled weights. See: robustpose models.
    people
        On whom: rendered, lsp:FOLDER, mpii:FOLDER, coco:FOLDER, or several; by default rendered.
    detections
        A detector's boxes on the photographs of coco:FOLDER, to be used instead of the annotated
        ones: a JSON list of image_id, category_id, bbox and score.
    checkpoint
        Weights made by `robustpose train` or published by others, for one network; by default the
        bundled ones.
    size
        Height and width of a published network's input, where its weights do not tell.
    flip
        Flip test: the mean of what a network says of a picture and of its mirror image.
    decoding
        How heatmaps are read: quarter (SimpleBaseline, HRNet), mmpose-quarter, dark, dark-17 (for
        bumps of sigma 3), dark-udp; by default the package's quarter offset.
    udp
        The networks were trained with unbiased data processing: crops and cells lie accordingly.
    limit
        Only the first so many people. Of a part of COCO there is no AP.
    out
        Write the scores, with what they came from, to this JSON file.
    json
        Print JSON instead of tables.
    """
    from robustpose.data import load_people
    from robustpose.defenses import load_defended
    from robustpose.models import bundled_networks
    from robustpose.scoring import best_device
    from robustpose.studies.clean import clean_scores, detected_scores

    names = list(networks) or bundled_networks()
    if checkpoint is not None and len(names) != 1:
        raise UsageError(f"a checkpoint is of one network, found {len(names)}: name one")
    models = []
    for name in names:
        model = load_defended(name, checkpoint=checkpoint, size=size).to(best_device())
        models.append(_tested(model, flip=flip, decoding=decoding, udp=udp))
    if detections is None:
        splits = [load_people(name).limited(limit) for name in people or ["rendered"]]
        terminal.note(f"scoring {', '.join(names)} on {sum(map(len, splits)):,} people")
        splits = [_aligned(split, udp=udp) for split in splits]
        report = clean_scores(models, splits, command=terminal.command_line())
    else:
        boxes = _boxes(detections, people or [], limit)
        terminal.note(f"scoring {', '.join(names)} on {len(boxes.scores):,} boxes")
        boxes = boxes._replace(people=_aligned(boxes.people, udp=udp))
        report = detected_scores(models, boxes, command=terminal.command_line())
    _show_scores(report, as_json=json)
    if out is not None:
        from robustpose.studies.rows import write_json

        write_json(report, out)
        terminal.note(f"wrote {out}")


def score(
    file: Path, *, people: str, first_pixel: Literal[0, 1] | None = None, json: bool = False
) -> None:
    """Score predictions that were made elsewhere, from annotations alone.

    Parameters
    ----------
    file
        Poses in photograph pixels, one for each of the people in their order: an array n x k x 2 in
        .npy, `preds` in HDF5 (Newell, PyraNet) or .mat (bearpaw, HRNet, MMPose), `pos_pred_src` in
        .mat (Tompson); or COCO results in .json.
    people
        Whose poses they are: lsp:FOLDER, mpii:FOLDER, coco:FOLDER, or annotations alone: mpii:FILE
        (Newell's valid.h5, Tompson's detections_our_format.mat), and for COCO results coco:FILE
        (person_keypoints_val2017.json).
    first_pixel
        What the file calls a photograph's first pixel: by default 0 in .npy, 1 in HDF5 and .mat.
    json
        Print JSON instead of a table.
    """
    from robustpose.data import load_people
    from robustpose.predictions import read_predictions, score_results
    from robustpose.predictions import score as score_predictions

    if file.suffix.lower() == ".json":
        if first_pixel is not None:
            raise UsageError("COCO results count pixels as COCO does: leave --first-pixel out")
        figures = {
            name: _number(each) for name, each in score_results(file, people)._asdict().items()
        }
        if json:
            terminal.show_json(figures)
        else:
            _show_precision("COCO key points", {file.name: figures})
        return
    split = load_people(people)
    found = score_predictions(read_predictions(file, split, first_pixel=first_pixel), split)
    _show_predictions(found, split, as_json=json)
    if found.pck < FEW:
        terminal.note(
            f"hardly a joint is right: are the poses in the order of {split.name}, in pixels of "
            "its photographs?"
        )


def _tested(model: "PoseModel", *, flip: bool, decoding: str | None, udp: bool) -> "PoseModel":
    """Return a network as it is to be asked. Raises `UsageError` for one without heatmaps."""
    from robustpose.models.codecs import DECODINGS
    from robustpose.models.flip_test import flip_tested

    if decoding is not None:
        check_choice("decoding", decoding, DECODINGS)
        model.decoded_by(DECODINGS[decoding])
    if udp:
        model.decoded_by(udp=True)
    return flip_tested(model) if flip else model


def _aligned(people: "Split", *, udp: bool) -> "Split":
    from robustpose.geometry import Alignment

    if not udp:
        return people
    return replace(people, cropping=replace(people.cropping, alignment=Alignment.UDP))


def _boxes(path: Path, people: Sequence[str], limit: int | None) -> "Detections":
    from robustpose.data import place_of
    from robustpose.data.coco import coco_detections

    names = [name.partition(":") for name in people]
    if len(names) != 1 or names[0][0] != "coco":
        found = ", ".join(people) or "none"
        raise UsageError(
            f"detections are on COCO's photographs: pass --people coco:FOLDER, not {found}"
        )
    if limit is not None:
        raise UsageError("AP is of all detections together: leave --limit out")
    return coco_detections(path, place_of("coco", names[0][2]))


def _show_scores(report: Mapping[str, Any], *, as_json: bool) -> None:
    """Print what `clean_scores` or `detected_scores` found: tables for each set of people."""
    if as_json:
        terminal.show_json(report)
        return
    for name, people in report["people"].items():
        own = [score for score in report["scores"] if score["people"] == name]
        precise = {
            score["network"]: score["average_precision"]
            for score in own
            if "average_precision" in score
        }
        if "pck" in own[0]:
            _show_pck(name, people, own)
        if precise:
            _show_precision(f"{name}: COCO key points", precise)
        elif "mean_oks" in own[0]:
            terminal.say("no AP: it is of a whole set, and of networks that know all its joints")
        for reason, count in people["left_out"].items():
            terminal.say(f"{count:,} more are not scored: {reason}")


def _show_pck(name: str, people: Mapping[str, Any], scores: Sequence[Mapping[str, Any]]) -> None:
    title = f"{name}: PCK@{people['threshold']:g} of the {people['reference']}, in percent"
    table = Table("joint", title=title, title_justify="left")
    for score in scores:
        table.add_column(score["network"], justify="right", overflow="fold")
    for joint in scores[0]["by_joint"]:
        cells = (score["by_joint"][joint] for score in scores)
        table.add_row(joint.replace("_", " "), *(terminal.percent(cell) for cell in cells))
    table.add_section()
    everybody = f"all, of {people['count']:,} people"
    table.add_row(everybody, *(terminal.percent(score["pck"]) for score in scores))
    if "mean_oks" in scores[0]:
        table.add_row("mean OKS", *(terminal.percent(score["mean_oks"]) for score in scores))
    terminal.show(table)


def _show_precision(title: str, columns: Mapping[str, Mapping[str, float | None]]) -> None:
    """Print COCO's ten figures, a column for each network or file."""
    table = Table("figure", title=f"{title}, in percent", title_justify="left")
    for heading in columns:
        table.add_column(heading, justify="right", overflow="fold")
    for name in next(iter(columns.values())):
        kind, _, what = name.partition("_")
        said = f" at OKS 0.{what}" if what.isdecimal() else f", {what} people" if what else ""
        cells = (terminal.percent(figures[name], digits=2) for figures in columns.values())
        table.add_row(kind.upper() + said, *cells)
    terminal.show(table)


def _show_predictions(found: "PredictionScores", people: "Split", *, as_json: bool) -> None:
    rule = f"PCK@{people.threshold:g} of the {people.reference}, in percent"
    if as_json:
        content = {
            "people": people.name,
            "count": len(people),
            "rule": rule,
            "mean": _number(found.pck),
            "by_joint": {name: _number(value) for name, value in found.by_joint.items()},
            "by_pair": {name: _number(value) for name, value in found.by_pair.items()},
            "further": {name: _number(value) for name, value in found.further.items()},
            "left_out": dict(people.left_out),
        }
        terminal.show_json(content)
        return
    table = Table("joint", title=f"{people.name}: {rule}", title_justify="left")
    for column in ("mean", "left", "right"):
        table.add_column(column, justify="right")
    for name, value in found.by_pair.items():
        sides = (found.by_joint.get(f"{side}_{name}", math.nan) for side in ("left", "right"))
        cells = (terminal.percent(_number(cell), digits=2) for cell in (value, *sides))
        table.add_row(name.replace("_", " "), *cells)
    table.add_section()
    for name, value in {f"all, of {len(people):,} people": found.pck, **found.further}.items():
        table.add_row(name, terminal.percent(_number(value), digits=2))
    terminal.show(table)
    for reason, count in people.left_out.items():
        terminal.say(f"{count:,} more people are not scored: {reason}")


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
