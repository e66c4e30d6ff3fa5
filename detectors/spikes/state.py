"""Saved state of detectors: arrays as text, and one way to refuse a state that does not fit."""

from __future__ import annotations

import base64
import binascii
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from detectors.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray


@contextmanager
def restoring(state: Mapping[str, Any], version: str) -> Iterator[None]:
    """Guard the reading of a state.

    Raises
    ------
    StateError
        If the state is of another version, or what is read inside finds it damaged.
    """
    if state.get("version") != version:
        found = state.get("version")
        raise StateError(f"detector state of version {found!r}; this is {version!r}: score the series again")
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, zlib.error) as error:
        raise StateError(f"damaged detector state ({type(error).__name__}): score the series again") from error


def pack(array: NDArray[Any]) -> str:
    """Pack an array into text, exactly: little-endian, deflated, base64."""
    return base64.b64encode(zlib.compress(array.astype(array.dtype.newbyteorder("<")).tobytes(), 1)).decode("ascii")


def unpack(text: str, like: NDArray[Any]) -> NDArray[Any]:
    """Undo :func:`pack`; the array has the dtype and shape of ``like`` (ValueError if it does not fit).

    Examples
    --------
    >>> a = np.array([0.1, np.nan])
    >>> unpack(pack(a), a)
    array([0.1, nan])
    """
    data = zlib.decompressobj().decompress(base64.b64decode(text, validate=True), like.nbytes + 1)
    return np.frombuffer(data, dtype=like.dtype.newbyteorder("<")).reshape(like.shape)
