# SPDX-License-Identifier: Apache-2.0
"""The optional packages of this layer, and the one sentence said when they are missing."""

from __future__ import annotations

from hypersketch import _optional

__all__ = ["LAB", "missing_sentence", "require"]

#: Packages of the extra ``lab``.
LAB = ("scipy", "rich", "typer", "matplotlib", "polars")


def missing_sentence(what: str, names: tuple[str, ...]) -> str | None:
    """What to tell a user who lacks some of the packages; None if all are there.

    Parameters
    ----------
    what : str
        What needs them.
    names : tuple of str
        Packages.

    Examples
    --------
    >>> missing_sentence("This example", ("no_such_package",))  # doctest: +ELLIPSIS
    "This example needs the extra 'lab' (missing: no_such_package)...
    """
    return _optional.missing_sentence(what, "lab", names)


def require(what: str, *names: str) -> None:
    """Refuses to go on without some packages.

    Parameters
    ----------
    what : str
        What needs them.
    *names : str
        Packages.

    Raises
    ------
    ModuleNotFoundError
        If one is missing, naming the extra that brings it.

    Examples
    --------
    >>> require("This example", "numpy")
    """
    _optional.require(what, "lab", *names)
