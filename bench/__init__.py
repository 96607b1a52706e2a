"""Measurements: authorizations per second against pgbench on the same server."""
