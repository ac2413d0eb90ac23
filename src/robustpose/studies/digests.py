"""Digests of JSON values: short names for what a result came from."""

import hashlib
import json


def digest_of(content: object) -> str:
    """Return a digest of a JSON value that does not depend on the order of keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()
