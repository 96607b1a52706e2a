"""The secret that seals everything is made once, privately, however many processes start."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from signets.core.errors import Refusal
from signets.vault import load_secret


def test_starters_of_one_moment_share_one_private_secret(tmp_path: Path):
    """Of many that find no file, one makes it, all read the same, and nothing else is left."""
    for turn in range(30):
        folder, together = tmp_path / str(turn), Barrier(8)

        def start(folder: Path = folder, together: Barrier = together) -> bytes:
            together.wait()
            return load_secret(None, folder)

        with ThreadPoolExecutor(8) as starters:
            found = {ready.result() for ready in [starters.submit(start) for _ in range(8)]}
        assert len(found) == 1
        assert [one.name for one in folder.iterdir()] == ["secret.key"]
        assert stat.S_IMODE((folder / "secret.key").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "c2hvcnQ=", "not base64 at all"])
def test_a_broken_file_is_named_and_never_replaced(tmp_path: Path, text: str):
    """A secret that cannot be used stops the start: a new one would orphan all that is sealed."""
    path = tmp_path / "secret.key"
    path.write_text(text)

    with pytest.raises(Refusal) as refused:
        load_secret(None, tmp_path)
    assert refused.value.code == "secret_invalid"
    assert str(path) in refused.value.message
    assert path.read_text() == text
