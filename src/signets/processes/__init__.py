"""The long-running processes: API, worker, sandbox, and ``serve``, which runs them together."""
