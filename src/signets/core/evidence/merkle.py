"""The Merkle tree of RFC 6962, section 2: hashes, appending in O(log n), proofs, verification.

Nodes are named by position: ``(level, index)`` is the root of the *perfect* subtree over leaves
``index * 2**level`` up to ``(index + 1) * 2**level``; level 0 is the leaves. Only perfect subtrees
are ever stored: once complete they never change. Verification follows RFC 9162, 2.1.3.2, 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from hashlib import sha256

HASH_BYTES = 32
GetHash = Callable[[int, int], bytes]
"""``get_hash(level, index)``: the stored hash of a perfect subtree."""


def leaf_hash(entry: bytes) -> bytes:
    """SHA-256(0x00 || entry)."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Node:
    """A perfect subtree that an append completed: store it under its position."""

    level: int
    index: int
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class CompactTree:
    """All that is needed to append: the size, and the roots of its perfect subtrees (peaks).

    One peak per binary one of ``size``, largest subtree (leftmost) first.

    Raises:
        ValueError: The peaks do not fit the size.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.peaks) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves cannot have {len(self.peaks)} peaks")
        if any(len(peak) != HASH_BYTES for peak in self.peaks):
            raise ValueError(f"a peak is a hash of {HASH_BYTES} bytes")

    def append(self, leaf: bytes) -> tuple[CompactTree, tuple[Node, ...]]:
        """The tree with one more leaf *hash*, and the nodes that this completed (leaf first)."""
        index, peaks = self.size, list(self.peaks)
        nodes = [Node(0, index, leaf)]
        level, top = 0, leaf
        while index & 1:  # the leaf fills up a subtree: merge with the peak of the same size
            level, index, top = level + 1, index >> 1, node_hash(peaks.pop(), top)
            nodes.append(Node(level, index, top))
        return CompactTree(size=self.size + 1, peaks=(*peaks, top)), tuple(nodes)

    def extend(self, leaves: Iterable[bytes]) -> tuple[CompactTree, tuple[Node, ...]]:
        """:meth:`append` for many leaf hashes, in order."""
        tree, nodes = self, list[Node]()
        for leaf in leaves:
            tree, completed = tree.append(leaf)
            nodes.extend(completed)
        return tree, tuple(nodes)

    def root(self) -> bytes:
        """The root hash; of an empty tree, the hash of nothing."""
        if not self.peaks:
            return sha256(b"").digest()
        return reduce(lambda right, left: node_hash(left, right), reversed(self.peaks))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over these leaf hashes."""
    return CompactTree().extend(leaves)[0].root()


def stored_nodes(leaves: Sequence[bytes]) -> GetHash:
    """A :data:`GetHash` over leaf hashes held in memory."""
    _, nodes = CompactTree().extend(leaves)
    by_position = {(node.level, node.index): node.hash for node in nodes}
    return lambda level, index: by_position[level, index]


def inclusion_proof(index: int, size: int, get_hash: GetHash) -> tuple[bytes, ...]:
    """The audit path of leaf ``index`` in the tree of ``size`` leaves, lowest sibling first.

    Raises:
        ValueError: The leaf is not in the tree.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size} leaves")
    low, high = 0, size
    path: list[bytes] = []
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            path.append(_range_hash(middle, high, get_hash))
            high = middle
        else:
            path.append(_range_hash(low, middle, get_hash))
            low = middle
    return tuple(reversed(path))


def consistency_proof(old: int, new: int, get_hash: GetHash) -> tuple[bytes, ...]:
    """The proof that the tree of ``new`` leaves starts with the tree of ``old`` leaves.

    Raises:
        ValueError: Unless ``1 <= old <= new``.
    """
    if not 1 <= old <= new:
        raise ValueError(f"no consistency proof from {old} to {new} leaves")
    low, high, whole = 0, new, True
    path: list[bytes] = []
    while high != old:
        middle = low + _split(high - low)
        if old <= middle:
            path.append(_range_hash(middle, high, get_hash))
            high = middle
        else:
            path.append(_range_hash(low, middle, get_hash))
            low, whole = middle, False
    if not whole:  # the verifier knows the old root, but not this part of it
        path.append(_range_hash(low, high, get_hash))
    return tuple(reversed(path))


def inclusion_positions(index: int, size: int) -> frozenset[tuple[int, int]]:
    """The ``(level, index)`` of every node :func:`inclusion_proof` asks for: fetch in one go."""
    asked: set[tuple[int, int]] = set()
    inclusion_proof(index, size, _recorder(asked))
    return frozenset(asked)


def consistency_positions(old: int, new: int) -> frozenset[tuple[int, int]]:
    """The ``(level, index)`` of every node :func:`consistency_proof` will ask for."""
    asked: set[tuple[int, int]] = set()
    consistency_proof(old, new, _recorder(asked))
    return frozenset(asked)


def verify_inclusion(
    *, leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Whether the proof leads from this leaf hash at this index to the root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, current = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            current = node_hash(sibling, current)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and current == root


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Whether the new tree starts with the old one (RFC 9162, 2.1.4.2); 1 <= old <= new."""
    if not 1 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    path = list(proof)
    if old & (old - 1) == 0:  # a power of two: the old root is itself a node of the new tree
        path.insert(0, old_root)
    if not path:
        return False
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            from_new = node_hash(from_new, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and from_old == old_root and from_new == new_root


def _split(count: int) -> int:
    """The largest power of two below ``count`` (RFC 6962's k)."""
    return 1 << (count - 1).bit_length() - 1


def _range_hash(low: int, high: int, get_hash: GetHash) -> bytes:
    """Root of leaves ``low`` up to ``high``; ``low`` is aligned, as every RFC 6962 split is."""
    count = high - low
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return get_hash(level, low >> level)
    middle = low + _split(count)
    return node_hash(_range_hash(low, middle, get_hash), _range_hash(middle, high, get_hash))


def _recorder(asked: set[tuple[int, int]]) -> GetHash:
    def record(level: int, index: int) -> bytes:
        asked.add((level, index))
        return bytes(HASH_BYTES)

    return record
