# SPDX-License-Identifier: Apache-2.0
"""On what a run measures: the CPU, or a GPU for the structures that have kernels for one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import NamedTuple

from hypersketch import _device, _validation
from hypersketch.capacity.experiments import EXPERIMENTS, Experiment, Request
from hypersketch.capacity.structures import STRUCTURES, known_structures

__all__ = ["Place", "able", "experiments_on_gpu", "place", "placed"]


class Place(NamedTuple):
    """A device, and what it is.

    Examples
    --------
    >>> place("cpu")
    Place(device='cpu', gpu=None)
    """

    device: str
    """``cpu``, or the GPU's full name, such as ``cuda:0``."""
    gpu: str | None
    """Its model."""


def able(task: str) -> list[str]:
    """Names of the structures that can do a task on a GPU.

    Examples
    --------
    >>> able("frequency"), able("nested")
    (['counting-bloom', 'count-sketch', 'count-min', 'map-i', 'hopfield'], ['map-i', 'map-b'])
    """
    return [name for name, entry in STRUCTURES.items() if entry.runs_on_gpu(task)]


def experiments_on_gpu() -> list[str]:
    """Names of the experiments that can run on a GPU.

    Examples
    --------
    >>> experiments_on_gpu()[:3]
    ['membership', 'intersection', 'frequency']
    """
    return [name for name in EXPERIMENTS if able(name)]


def place(device: str) -> Place:
    """Look for a device on this machine.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda``, ``cuda:1`` and so on.

    Raises
    ------
    TypeError, ValueError
        If there is no such device.
    RuntimeError
        If no GPU can be used, with the sentence of `hypersketch.cuda.why_not`.

    Examples
    --------
    >>> place("cpu").device
    'cpu'
    """
    index = _device.resolve("run", device)
    if index is None:
        return Place("cpu", None)
    from hypersketch import cuda

    return Place(_device.name_of(index), cuda.devices()[index].name)


def placed(
    chosen: Experiment, request: Request, device: str, executor: Executor | None
) -> tuple[Request, Place]:
    """A request for a device: of its structures those that the device can have; refused before anything runs.

    Parameters
    ----------
    chosen : Experiment
        What to run.
    request : Request
        What the caller asked for.
    device : str
        Where.
    executor : Executor or None
        Where the cells will be measured. It is asked for the GPU then, not this process: a worker that is
        forked from a process that has used CUDA cannot use it.

    Raises
    ------
    TypeError, ValueError, RuntimeError
        If a structure has no GPU kernels, or there is no such device.

    Examples
    --------
    >>> from hypersketch.capacity.experiments import experiment
    >>> placed(experiment("cleanup"), Request(), "cpu", None)[1]
    Place(device='cpu', gpu=None)
    """
    if device == "cpu":
        return request, Place("cpu", None)
    names = _structures(chosen.name, request.structures, device)
    found = place(device) if executor is None else executor.submit(place, device).result()
    return replace(request, structures=names, device=found.device), found


def _structures(task: str, asked: Sequence[str] | None, device: str) -> tuple[str, ...]:
    """The structures to measure on a GPU: all that can, or those asked for, if they can."""
    names = able(task)
    if not names:
        must = (
            f"'cpu' for the experiment {task}, which needs structures that have no GPU kernels (experiments "
            f"that can run on a GPU: {', '.join(experiments_on_gpu())})"
        )
        _validation.refuse("run", "device", must, device)
    if asked is None:
        return tuple(names)
    wanted = [entry.name for entry in known_structures(task, asked)]
    without = [name for name in wanted if name not in names]
    if without:
        which = f"{' and '.join(without)}, which {'has' if len(without) == 1 else 'have'} no GPU kernels"
        must = f"'cpu' for {which} (structures of {task} that have: {', '.join(names)})"
        _validation.refuse("run", "device", must, device)
    return tuple(wanted)
