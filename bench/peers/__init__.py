# SPDX-License-Identifier: Apache-2.0
"""One file a peer, in it one small class: the same work through the peer's best API.

A constructor raises `Missing` where its peer is not installed; the suites report that, never hide it.
"""

from __future__ import annotations

import importlib.metadata


class Missing(Exception):
    """Says which peer is not there, and how to get it."""


def version_of(package: str) -> str | None:
    """Installed version of a peer, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def name_of(package: str) -> str:
    """Package and version, for the results. Raises `Missing` without the package."""
    version = version_of(package)
    if version is None:
        raise Missing(f"{package} is not installed (pip install '.[bench]')")
    return f"{package} {version}"
