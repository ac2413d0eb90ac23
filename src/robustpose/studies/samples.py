"""Pictures and heatmaps of a few people, kept losslessly for the gallery of the report."""

import io
from pathlib import Path

import cv2
import numpy as np
import torch

from robustpose.models.codecs import HeatmapCodec
from robustpose.models.model import PoseModel
from robustpose.poses import Images, PoseBatch
from robustpose.studies.rows import sample_path, write_bytes


def keep_images(out: Path, part: str, batch: PoseBatch, images: Images, count: int) -> None:
    """Write the images of the first `count` people of a part as PNG files."""
    for name, image in zip(batch.ids[:count], images[:count], strict=True):
        pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
        _, content = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))
        write_bytes(content.tobytes(), sample_path(out, part, name))


def copy_samples(out: Path, source: str, part: str, person: str, victim: str) -> None:
    """Copy what was kept of a person from one part to another."""
    for name in (None, victim):
        kept = sample_path(out, source, person, name)
        if kept.exists():
            write_bytes(kept.read_bytes(), sample_path(out, part, person, name))


def keep_maps(
    out: Path,
    part: str,
    victim: str,
    model: PoseModel,
    batch: PoseBatch,
    images: Images,
    count: int,
) -> None:
    """Write the last stage's heatmaps of the first `count` people, where the model has any."""
    if not isinstance(model.codecs[-1], HeatmapCodec):
        return
    with torch.no_grad():
        maps = model(images[:count], batch.seeds[:count])[-1].half().cpu().numpy()
    for name, own in zip(batch.ids[:count], maps, strict=True):
        buffer = io.BytesIO()
        np.savez_compressed(buffer, maps=own)
        write_bytes(buffer.getvalue(), sample_path(out, part, name, victim))
