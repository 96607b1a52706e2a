"""The tree against RFC 6962's recursive definitions and Certificate Transparency's own vectors."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signets.core.evidence.merkle import (
    CompactTree,
    consistency_positions,
    consistency_proof,
    inclusion_positions,
    inclusion_proof,
    leaf_hash,
    root_of,
    stored_nodes,
    verify_consistency,
    verify_inclusion,
)

# The eight test leaves of Certificate Transparency's reference implementation, and their roots.
CT_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
CT_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
CT_INCLUSION_0_OF_8 = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]
CT_CONSISTENCY_1_TO_8 = CT_INCLUSION_0_OF_8
CT_CONSISTENCY_6_TO_8 = [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]
LEAVES = [leaf_hash(leaf) for leaf in CT_LEAVES]
MANY = [leaf_hash(b"%d" % number) for number in range(70)]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1, over leaf hashes."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha256(b"\x01" + naive_root(leaves[:k]) + naive_root(leaves[k:])).digest()


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_subproof(m: int, leaves: list[bytes], whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m <= k:
        return [*naive_subproof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_subproof(m - k, leaves[k:], False), naive_root(leaves[:k])]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_certificate_transparencys(size: int) -> None:
    """The published roots for sizes 0 to 8 come out."""
    assert root_of(LEAVES[:size]).hex() == CT_ROOTS[size]


def test_proofs_are_certificate_transparencys() -> None:
    """Published inclusion and consistency proofs come out."""
    stored = stored_nodes(LEAVES)
    assert [h.hex() for h in inclusion_proof(0, 8, stored)] == CT_INCLUSION_0_OF_8
    assert [h.hex() for h in consistency_proof(1, 8, stored)] == CT_CONSISTENCY_1_TO_8
    assert [h.hex() for h in consistency_proof(6, 8, stored)] == CT_CONSISTENCY_6_TO_8


@pytest.mark.parametrize("size", range(len(MANY) + 1))
def test_root_and_inclusion_equal_the_recursive_definition(size: int) -> None:
    """For every leaf of every size: same root, same path, and the path verifies."""
    leaves, stored = MANY[:size], stored_nodes(MANY[:size])
    root = root_of(leaves)
    assert root == naive_root(leaves)
    for index in range(size):
        proof = inclusion_proof(index, size, stored)
        assert list(proof) == naive_path(index, leaves)
        assert verify_inclusion(leaf=leaves[index], index=index, size=size, proof=proof, root=root)


@pytest.mark.parametrize("new", range(1, 41))
def test_consistency_equals_the_recursive_definition(new: int) -> None:
    """For every pair of sizes: same proof, and it verifies."""
    stored = stored_nodes(MANY[:new])
    for old in range(1, new + 1):
        proof = consistency_proof(old, new, stored)
        assert list(proof) == naive_subproof(old, MANY[:new], True)
        assert verify_consistency(
            old=old,
            new=new,
            old_root=root_of(MANY[:old]),
            new_root=root_of(MANY[:new]),
            proof=proof,
        )


@given(st.data())
def test_no_altered_inclusion_proof_verifies(data: st.DataObject) -> None:
    """Another leaf, index, size, root or proof is refused; nothing else is proven by a proof."""
    size = data.draw(st.integers(1, 40))
    index = data.draw(st.integers(0, size - 1))
    proof = list(inclusion_proof(index, size, stored_nodes(MANY[:size])))
    claim = {"leaf": MANY[index], "index": index, "root": root_of(MANY[:size])}
    what = data.draw(st.sampled_from(["leaf", "index", "root", "proof", "shorter", "longer"]))
    if what == "leaf":
        claim["leaf"] = MANY[(index + 1) % 70]
    elif what == "index":
        other = st.integers(-2, size + 2).filter(lambda other: other != index)
        claim["index"] = data.draw(other)
    elif what == "root":
        claim["root"] = root_of(MANY[: size + 1])
    elif what == "longer":
        proof.append(MANY[0])
    elif proof and what == "shorter":
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif proof:
        proof[data.draw(st.integers(0, len(proof) - 1))] = MANY[69]
    else:
        proof = [MANY[0]]
    assert not verify_inclusion(size=size, proof=proof, **claim)  # type: ignore[arg-type]


@given(st.data())
def test_no_altered_consistency_proof_verifies(data: st.DataObject) -> None:
    """A rewritten history has no proof: another old root, new root or proof is refused."""
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    proof = list(consistency_proof(old, new, stored_nodes(MANY[:new])))
    roots = {"old_root": root_of(MANY[:old]), "new_root": root_of(MANY[:new])}
    claimed = new
    what = data.draw(st.sampled_from(["old_root", "new_root", "swap", "drop", "add", "size"]))
    if what in roots:
        roots[what] = MANY[69]
    elif what == "swap":
        proof[data.draw(st.integers(0, len(proof) - 1))] = MANY[69]
    elif what == "drop":
        proof.pop()
    elif what == "size":  # a size with another number of levels
        claimed = data.draw(st.sampled_from([2 * new, 4 * new]))
    else:
        proof.append(MANY[69])
    assert not verify_consistency(old=old, new=claimed, proof=proof, **roots)


@given(st.integers(1, 70), st.integers(1, 70))
def test_positions_name_exactly_the_stored_nodes_that_are_read(one: int, two: int) -> None:
    """A store may fetch those positions in one query and serve the proof from them alone."""
    stored = stored_nodes(MANY)
    old, new = min(one, two), max(one, two)
    one_query = {place: stored(*place) for place in inclusion_positions(old - 1, new)}
    proof = inclusion_proof(old - 1, new, lambda level, index: one_query[level, index])
    assert proof == inclusion_proof(old - 1, new, stored)
    one_query = {place: stored(*place) for place in consistency_positions(old, new)}
    proof = consistency_proof(old, new, lambda level, index: one_query[level, index])
    assert proof == consistency_proof(old, new, stored)


def test_appending_resumes_from_the_stored_state() -> None:
    """Size and peaks are all that a sequencer must keep between batches."""
    first, nodes = CompactTree().extend(MANY[:23])
    resumed, more = CompactTree(size=first.size, peaks=first.peaks).extend(MANY[23:])
    assert resumed.root() == naive_root(MANY)
    assert len({(n.level, n.index) for n in (*nodes, *more)}) == len(nodes) + len(more)


@pytest.mark.parametrize(("size", "peaks"), [(3, 1), (-1, 1), (0, 1), (4, 2)])
def test_a_state_that_cannot_be_is_refused(size: int, peaks: int) -> None:
    """A damaged stored state is noticed before it can spoil a root."""
    with pytest.raises(ValueError):
        CompactTree(size=size, peaks=(MANY[0],) * peaks)


def test_proofs_outside_the_tree_are_refused() -> None:
    """There is no proof of a leaf that is not there, nor from a larger tree to a smaller."""
    stored = stored_nodes(MANY[:4])
    for index in (-1, 4):
        with pytest.raises(ValueError):
            inclusion_proof(index, 4, stored)
    for old in (0, 5):
        with pytest.raises(ValueError):
            consistency_proof(old, 4, stored)
