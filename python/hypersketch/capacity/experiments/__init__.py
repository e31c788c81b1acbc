# SPDX-License-Identifier: Apache-2.0
"""The experiments, one file each, and the table of their names."""

from __future__ import annotations

from hypersketch.capacity.experiments.accuracy import Accuracy
from hypersketch.capacity.experiments.base import Experiment, Quantity, Request
from hypersketch.capacity.experiments.binding_depth import BindingDepth
from hypersketch.capacity.experiments.bloom_fpr import BloomFpr
from hypersketch.capacity.experiments.bloom_intersection import BloomIntersection
from hypersketch.capacity.experiments.bsc_exact import BscExact
from hypersketch.capacity.experiments.cleanup import Cleanup, CleanupPairs
from hypersketch.capacity.experiments.continuous_beta import ContinuousBeta
from hypersketch.capacity.experiments.count_error import CountError
from hypersketch.capacity.experiments.dense_curse import DenseCurse
from hypersketch.capacity.experiments.dense_degree import DenseDegree
from hypersketch.capacity.experiments.entmax_exact import EntmaxExact
from hypersketch.capacity.experiments.frequency import Frequency
from hypersketch.capacity.experiments.hopfield_cliff import HopfieldCliff
from hypersketch.capacity.experiments.hopfield_error import HopfieldError
from hypersketch.capacity.experiments.hopfield_pm import HopfieldPm
from hypersketch.capacity.experiments.intersection import Intersection
from hypersketch.capacity.experiments.log_n import LogN
from hypersketch.capacity.experiments.membership import Membership
from hypersketch.capacity.experiments.nested import Nested
from hypersketch.capacity.experiments.noise import Noise
from hypersketch.capacity.experiments.pairs import Pairs
from hypersketch.capacity.experiments.projection import Projection
from hypersketch.capacity.experiments.quantization import Quantization
from hypersketch.capacity.experiments.resonator import ResonatorCapacity
from hypersketch.capacity.experiments.scaling_laws import ScalingLaws
from hypersketch.capacity.experiments.schlegel import Schlegel
from hypersketch.capacity.experiments.sequence import Sequence
from hypersketch.capacity.experiments.sequence_length import SequenceLength
from hypersketch.capacity.experiments.set_width import SetWidth
from hypersketch.capacity.experiments.sparse_distributed import SparseDistributed
from hypersketch.capacity.experiments.sparsey import SparseyCapacity
from hypersketch.capacity.experiments.storage_rules import StorageRules
from hypersketch.capacity.experiments.superposition import Superposition
from hypersketch.capacity.experiments.willshaw import WillshawCapacity

__all__ = ["EXPERIMENTS", "Experiment", "Quantity", "Request", "experiment"]

#: Every experiment by its name.
EXPERIMENTS: dict[str, Experiment] = {
    entry.name: entry
    for entry in (
        Membership(),
        Intersection(),
        Frequency(),
        Pairs(),
        Sequence(),
        Nested(),
        Cleanup(),
        CleanupPairs(),
        Schlegel(),
        Accuracy(),
        LogN(),
        BloomFpr(),
        BloomIntersection(),
        CountError(),
        Projection(),
        BscExact(),
        SequenceLength(),
        Noise(),
        BindingDepth(),
        Quantization(),
        ResonatorCapacity(),
        ScalingLaws(),
        Superposition(),
        SetWidth(),
        DenseCurse(),
        ContinuousBeta(),
        EntmaxExact(),
        HopfieldError(),
        HopfieldCliff(),
        StorageRules(),
        DenseDegree(),
        HopfieldPm(),
        SparseDistributed(),
        WillshawCapacity(),
        SparseyCapacity(),
    )
}


def experiment(name: str) -> Experiment:
    """The experiment of a name.

    Parameters
    ----------
    name : str
        For example ``membership``, or ``paper`` for all claims of the literature in one run.

    Raises
    ------
    ValueError
        If there is none, naming those there are.

    Examples
    --------
    >>> experiment("cleanup").default_universe
    1000
    """
    if name == "paper":
        from hypersketch.capacity.claims.experiment import Paper  # its claims need all other experiments

        return Paper()
    if name not in EXPERIMENTS:
        raise ValueError(
            f"Unknown experiment {name!r}. The known ones are: {', '.join([*EXPERIMENTS, 'paper'])}."
        )
    return EXPERIMENTS[name]
