"""Pictures and maps of a few people, kept losslessly for the gallery of the report."""

import io
import os
from pathlib import Path

import cv2
import numpy as np
import torch

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch
from robustpose.studies.rows import slug
from robustpose.studies.study import Cell


def keep_images(out: Path, cell: Cell, batch: PoseBatch, images: Images, count: int) -> None:
    """Write PNG files of the first `count` people: `samples/PERSON/[MADE_ON/]CONDITION.png`."""
    for name, image in zip(batch.ids[:count], images[:count], strict=True):
        folder = out / "samples" / slug(name)
        if cell.made_on is not None:
            folder = folder / slug(cell.made_on)
        pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        _, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        _write(folder / f"{slug(cell.label)}.png", content.tobytes())


def keep_maps(
    out: Path,
    cell: Cell,
    victim: str,
    model: PoseModel,
    batch: PoseBatch,
    images: Images,
    count: int,
) -> None:
    """Write the last stage's heatmaps of the first `count` people, where the model has any.

    `samples/PERSON/VICTIM/CONDITION.npz` with `maps`, half precision (k, rows, columns); only
    for a model that sees images made on itself, or on nobody.
    """
    seen = cell.made_on in (None, victim)
    if not seen or not isinstance(model.codecs[-1], HeatmapCodec):
        return
    with torch.no_grad():
        maps = model(images[:count])[-1].half().cpu().numpy()
    for name, own in zip(batch.ids[:count], maps, strict=True):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, maps=own)
        path = out / "samples" / slug(name) / slug(victim) / f"{slug(cell.label)}.npz"
        _write(path, buffer.getvalue())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.write_bytes(content)
    partial.replace(path)
