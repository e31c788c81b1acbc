# SPDX-License-Identifier: Apache-2.0
"""Facts as sums of products: of bound vectors in one vector, or of embeddings in a tensor.

A fact (s, p, o) is bind(turn(bind(turn(o), s)), p), as a labelled edge of `hypersketch.vsa.Graph`: the turns
tell subject, predicate and object from each other. A fact of an episode e is bind(turn(fact), e); in a tensor
its predicate is bind(turn(p), e).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from hypersketch import _device, _memory, _validation
from hypersketch.memories._tensor_sum import TensorSum, embeddings, require_embeddings
from hypersketch.vsa.structures import _readout
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._order import commutes, keeps_similarity, turn
from hypersketch.vsa.structures._vocabulary import Memory, Symbols, Vocabulary

Rows = NDArray[Any]
Floats = NDArray[np.float64]

SLOTS = ("subject", "predicate", "object", "episode")
MEMORIES = {"subject": "memory", "object": "memory", "predicate": "predicates", "episode": "episodes"}
"""Which item memory answers for which slot."""


class Facts(Mergeable):
    """A weighted sum of facts."""

    _OPTIONS: ClassVar[dict[str, _validation.Check]] = {"form": _validation.one_of("bundle", "tensor")}
    _FURTHER: ClassVar[tuple[str, ...]] = ("predicates", "episodes")
    _FACTORS: ClassVar[int] = 3

    _vector_there: tuple[Any, Any] | None = None

    def __init__(
        self,
        space: Any,
        form: str,
        memory: Memory,
        predicates: Memory,
        episodes: Memory,
        device: int | None = None,
    ) -> None:
        given = {"memory": memory, "predicates": predicates, "episodes": episodes}
        self._begin(space, {"form": form}, device, **given)
        if device is not None:
            self._vocabularies = self._placed_vocabularies(device)

    @classmethod
    def _checked(cls, **given: Any) -> dict[str, Any]:
        parameters = super()._checked(**given)
        if parameters["form"] == "tensor":
            require_embeddings("TripleMemory", parameters["space"])
        return parameters

    @classmethod
    def _bundle_of(cls, parameters: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        if parameters["form"] == "tensor":
            return TensorSum, {"dim": parameters["space"].dim}
        return super()._bundle_of(parameters)

    # ---- where the sum lies

    def _placed_vocabularies(self, device: int | None) -> dict[str, Any]:
        """Return item memories on a device; those of a tensor, which no search asks, on the host."""
        where, place = None if self.is_tensor else device, _there().vocabulary
        return {name: place(one, where) for name, one in self._vocabularies.items()}

    def moved(self, device: int | None) -> Facts:
        """Return an independent copy on a device; it shares item memories that were given."""
        with self._lock:
            if device == self._bundle._device_index:
                return self.copy()
            twin = object.__new__(type(self))
            bundle, memories = self._bundle.to(_device.name_of(device)), self._placed_vocabularies(device)
            twin._fill(dict(self._values), bundle, dict(self._numbers), memories)
            return twin

    def _placed(self, slots: Mapping[str, Rows]) -> dict[str, Any]:
        """Return vectors where they are bound: packed ones on the GPU of the sum, if it is on one."""
        device = self._bundle._device_index
        if device is None or self.is_tensor:
            return dict(slots)
        made: dict[str, Any] = _there().placed(self.space, slots, device)
        return made

    def _now(self) -> Any:
        """Return the vector in host memory, and how to read it."""
        if self._bundle._device_index is None:
            return super()._now()
        record = self._bundle._record
        if self._kept is None or self._kept[0] is not record:
            twin = self._bundle.to("cpu")
            self._kept = record, twin.vector, _readout.gauge(self.space, twin, twin.vector)
        return self._kept

    def _vector_beside(self, rows: Any) -> Any:
        """Return the vector where others are."""
        record, vector, _ = self._now()
        if not _device.is_on_gpu(rows):
            return vector
        if self._vector_there is None or self._vector_there[0] is not record:
            self._vector_there = record, _memory.moved(vector, self._bundle._device_index)
        return self._vector_there[1]

    def _read(self, rows: Any) -> Any:
        if not _device.is_on_gpu(rows):
            return super()._read(rows)
        scores = np.asarray(self.space.similarity(self._vector_beside(rows), rows))
        return scores, self._now()[2](np.ones(len(rows)))

    @property
    def is_tensor(self) -> bool:
        return bool(self._values["form"] == "tensor")

    # ---- products

    def given(self, method: str, **slots: Any) -> dict[str, Symbols]:
        """Return the symbols of slots, as many of each."""
        for name, one in slots.items():
            if _device.is_on_gpu(one):
                must = "keys in host memory, where those that answer are kept"
                _validation.refuse(f"Facts.{method}", name, must, "an array on a GPU", TypeError)
        memories = {name: MEMORIES[name.removesuffix("s")] for name in slots}
        made = self._paired(method, memories, **slots)
        return {name.removesuffix("s"): one for name, one in zip(slots, made, strict=True)}

    def _scoped(self, predicate: Rows, episode: Rows | None) -> Rows:
        if episode is None:
            return predicate
        return np.asarray(self.space.bind(turn(self.space, predicate, 1), episode))

    def _pair(self, subject: Any, obj: Any) -> Any:
        """Return what the predicate is bound with."""
        pair = self.space.bind(turn(self.space, obj, 1), subject)
        return turn(self.space, pair, 1)

    def _product(self, slots: Mapping[str, Any]) -> Any:
        product = self.space.bind(self._pair(slots["subject"], slots["object"]), slots["predicate"])
        if "episode" not in slots:
            return product
        return self.space.bind(turn(self.space, product, 1), slots["episode"])

    def _embedded(self, slots: Mapping[str, Rows]) -> tuple[Rows, Rows, Rows]:
        scoped = self._scoped(slots["predicate"], slots.get("episode"))
        rows = (slots["subject"], scoped, slots["object"])
        one, two, three = (embeddings(self.space, row) for row in rows)
        return one, two, three

    # ---- changes

    def put(self, method: str, found: Mapping[str, Symbols], weights: Any, sign: int) -> None:
        """Add facts, or take them away; those of an episode count for all times as well."""
        n = len(found["subject"].rows)
        checked = self._weights(method, weights, n, sign)
        signed = np.full(n, sign, np.int64) if checked is None else checked
        every = {name: one.rows for name, one in found.items()}
        plain = {name: rows for name, rows in every.items() if name != "episode"}
        sets = [plain, every] if "episode" in every else [plain]
        with self._lock:
            before = self._bundle.n_added
            try:
                self._sum_up(sets, np.tile(signed, len(sets)))
            finally:  # after Ctrl-C what is in is counted, and its keys are known
                added = self._bundle.n_added - before
                self._numbers["size"] += sign * added
                if sign > 0 and added:
                    for name, one in found.items():
                        self._vocabularies[MEMORIES[name]].note(one)

    def _sum_up(self, sets: list[dict[str, Rows]], weights: Rows) -> None:
        if self.is_tensor:
            parts = [np.concatenate(part) for part in zip(*map(self._embedded, sets), strict=True)]
            self._bundle.add_products(*parts, weights)
        else:
            products = [self._product(self._placed(one)) for one in sets]
            join = _there().behind_one_another if _device.is_on_gpu(products[0]) else np.concatenate
            self._bundle.add_vectors(join(products), weights)

    # ---- answers

    def weigh(self, found: Mapping[str, Symbols]) -> Floats:
        """Estimate the weights of facts."""
        slots = {name: one.rows for name, one in found.items()}
        if not self.is_tensor:
            scores, law = self._read(self._product(self._placed(slots)))
            return np.asarray(law.estimates(scores))
        one, two, three = self._embedded(slots)
        left = self._bundle.left(2, (one, two))
        return np.asarray((left * three).sum(axis=1) / (_squares(one) * _squares(two) * _squares(three)))

    def rank(self, slot: str, found: Mapping[str, Symbols], n: int, k: int) -> tuple[Rows, Floats]:
        """Return the places of the k candidates of a slot that weigh most, and their weights."""
        slots = {name: one.rows for name, one in found.items()}
        words = self._vocabularies[MEMORIES[slot]]
        if not self.is_tensor and self._unbinds(found.values()) and words.holds_atoms:
            probes = self._left(slot, self._placed(slots))
            find = _there().nearest if _device.is_on_gpu(probes) else _nearest
            places, similarities = find(words, probes, k)
            law = self._now()[2](_readout.typical(self.space, 1))
            return places, law.estimates(similarities)
        weigh = self._tensor_scores(slot, slots) if self.is_tensor else self._bundle_scores(slot, slots)
        scores = np.concatenate([weigh(rows) for _, rows in words.pieces()], axis=1)
        places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return places, np.take_along_axis(scores, places, axis=1)

    def _unbinds(self, known: Any) -> bool:
        """Whether what is left after unbinding compares with atoms as products do."""
        return commutes(self.space) and all(
            keeps_similarity(self.space, one.rows, atoms=one.atoms) for one in known
        )

    def _left(self, slot: str, slots: Mapping[str, Any]) -> Any:
        """Return what the known slots leave of the vector."""
        space, vector = self.space, self._vector_beside(next(iter(slots.values())))
        if slot == "episode":
            return space.unbind(vector, turn(space, self._product(slots), 1))
        if "episode" in slots:
            vector = turn(space, space.unbind(vector, slots["episode"]), -1)
        if slot == "predicate":
            return space.unbind(vector, self._pair(slots["subject"], slots["object"]))
        left = turn(space, space.unbind(vector, slots["predicate"]), -1)
        if slot == "subject":
            return space.unbind(left, turn(space, slots["object"], 1))
        return turn(space, space.unbind(left, slots["subject"]), -1)

    def _bundle_scores(self, slot: str, slots: Mapping[str, Rows]) -> Callable[[Rows], Floats]:
        def weigh(candidates: Rows) -> Floats:
            made, there = [], self._placed({**slots, slot: candidates})[slot]
            for i in range(len(next(iter(slots.values())))):
                one = {name: rows[i : i + 1] for name, rows in slots.items()}
                if _device.is_on_gpu(there):
                    alike = self._placed(one)
                else:
                    alike = {name: np.repeat(rows, len(candidates), 0) for name, rows in one.items()}
                scores, law = self._read(self._product({**alike, slot: there}))
                made.append(law.estimates(scores))
            return np.array(made).reshape(-1, len(candidates))

        return weigh

    def _tensor_scores(self, slot: str, slots: Mapping[str, Rows]) -> Callable[[Rows], Floats]:
        place = {"subject": 0, "object": 2}.get(slot, 1)
        known = dict(slots)
        if place != 1:
            known["predicate"] = self._scoped(slots["predicate"], slots.get("episode"))
        names = [name for name in ("subject", "predicate", "object") if name != SLOTS[place]]
        pair = tuple(embeddings(self.space, known[name]) for name in names)
        left = self._bundle.left(place, pair) / (_squares(pair[0]) * _squares(pair[1]))[:, np.newaxis]

        def weigh(candidates: Rows) -> Floats:
            if place != 1 or (slot == "predicate" and "episode" not in slots):
                rows = embeddings(self.space, candidates)
                return np.asarray(left @ rows.T / _squares(rows))
            made = []
            for i, one in enumerate(left):  # the predicate is bound with an episode: other rows each time
                other = slots["episode" if slot == "predicate" else "predicate"]
                alike = np.repeat(other[i : i + 1], len(candidates), axis=0)
                pairs = (candidates, alike) if slot == "predicate" else (alike, candidates)
                rows = embeddings(self.space, self._scoped(*pairs))
                made.append(rows @ one / _squares(rows))
            return np.array(made).reshape(-1, len(candidates))

        return weigh


def _nearest(words: Vocabulary, probes: Rows, k: int) -> tuple[Rows, Floats]:
    best = words.nearest(probes, k)
    return best.indices, best.similarities


def _there() -> Any:
    from hypersketch.memories import _facts_there

    return _facts_there


def _squares(rows: Rows) -> Floats:
    return np.asarray(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
