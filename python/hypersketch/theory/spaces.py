# SPDX-License-Identifier: Apache-2.0
"""Every vector space: how similar a bundle is to what it holds and what not, and what retrieval makes of it.

Models have the names of `hypersketch.vsa.space`; ``fhrr-sum`` is FHRR without phase normalisation and
``bsdc-thin`` is BSDC whose unions are cut to the half of the bits that most members have. Scores are the
space's similarities.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from . import _space_scores as laws
from . import _ternary_bundles, _unions, cleanup
from ._checks import count, real, refuse, subset_count
from ._cosines import Scores
from ._lattice_retrieval import (
    Lattice,
    full_score_top,
    lattice_single,
    lattice_top,
    line_single,
    line_top,
)
from ._search import least_passing

__all__ = ["MODELS", "Scores", "accuracy", "dimension", "moments", "top_k", "union"]

#: Names of the models.
MODELS = (
    "map-i",
    "map-b",
    "map-c",
    "map-t",
    "bsc",
    "hrr",
    "fhrr",
    "fhrr-sum",
    "vtb",
    "tvtb",
    "mbat",
    "bsdc-cdt",
    "bsdc-s",
    "bsdc-seg",
    "bsdc-thin",
    "b-sbc",
    "mcr",
    "cgr",
)
_UNIONS = ("bsdc-cdt", "bsdc-s", "bsdc-seg")
_DIGITS = ("b-sbc", "cgr")
_NO_UNBINDING = ("bsdc-cdt", "bsdc-thin")


def _checked(owner: str, model: str, dim: int, n: int, modulus: int, pairs: bool) -> tuple[int, int, int]:
    if model not in MODELS:
        refuse(owner, "model", f"one of {', '.join(MODELS)}", model)
    if pairs and model in _NO_UNBINDING:
        raise ValueError(f"The model {model!r} cannot unbind, so it has no accuracy for pairs.")
    least = 16 if model.startswith("bsdc") else 1
    return count(owner, "dim", dim, least), count(owner, "n", n), count(owner, "modulus", modulus, 2)


def moments(model: str, dim: int, n: int, *, pairs: bool = False, modulus: int = 64) -> Scores:
    """Return mean and standard deviation of the similarities of members and of other codewords.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    dim : int
        Dimension D; of block codes in bits.
    n : int
        Number of items, or of key-value pairs, in the bundle.
    pairs : bool, default False
        Whether the bundle is of pairs and was unbound by one key: the member is that key's value.
    modulus : int, default 64
        Order r of MCR and CGR, length of a block of b-sbc.

    Returns
    -------
    Scores
        ``hit_mean``, ``hit_sd``, ``rest_mean``, ``rest_sd``, the correlation of two members' scores and the
        excess kurtosis of the others'.

    Raises
    ------
    ValueError
        The model is not known, cannot unbind, or a size is out of its range.
    ImportError
        SciPy is not installed (angles and block codes).

    Notes
    -----
    Formulas 3.1, 3.6 and 4.12 to 4.14. Per entry of the vector, with n = 1 + m:

    * map-i: <x, a>/D has mean 1 and variance m/D; n/D for others. Derived.
    * map-b, bsc: c(n) = C(n-1, (n-1)/2) / 2^(n-1) and (1 - c^2)/D; 1/D. Kanerva (1997), derived.
    * map-t: as map-b for odd n; for even n cosines with entries that are 0 at ties. Derived.
    * bsdc-thin: what a cut to the D/2 places of most members leaves of each, averaged over the union's ones.
      Derived.
    * map-c, hrr, vtb, tvtb, mbat, fhrr-sum: cosines, by the delta method from the moments of <x, a>, |x|^2
      and |a|^2: for normal atoms 1/sqrt(n) and (1 - 1/n)^2/D. Pairs of hrr, vtb and tvtb score 1/sqrt(n + 1),
      as unbinding adds the noise of |k|^4. Derived.
    * fhrr: E cos is the walk integral INT J_1(t) J_0(t)^m dt/t. Derived.
    * mcr: the same walk's angle by its harmonics. b-sbc, cgr: E M / n for the fullest of r cells. Derived.
    * other bsdc: overlaps with a union over the geometric mean of both sizes. Derived (formula 4.12).

    Pairs of all other models have the law of bundles: unbinding moves entries and leaves them as they are.

    Examples
    --------
    >>> scores = moments("hrr", 1024, 15)
    >>> round(scores.hit_mean, 3), round(scores.hit_sd, 4), round(scores.rest_sd, 4)
    (0.258, 0.0292, 0.0312)
    >>> round(moments("fhrr", 1024, 15).hit_mean, 3)
    0.23
    """
    d, items, r = _checked("spaces.moments", model, dim, n, modulus, pairs)
    if model in (*_UNIONS, "bsdc-thin"):
        return _unions.scores(model, d, items)
    table: dict[str, Callable[[], Scores]] = {
        "map-i": lambda: laws.map_i(d, items),
        "map-b": lambda: laws.signs(d, items),
        "bsc": lambda: laws.signs(d, items),
        "map-t": lambda: laws.ternary(d, items),
        "map-c": lambda: laws.map_c(d, items, pairs),
        "hrr": lambda: (laws.hrr_pairs if pairs else laws.normal_bundle)(d, items),
        "vtb": lambda: (laws.vtb_pairs if pairs else laws.normal_bundle)(d, items),
        "tvtb": lambda: (laws.vtb_pairs if pairs else laws.normal_bundle)(d, items),
        "mbat": lambda: laws.normal_bundle(d, items),
        "fhrr": lambda: laws.fhrr(d, items),
        "fhrr-sum": lambda: laws.fhrr_sum(d, items),
        "mcr": lambda: laws.mcr(d, items, r),
        "cgr": lambda: laws.digits(d, items, r),
        "b-sbc": lambda: laws.digits(_blocks(d, r), items, r),
    }
    return table[model]()


def _is_signs(model: str, n: int) -> bool:
    """Whether bundles are signs alone: those of MAP-T have zeros where an even number of votes is equal."""
    return model in ("map-b", "bsc") or (model == "map-t" and n % 2 == 1)


def _blocks(dim: int, modulus: int) -> int:
    if dim % modulus:
        refuse("spaces.moments", "dim", f"a multiple of {modulus}, the length of a block", dim)
    return dim // modulus


def union(dim: int, n: int, *, thinned: bool = False) -> tuple[float, float]:
    """Return the density of a union of n sparse vectors of ceil(sqrt(D)) ones, and what it keeps of a member.

    Parameters
    ----------
    dim : int
        Dimension D, at least 16.
    n : int
        Number of members.
    thinned : bool, default False
        Whether the union is thinned by its own rotations to about ceil(sqrt(D)) ones (`BSDC.thin`).

    Returns
    -------
    tuple of float
        Expected density of the ones, and expected share of a member's ones among them (1 for a union).

    Raises
    ------
    ValueError
        A size is out of its range.

    Notes
    -----
    p = 1 - (1 - k/D)^n. K rotations leave each one with the chance (1 - p)^K, K = ln(k / (p D)) / ln(1 - p)
    rounded. Formulas 4.12 and 4.14 (Rachkovskij & Kussul 2001); the subtractive form derived.

    Examples
    --------
    >>> [round(value, 3) for value in union(484, 15)]
    [0.502, 1.0]
    >>> [round(value, 3) for value in union(10_000, 10, thinned=True)]
    [0.01, 0.11]
    """
    owner = "spaces.union"
    d, items = count(owner, "dim", dim, 16), count(owner, "n", n)
    k = math.isqrt(d - 1) + 1
    p = -math.expm1(items * math.log1p(-k / d))
    if not thinned or p * d <= k:
        return p, 1.0
    kept = (1.0 - p) ** round(math.log(k / (p * d)) / math.log1p(-p))
    return p * kept, kept


def _digits(model: str, dim: int, n: int, modulus: int) -> Lattice:
    """Return the integer scores of block codes."""
    return laws.digits_lattice(dim if model == "cgr" else _blocks(dim, modulus), n, modulus)


def top_k(model: str, dim: int, n: int, universe: int, *, modulus: int = 64) -> float:
    """Return the expected share of the n members of a bundle among the n best of N codewords.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    dim : int
        Dimension D; of block codes in bits.
    n : int
        Number of members.
    universe : int
        Number N of codewords, members included.
    modulus : int, default 64
        Order r of MCR and CGR, length of a block of b-sbc.

    Returns
    -------
    float
        Top-n accuracy, equal scores in random order.

    Raises
    ------
    ValueError
        The model is not known, a size is out of its range, or ``n`` is above ``universe``.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.6 with the laws of `moments`: exact lattices for map-b, bsc, map-t, b-sbc and cgr, all members
    at the highest score for unions (n / (n + T) with T strangers inside the union), Fisher's noncentral
    hypergeometric law for those cut to half (within .001 of 20,000 simulated bundles at D = 64, n = 30; up to
    .008 low at D = 64 where a union is as likely cut as not), normal members and strangers of the right
    kurtosis for the others; the members' correlation taken into account. Derived; simulated in the experiment
    ``cleanup``.

    Examples
    --------
    >>> [round(top_k(model, 484, 15, 1000), 3) for model in ("map-i", "hrr", "fhrr", "bsdc-s")]
    [0.993, 0.993, 1.0, 1.0]
    """
    owner = "spaces.top_k"
    d, items, r = _checked(owner, model, dim, n, modulus, False)
    total = subset_count(owner, items, universe)[1]
    if model == "map-i":
        return cleanup.map_i_top_k(d, items, total)
    if _is_signs(model, items):
        return cleanup.map_b_top_k(d, items, total)
    if model == "map-t":
        return _ternary_bundles.top_k(d, items, total)
    if model in _DIGITS:
        return lattice_top(_digits(model, d, items, r), items, total - items)
    if model == "bsdc-thin":
        rest = total - items
        return _unions.halved(
            d,
            items,
            lambda lattice: lattice_top(lattice, items, rest),
            lambda log_ties: full_score_top(log_ties, items, rest),
        )
    if model.startswith("bsdc"):
        return full_score_top(_unions.log_ties(model, d, items), items, total - items)
    return line_top(moments(model, d, items, modulus=r), items, total - items)


def accuracy(model: str, dim: int, n: int, universe: int, *, pairs: bool = False, modulus: int = 64) -> float:
    """Return the chance that one member scores above N - 1 codewords that the bundle does not hold.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    dim : int
        Dimension D; of block codes in bits.
    n : int
        Number of items (positions, pairs) in the bundle.
    universe : int
        Number N of codewords, the right one included.
    pairs : bool, default False
        Whether the bundle is of key-value pairs and was unbound by the right key.
    modulus : int, default 64
        Order r of MCR and CGR, length of a block of b-sbc.

    Returns
    -------
    float
        p_corr, equal scores in random order.

    Raises
    ------
    ValueError
        The model is not known, cannot unbind, or a size is out of its range.
    ImportError
        SciPy is not installed.

    Notes
    -----
    Formula 3.1, INT phi((u - mu_h)/sd_h)/sd_h Phi((u - mu_r)/sd_r)^(N-1) du (Frady, Kleyko & Sommer 2018),
    with the laws of `moments`; exact for map-b, bsc (3.2), map-t, b-sbc and cgr. Pairs of bsdc-s also lose to
    the values of keys that shift by the same number of places, each with the chance 1/D; in bsdc-seg they do
    so by segments, which is a stranger's chance of 1/length to meet that member. Derived; simulated, D = 16
    to 1024, N = 30 to 1000, within 1.5 standard errors (.001 to .003).

    Examples
    --------
    >>> round(accuracy("bsc", 1001, 51, 64), 3), round(accuracy("hrr", 512, 15, 1000, pairs=True), 2)
    (0.867, 0.99)
    """
    owner = "spaces.accuracy"
    d, items, r = _checked(owner, model, dim, n, modulus, pairs)
    total = count(owner, "universe", universe)
    if model == "map-i":
        return cleanup.map_i_accuracy(d, items, total)
    if _is_signs(model, items):
        return cleanup.map_b_accuracy(d, items, total, ties="random")
    if model == "map-t":
        return _ternary_bundles.accuracy(d, items, total)
    if model in _DIGITS:
        return lattice_single(_digits(model, d, items, r), total - 1)
    if model == "bsdc-thin":
        return _unions.halved(
            d,
            items,
            lambda lattice: lattice_single(lattice, total - 1),
            lambda log_ties: full_score_top(log_ties, 1, total - 1),
        )
    if model.startswith("bsdc"):
        # Keys that shift alike bring back each other's values: one of D shifts each.
        twins = (min(items, total) - 1, 1.0 / d) if pairs and model == "bsdc-s" else (0, 0.0)
        return full_score_top(_unions.log_ties(model, d, items), 1, total - 1, twins)
    return line_single(moments(model, d, items, pairs=pairs, modulus=r), total - 1)


def dimension(
    model: str,
    n: int,
    universe: int = 1000,
    accuracy_wanted: float = 0.99,
    *,
    pairs: bool = False,
    modulus: int = 64,
) -> int:
    """Return the least dimension whose predicted accuracy reaches the wanted one.

    Parameters
    ----------
    model : str
        One of `MODELS`.
    n : int
        Number of members, or of pairs.
    universe : int, default 1000
        Number N of codewords, members included.
    accuracy_wanted : float, default 0.99
        In (0, 1).
    pairs : bool, default False
        Whether pairs are unbound (`accuracy`); else the n best of N count (`top_k`).
    modulus : int, default 64
        Order r of MCR and CGR, length of a block of b-sbc, whose dimensions are multiples of it.

    Returns
    -------
    int
        Dimension.

    Raises
    ------
    ValueError
        As `top_k` and `accuracy`, or when no dimension up to 2**26 suffices.
    ImportError
        SciPy is not installed.

    Examples
    --------
    >>> [dimension(model, 15) // 10 * 10 for model in ("map-i", "map-b", "fhrr")]
    [450, 720, 290]
    """
    owner = "spaces.dimension"
    wanted = real(owner, "accuracy_wanted", accuracy_wanted, 0.0, 1.0, "()")
    _checked(owner, model, 64 * modulus, n, modulus, pairs)
    step = modulus if model == "b-sbc" else 1
    least = 16 if model.startswith("bsdc") else 2 if step == 1 else 1

    def reached(steps: int) -> bool:
        dim = step * steps
        found = (
            accuracy(model, dim, n, universe, pairs=pairs, modulus=modulus)
            if pairs
            else top_k(model, dim, n, universe, modulus=modulus)
        )
        return found >= wanted

    steps = least_passing(reached, least, least - 1, 2**26 // step)
    if steps is None:
        refuse(owner, "accuracy_wanted", "an accuracy that some dimension up to 2**26 reaches", wanted)
    return step * steps
