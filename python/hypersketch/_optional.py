# SPDX-License-Identifier: Apache-2.0
"""Optional packages: the one sentence that names the extra of a missing one, and what their errors say."""

from __future__ import annotations

import importlib.util

__all__ = ["first_line", "missing_sentence", "require"]


def missing_sentence(what: str, extra: str, names: tuple[str, ...]) -> str | None:
    """Return what to tell a user who lacks some of the packages; None if all are there.

    Parameters
    ----------
    what : str
        What needs them.
    extra : str
        The extra of hypersketch that brings them.
    names : tuple of str
        Packages.

    Examples
    --------
    >>> missing_sentence("This example", "lab", ("no_such_package",))  # doctest: +ELLIPSIS
    "This example needs the extra 'lab' (missing: no_such_package)...
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return None
    return (
        f"{what} needs the extra '{extra}' (missing: {', '.join(missing)}). "
        f"Install it with: pip install 'hypersketch[{extra}]'"
    )


def require(what: str, extra: str, *names: str) -> None:
    """Refuse to go on without some packages.

    Parameters
    ----------
    what : str
        What needs them.
    extra : str
        The extra of hypersketch that brings them.
    *names : str
        Packages.

    Raises
    ------
    ModuleNotFoundError
        If one is missing, naming the extra that brings it.

    Examples
    --------
    >>> require("This example", "lab", "numpy")
    """
    sentence = missing_sentence(what, extra, names)
    if sentence is not None:
        raise ModuleNotFoundError(sentence)


def first_line(error: Exception) -> str:
    """Return the first line of an error's text, as the end of a sentence.

    Examples
    --------
    >>> first_line(ValueError("no such column\\nand much more"))
    'no such column.'
    """
    text = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return text if text.endswith(".") else text + "."
