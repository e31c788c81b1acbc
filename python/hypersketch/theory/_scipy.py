# SPDX-License-Identifier: Apache-2.0
"""The one door to SciPy, which is optional and therefore loaded only by the functions that need it."""

from __future__ import annotations

import importlib
from typing import Any


def scipy_module(name: str) -> Any:
    """Return a SciPy submodule, or say which extra brings it.

    Parameters
    ----------
    name : str
        Name of the submodule, such as ``"special"``.

    Raises
    ------
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> scipy_module("special").__name__
    'scipy.special'
    """
    try:
        return importlib.import_module(f"scipy.{name}")
    except ImportError as error:
        raise ImportError(
            "This closed form needs SciPy, which is not installed. "
            "Install the extra that brings it: pip install 'hypersketch[lab]'."
        ) from error
