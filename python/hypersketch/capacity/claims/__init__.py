# SPDX-License-Identifier: Apache-2.0
"""Claims of the literature that the library makes again, one file a family."""

from __future__ import annotations

from functools import cache

from hypersketch.capacity.claims import bindings, bloom, cleanup, hopfield, map_b, map_i
from hypersketch.capacity.claims.base import Case, Claim

__all__ = ["SECTIONS", "Case", "Claim", "all_claims"]

#: Headings of the page, by the first characters of a claim's key.
SECTIONS = {
    "1.": "MAP-I: sums of sign vectors",
    "1b": "Pairs, grids and shifts (MAP-I)",
    "2.": "MAP-B: majorities of sign vectors",
    "3.": "Cleanup: finding the stored items in a codebook",
    "4.": "Bloom filters and counting Bloom filters",
    "6.": "Hopfield±: signed outer products",
}


@cache
def all_claims() -> dict[str, Claim]:
    """Every claim by its key, in the order of the page.

    Examples
    --------
    >>> list(all_claims())[0]
    '1.1 stranger'
    """
    families = (map_i, bindings, map_b, cleanup, bloom, hopfield)
    return {claim.key: claim for family in families for claim in family.claims()}
