# SPDX-License-Identifier: Apache-2.0
"""Memories: structures that store patterns in a matrix."""

from __future__ import annotations

from hypersketch.memories.hopfield import HopfieldMembership

__all__ = ["HopfieldMembership"]
