"""The one door to the compiler: numba without its untyped decorator, and without a cache where none can be kept.

``NUMBA_DISABLE_JIT=1`` in the environment makes every compiled function run as the plain Python that it is written
in; tests use this to see its branches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., object]")


def compiled(function: F) -> F:
    """Compile ``function`` on its first call, and keep the machine code beside its source where that is allowed.

    A compiled function may call compiled functions of its own file only: the kept code is renewed when that file
    changes, and no other file is looked at.
    """
    try:
        made = numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # neither the package's folder nor the user's cache can be written: compile in each process
        made = numba.njit(error_model="numpy")(function)
    return cast("F", made)
