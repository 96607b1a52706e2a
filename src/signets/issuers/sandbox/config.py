"""How one sandbox is set up."""

from __future__ import annotations

from dataclasses import dataclass, field

from signets.issuers.addresses import LOCAL_KEY_PREFIX

#: Seconds before each attempt of a webhook. Source: Lithic, "Events API", retry schedule.
LITHIC_RETRY_SECONDS = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 36_000.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxConfig:
    """Settings of a sandbox.

    Attributes:
        database_url: Its *own* PostgreSQL database, never the one of Signets.
        api_key: The one key it takes; starts with ``sandbox_``.
        deadline_seconds: When an unanswered real-time request counts as declined (Lithic: 6 s).
        stripe_deadline_seconds: When Stripe's default takes over from the responder (2 s).
        retry_seconds: Seconds before each attempt of a webhook.
        allow_remote: Whether callers other than this machine are served.
    """

    database_url: str = field(repr=False)
    api_key: str = field(repr=False)
    deadline_seconds: float = 6.0
    stripe_deadline_seconds: float = 2.0
    retry_seconds: tuple[float, ...] = LITHIC_RETRY_SECONDS
    allow_remote: bool = False

    def __post_init__(self) -> None:
        if not self.api_key.startswith(LOCAL_KEY_PREFIX) or len(self.api_key) < 24:
            raise ValueError(
                f"a sandbox key starts with `{LOCAL_KEY_PREFIX}` and has at least 24 characters"
            )
        if min(self.deadline_seconds, self.stripe_deadline_seconds) <= 0 or not self.retry_seconds:
            raise ValueError("the deadline must be positive and the retry schedule not empty")
