"""What a folder holds of Leeds Sports Pose, and whether it is the public copy."""

import hashlib
from pathlib import Path

from robustpose.data.download import digest_of
from robustpose.data.inspection.findings import Annotated, Inspection
from robustpose.data.lsp import WHOLE_SET, read_annotations
from robustpose.data.sources import JOINTS_DIGEST, PHOTOS_DIGEST


def inspect_lsp(folder: Path) -> Inspection:
    """Inspect a folder with `images/` and `joints.mat`."""
    found = Inspection("lsp", folder)
    present = {Path(name).stem for name in found.pictures(folder / "images")}
    people = found.read(folder / "joints.mat", lambda path: len(read_annotations(path.parent)))
    if people is None:
        return found
    annotated = Annotated(people, tuple(f"im{number + 1:05d}.jpg" for number in range(people)))
    found.annotated(folder / "joints.mat", annotated)
    missing = [
        name
        for number, name in enumerate(annotated.photos, start=1)
        if not {Path(name).stem, f"im{number:04d}"} & present
    ]
    found.missing("images", missing, annotated)
    if people == WHOLE_SET:
        joints = f"sha256:{digest_of(folder / 'joints.mat', 'sha256')}"
        _tell_digest(found, "joints.mat", right=joints == JOINTS_DIGEST)
        if not missing:
            photos = digest_of_photographs(folder / "images")
            _tell_digest(found, "images/", right=photos == PHOTOS_DIGEST)
    return found


def digest_of_photographs(folder: Path) -> str:
    """Return the digest of the digests of all JPEGs, as `sha256sum *.jpg | sha256sum` does."""
    names = sorted(path.name for path in folder.glob("*.jpg"))
    lines = (f"{digest_of(folder / name, 'sha256')}  {name}\n" for name in names)
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


def _tell_digest(found: Inspection, what: str, *, right: bool) -> None:
    found.find(
        f"{what}: SHA-256 {'is' if right else 'differs from'} that of the public copy, on which "
        f"this project's results were measured",
        right=right,
    )
