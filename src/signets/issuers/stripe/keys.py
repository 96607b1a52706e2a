"""Whose money a Stripe key moves."""

from __future__ import annotations

import re

from signets.issuers.addresses import LOCAL_KEY_PREFIX

#: Secret and restricted keys, of an account or an organization.
_KEY = re.compile(r"(sk|rk)(_org)?_(?P<mode>live|test)_")


def is_live(api_key: str) -> bool:
    """Whether a key moves real money (``sk_live_…``, ``rk_live_…``, ``sk_org_live_…``).

    Raises:
        ValueError: The key does not say, so nobody knows whose money it moves.
    """
    if api_key.startswith(LOCAL_KEY_PREFIX):
        return False
    said = _KEY.match(api_key)
    if said is None:
        raise ValueError(
            "a Stripe key begins with `sk_test_`, `rk_test_`, `sk_live_` or `rk_live_`, and this "
            "one does not: test and live cannot be told apart"
        )
    return said["mode"] == "live"
