"""Counters and histograms for Prometheus, on a registry of their own."""

from __future__ import annotations

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

_REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 6.0)
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


class Metrics:
    """What the API counts. Labels come from closed sets only: templates, never addresses."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._requests = Counter(
            "signets_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "signets_http_request_seconds",
            "Time from a request's arrival to the end of its answer.",
            ("method", "route"),
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )
        self._decisions = Counter(
            "signets_decisions",
            "Authorization requests answered, by outcome and reason.",
            ("outcome", "reason"),
            registry=registry,
        )
        self._decision_seconds = Histogram(
            "signets_decision_seconds",
            "Time from reading an authorization request to its durable decision.",
            buckets=_REQUEST_SECONDS,
            registry=registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one HTTP request. ``route`` is the template; status 0 means never answered."""
        known = method if method in _METHODS else "other"
        counter, histogram = self._of(known, route, status)
        counter.inc()
        histogram.observe(seconds)

    @cache  # noqa: B019 - the object lives as long as the process, and the labels are few
    def _of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        """Looking labels up anew for each request costs more than counting."""
        return (
            self._requests.labels(method, route, str(status)),
            self._seconds.labels(method, route),
        )

    def decision(self, outcome: str, reason: str | None, seconds: float) -> None:
        """Count one authorization decision (``approved`` or ``declined``, and why)."""
        self._of_decision(outcome, reason or "").inc()
        self._decision_seconds.observe(seconds)

    @cache  # noqa: B019 - as above
    def _of_decision(self, outcome: str, reason: str) -> Counter:
        return self._decisions.labels(outcome, reason)
