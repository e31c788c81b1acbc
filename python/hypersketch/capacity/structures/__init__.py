# SPDX-License-Identifier: Apache-2.0
"""The structures that experiments and planner know, each behind the same small protocol."""

from __future__ import annotations

from collections.abc import Iterable

from hypersketch.capacity.structures.base import Structure
from hypersketch.capacity.structures.bloom import Bloom, CacheLineBloom, SplitBlockBloom
from hypersketch.capacity.structures.continuous import CONTINUOUS
from hypersketch.capacity.structures.count_sketch import ConservativeCountMin, CountMin, SignedRows
from hypersketch.capacity.structures.counting_bloom import CountingBloom
from hypersketch.capacity.structures.hopfield import Hopfield
from hypersketch.capacity.structures.linear import Neighbours, OuterProducts
from hypersketch.capacity.structures.map_b import MapBundleB
from hypersketch.capacity.structures.map_i import MapBundleI
from hypersketch.capacity.structures.networks import DensePatterns, NetworkPatterns
from hypersketch.capacity.structures.projection import DenseSigns, SparseSigns, TensorSketch
from hypersketch.capacity.structures.quantized import QuantizedSums
from hypersketch.capacity.structures.spaces import SPACES
from hypersketch.capacity.structures.sparse_patterns import Kanerva, Sparsey, Willshaw

__all__ = ["STRUCTURES", "Structure", "known_structures", "structure"]

#: Every structure by its name, in the order of tables and figures.
STRUCTURES: dict[str, Structure] = {
    entry.name: entry
    for entry in (
        Bloom(),
        SplitBlockBloom(),
        CacheLineBloom(),
        CountingBloom(),
        SignedRows(),
        CountMin(),
        ConservativeCountMin(),
        MapBundleI(),
        MapBundleB(),
        QuantizedSums(),
        *SPACES,
        Hopfield(),
        NetworkPatterns(),
        DensePatterns(),
        DenseSigns(),
        SparseSigns(),
        TensorSketch(),
        OuterProducts(),
        Neighbours(),
        *CONTINUOUS,
        Kanerva(),
        Willshaw(),
        Sparsey(),
    )
}


def structure(name: str, device: str = "cpu") -> Structure:
    """The structure of a name.

    Parameters
    ----------
    name : str
        For example ``map-i``.
    device : str, default 'cpu'
        Where it makes its objects.

    Raises
    ------
    ValueError
        If there is none, naming those there are, or it has no GPU kernels.

    Examples
    --------
    >>> structure("map-i").title
    'MAP-I'
    """
    if name not in STRUCTURES:
        raise ValueError(f"Unknown structure {name!r}. The known ones are: {', '.join(STRUCTURES)}.")
    return STRUCTURES[name] if device == "cpu" else STRUCTURES[name].on(device)


def known_structures(task: str, names: Iterable[str] | None = None) -> list[Structure]:
    """Structures for a task: all that can do it, or the named ones.

    Parameters
    ----------
    task : str
        Name of an experiment.
    names : iterable of str, optional
        Names of structures.

    Raises
    ------
    ValueError
        If a name is unknown, or that structure cannot do the task.

    Examples
    --------
    >>> [entry.name for entry in known_structures("nested")]
    ['map-i', 'map-b']
    """
    able = [entry for entry in STRUCTURES.values() if task in entry.tasks]
    if names is None:
        return able
    chosen = [structure(name) for name in dict.fromkeys(names)]
    for entry in chosen:
        if entry not in able:
            known = ", ".join(other.name for other in able)
            raise ValueError(f"The structure {entry.name!r} has no {task}. Those that have: {known}.")
    return chosen
