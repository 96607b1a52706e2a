"""The ``signets`` command: hands over to the CLI, or says what to install when it is not there."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command line.

    The SDK installs alone; without the server parts this says in one line how to get them and
    returns 2. A missing module of our own is a bug and is raised.
    """
    try:
        from signets.cli.main import main as run
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] == "signets":
            raise
        print(
            "signets: the command needs the server parts; install them with: "
            "pip install 'signets[server]'",
            file=sys.stderr,
        )
        return 2
    return run() or 0


if __name__ == "__main__":
    sys.exit(main())
