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

from hypersketch import _validation
from hypersketch.memories._tensor_sum import TensorSum, embeddings, require_embeddings
from hypersketch.vsa.structures import _readout
from hypersketch.vsa.structures._composite import Mergeable
from hypersketch.vsa.structures._order import commutes, keeps_similarity, turn
from hypersketch.vsa.structures._vocabulary import Memory, Symbols

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

    def __init__(self, space: Any, form: str, memory: Memory, predicates: Memory, episodes: Memory) -> None:
        self._begin(space, {"form": form}, memory=memory, predicates=predicates, episodes=episodes)

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

    @property
    def is_tensor(self) -> bool:
        return bool(self._values["form"] == "tensor")

    # ---- products

    def given(self, method: str, **slots: Any) -> dict[str, Symbols]:
        """Return the symbols of slots, as many of each."""
        memories = {name: MEMORIES[name.removesuffix("s")] for name in slots}
        made = self._paired(method, memories, **slots)
        return {name.removesuffix("s"): one for name, one in zip(slots, made, strict=True)}

    def _scoped(self, predicate: Rows, episode: Rows | None) -> Rows:
        if episode is None:
            return predicate
        return np.asarray(self.space.bind(turn(self.space, predicate, 1), episode))

    def _pair(self, subject: Rows, obj: Rows) -> Rows:
        """Return what the predicate is bound with."""
        pair = self.space.bind(turn(self.space, obj, 1), subject)
        return np.asarray(turn(self.space, pair, 1))

    def _product(self, slots: Mapping[str, Rows]) -> Rows:
        product = self.space.bind(self._pair(slots["subject"], slots["object"]), slots["predicate"])
        if "episode" not in slots:
            return np.asarray(product)
        return np.asarray(self.space.bind(turn(self.space, product, 1), slots["episode"]))

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
            self._bundle.add_vectors(np.concatenate([self._product(one) for one in sets]), weights)

    # ---- answers

    def weigh(self, found: Mapping[str, Symbols]) -> Floats:
        """Estimate the weights of facts."""
        slots = {name: one.rows for name, one in found.items()}
        if not self.is_tensor:
            scores, law = self._read(self._product(slots))
            return law.estimates(scores)
        one, two, three = self._embedded(slots)
        left = self._bundle.left(2, (one, two))
        return np.asarray((left * three).sum(axis=1) / (_squares(one) * _squares(two) * _squares(three)))

    def rank(self, slot: str, found: Mapping[str, Symbols], n: int, k: int) -> tuple[Rows, Floats]:
        """Return the places of the k candidates of a slot that weigh most, and their weights."""
        slots = {name: one.rows for name, one in found.items()}
        words = self._vocabularies[MEMORIES[slot]]
        if not self.is_tensor and self._unbinds(found.values()) and words.holds_atoms:
            best = words.nearest(self._left(slot, slots), k)
            law = self._now()[2](_readout.typical(self.space, 1))
            return best.indices, law.estimates(best.similarities)
        weigh = self._tensor_scores(slot, slots) if self.is_tensor else self._bundle_scores(slot, slots)
        scores = np.concatenate([weigh(rows) for _, rows in words.pieces()], axis=1)
        places = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        return places, np.take_along_axis(scores, places, axis=1)

    def _unbinds(self, known: Any) -> bool:
        """Whether what is left after unbinding compares with atoms as products do."""
        return commutes(self.space) and all(
            keeps_similarity(self.space, one.rows, atoms=one.atoms) for one in known
        )

    def _left(self, slot: str, slots: Mapping[str, Rows]) -> Rows:
        """Return what the known slots leave of the vector."""
        space, vector = self.space, self._now()[1]
        if slot == "episode":
            return np.asarray(space.unbind(vector, turn(space, self._product(slots), 1)))
        if "episode" in slots:
            vector = turn(space, space.unbind(vector, slots["episode"]), -1)
        if slot == "predicate":
            return np.asarray(space.unbind(vector, self._pair(slots["subject"], slots["object"])))
        left = turn(space, space.unbind(vector, slots["predicate"]), -1)
        if slot == "subject":
            return np.asarray(space.unbind(left, turn(space, slots["object"], 1)))
        return np.asarray(turn(space, space.unbind(left, slots["subject"]), -1))

    def _bundle_scores(self, slot: str, slots: Mapping[str, Rows]) -> Callable[[Rows], Floats]:
        def weigh(candidates: Rows) -> Floats:
            made = []
            for i in range(len(next(iter(slots.values())))):
                alike = {name: np.repeat(rows[i : i + 1], len(candidates), 0) for name, rows in slots.items()}
                scores, law = self._read(self._product({**alike, slot: candidates}))
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


def _squares(rows: Rows) -> Floats:
    return np.asarray(np.einsum("nd,nd->n", rows, rows, dtype=np.float64))
