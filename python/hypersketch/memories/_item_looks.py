# SPDX-License-Identifier: Apache-2.0
"""What an item memory holds: its keys and vectors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hypersketch import _threads, _validation
from hypersketch.memories._item_keys import KeyBatch, parsed
from hypersketch.memories._item_state import Items
from hypersketch.memories._item_store import ItemStore

CodebookName = Literal["stored", "procedural", "hadamard"]


class ItemLooks(ItemStore):
    """The methods that show what is there."""

    @property
    def space(self) -> Any:
        """The space whose vectors are kept.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100)).space
        MapB(dim=100, seed=0)
        """
        return self._space

    @property
    def codebook(self) -> CodebookName:
        """Where vectors come from: see the class.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100), codebook="procedural").codebook
        'procedural'
        """
        name: CodebookName = self._values["codebook"]
        return name

    @property
    def seed(self) -> int:
        """Seed of the space.

        >>> import hypersketch
        >>> hypersketch.ItemMemory(hypersketch.MapB(100, seed=7)).seed
        7
        """
        return int(self._space.seed)

    @property
    def nbytes(self) -> int:
        """Size of what is kept in bytes: vectors, hashes and texts of keys.

        >>> import hypersketch
        >>> for codebook in ("stored", "procedural"):
        ...     memory = hypersketch.ItemMemory(hypersketch.MapB(10_000), codebook=codebook)
        ...     memory.add(range(1000))
        ...     print(memory.nbytes)
        1264000
        8000
        """
        return self._items.nbytes

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        shown = f"{self._space}, codebook={self.codebook!r}, n_items={len(self)}"
        where = "" if self.device == "cpu" else f", device={self.device!r}"
        return f"ItemMemory({shown}{where})"

    @property
    def keys(self) -> NDArray[Any]:
        """All keys, in the order in which they were added.

        An array of int64 while all are integers that it holds, otherwise of objects: int, str and bytes.

        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.keys
        array(['red', 'green'], dtype=object)
        """
        items = self._items
        return items.keys.taken(np.arange(len(items)))

    @property
    def vectors(self) -> NDArray[Any]:
        """The vectors of all items, in the order of `keys`: a read-only view where they are stored.

        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.vectors.shape
        (2, 2)
        """
        book = self._items.book
        view: NDArray[Any] = book.rows(slice(0, len(book)), _threads.get_num_threads()).view()
        view.flags.writeable = False
        return view

    def _found(self, items: Items, keys: Any, threads: int | None) -> tuple[KeyBatch, NDArray[np.intp]]:
        batch = parsed(keys, threads)
        with self._lock:  # finding prepares what later finds use
            return batch, items.keys.find(batch.hashes)

    def _required(self, items: Items, keys: Any, threads: int | None) -> NDArray[np.intp]:
        """Return the places of keys, all of which must be here."""
        batch, places = self._found(items, keys, threads)
        if (places < 0).any():
            stranger = batch.key(int(np.argmax(places < 0)))
            raise KeyError(f"There is no key {_validation.shown(stranger)} in this ItemMemory.")
        return places

    def contains(self, keys: Any, *, threads: int | None = None) -> NDArray[np.bool_]:
        """Tell which keys are in the memory, exactly.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys, as for `hypersketch.hash_keys`.
        threads : int, optional
            Threads for hashing; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray of bool, shape (n,)

        Raises
        ------
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> memory = hypersketch.ItemMemory(hypersketch.MapB(100))
        >>> memory.add(["red", "green"])
        >>> memory.contains(["red", "grey"]), "green" in memory
        (array([ True, False]), True)
        """
        return self._found(self._items, keys, threads)[1] >= 0

    def __contains__(self, key: object) -> bool:
        found = self.contains(key)
        if found.size != 1:
            _validation.refuse("'in' of ItemMemory", "key", "one int, str or bytes", key, TypeError)
        return bool(found[0])

    def vector(self, keys: Any, *, threads: int | None = None) -> NDArray[Any]:
        """Return the vectors of keys, one a row.

        Parameters
        ----------
        keys : int, str, bytes or a batch of them
            n keys of the memory.
        threads : int, optional
            Threads for computed vectors; default `hypersketch.get_num_threads`.

        Returns
        -------
        ndarray, shape (n, width)

        Raises
        ------
        KeyError
            For a key that is not in the memory.
        TypeError, ValueError
            For keys that `hypersketch.hash_keys` refuses.

        Examples
        --------
        >>> import hypersketch
        >>> space = hypersketch.MapB(100)
        >>> memory = hypersketch.ItemMemory(space)
        >>> memory.add(["red", "green"])
        >>> bool((memory.vector("green") == space.atoms("green")).all())
        True
        """
        items, n_threads = self._items, _threads.resolve("ItemMemory.vector", threads)
        return items.book.taken(self._required(items, keys, threads), n_threads)
