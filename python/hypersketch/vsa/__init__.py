# SPDX-License-Identifier: Apache-2.0
"""Vector symbolic architectures: spaces of hypervectors, bundles of them, and search among them."""

from __future__ import annotations

from hypersketch.vsa.bundle import Bundle, PackedBundle
from hypersketch.vsa.search import nearest, within
from hypersketch.vsa.spaces import MapB, MapI

__all__ = ["Bundle", "MapB", "MapI", "PackedBundle", "nearest", "within"]
