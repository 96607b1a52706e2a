"""The ``signets`` command where only the SDK is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"


def test_without_the_server_parts_the_command_says_what_to_install():
    """With a server library missing, one line names the extra to install, and the code is 2."""
    done = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys; sys.modules['typer'] = None; from signets.__main__ import main;"
            " sys.exit(main())",
        ],
        env={"PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr == (
        "signets: the command needs the server parts; install them with: "
        "pip install 'signets[server]'\n"
    )
