"""Pictures that are read when they are asked for, and arrays that fill a temporary file instead of the memory."""

import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from functools import cached_property, partial
from threading import Lock
from typing import Any, NamedTuple, TypeVar

import numpy as np

LIMIT = 128 * 2**20
"""Bytes of pictures that a cache or a spool keeps in memory."""

K = TypeVar("K")


class PictureCache:
    """The pictures that were read last, as many as fit into `limit` bytes, and at least one."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.size = limit, 0
        self.entries: OrderedDict[Picture, np.ndarray] = OrderedDict()
        self.lock = Lock()

    def read(self, picture: "Picture") -> np.ndarray:
        """Return the pixels of a picture, loaded if they are not in memory."""
        with self.lock:
            if picture in self.entries:
                self.entries.move_to_end(picture)
                return self.entries[picture]
        pixels = picture.load()  # without the lock: several threads decode side by side
        with self.lock:
            self.size += 0 if picture in self.entries else pixels.nbytes
            self.entries[picture] = pixels
            while self.size > self.limit and len(self.entries) > 1:
                self.size -= self.entries.popitem(last=False)[1].nbytes
        return pixels


class Picture:
    """A picture that is not in memory: the function that loads its uint8 pixels, and their shape (H, W, 3).

    >>> black = Picture(lambda: np.zeros((4, 6, 3), np.uint8), PictureCache())
    >>> black.shape, black.read() is black.read()
    ((4, 6, 3), True)
    """

    def __init__(self, load: Callable[[], np.ndarray], cache: PictureCache) -> None:
        self.load, self.cache = load, cache
        self.shape = self.read().shape

    def read(self) -> np.ndarray:
        """Return the pixels. The last pictures of a cache stay in memory."""
        return self.cache.read(self)


class _Place(NamedTuple):
    """The place of an array in the file of a spool."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class Spool(MutableMapping[K, np.ndarray]):
    """Arrays by key: the first ones in memory, up to `limit` bytes, and the others in a temporary file without a name.

    The file goes when the spool does.

    >>> spool = Spool[str](limit=4)
    >>> spool["a"], spool["b"] = np.arange(4, dtype=np.uint8), np.arange(3)
    >>> spool["b"].tolist(), len(spool)
    ([0, 1, 2], 2)
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit, self.size, self.end = limit, 0, 0
        self.arrays: dict[K, np.ndarray] = {}
        self.places: dict[K, _Place] = {}
        self.cache, self.lock = PictureCache(), Lock()

    @cached_property
    def _file(self) -> Any:
        return tempfile.TemporaryFile(buffering=0, prefix="bench-spool-")

    def __setitem__(self, key: K, array: np.ndarray) -> None:
        self.size -= self.arrays[key].nbytes if key in self.arrays else 0
        if key not in self.places and self.size + array.nbytes <= self.limit:
            self.arrays[key] = array
            self.size += array.nbytes
            return
        self.arrays.pop(key, None)
        place = self.places.get(key)
        if place is None or place[1:] != (array.shape, array.dtype):
            place = self.places[key] = _Place(self.end, array.shape, array.dtype)
            self.end += array.nbytes
        with self.lock:
            self._file.seek(place.offset)
            self._file.write(np.ascontiguousarray(array).data)

    def __getitem__(self, key: K) -> np.ndarray:
        if key in self.arrays:
            return self.arrays[key]
        offset, shape, dtype = self.places[key]
        array = np.empty(shape, dtype)
        with self.lock:
            self._file.seek(offset)
            self._file.readinto(array.data)
        return array

    def __delitem__(self, key: K) -> None:
        if key in self.arrays:
            self.size -= self.arrays.pop(key).nbytes
        else:
            del self.places[key]

    def __iter__(self) -> Iterator[K]:
        yield from self.arrays
        yield from self.places

    def __len__(self) -> int:
        return len(self.arrays) + len(self.places)

    def picture(self, key: K) -> np.ndarray | Picture:
        """Return the picture of a key: its array, or where that is in the file a `Picture` that reads it."""
        return self.arrays[key] if key in self.arrays else Picture(partial(self.__getitem__, key), self.cache)
