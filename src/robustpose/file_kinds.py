"""What files are that are often had instead of the expected one, by how they begin."""

_BEGINNINGS = (
    (b"version https://git-lfs", "the pointer of Git LFS: run `git lfs pull` for the file itself"),
    (b"<!doctype html", "a web page, not the file that it leads to"),
    (b"<html", "a web page, not the file that it leads to"),
    (b"\x1f\x8b", "packed with gzip: unpack it"),
)


def mistaken_for(content: bytes) -> str | None:
    """Return what a file is that nobody wants, in words that follow "it is"; None for others."""
    if not content:
        return "empty"
    start = content[:64].lstrip().lower()
    return next((words for begins, words in _BEGINNINGS if start.startswith(begins)), None)
