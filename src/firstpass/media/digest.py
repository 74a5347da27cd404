"""The name of a file's bytes: blake2b with 128 bits, as 32 hex digits."""

from __future__ import annotations

import hashlib

from firstpass.errors import FirstpassError, Problem
from firstpass.media.files import read_bytes, shown
from firstpass.media.limits import Limits


def digest_bytes(data: bytes) -> str:
    """blake2b-128 of the bytes, 32 hex digits (RFC 7693, digest_size 16)."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def digest_of(uri: str) -> str:
    """The digest of a file's bytes. Raises FirstpassError when it cannot be read; use probe where that is expected."""
    data = read_bytes(uri, shown(uri), Limits())
    if isinstance(data, Problem):
        raise FirstpassError(str(data))
    return digest_bytes(data)
