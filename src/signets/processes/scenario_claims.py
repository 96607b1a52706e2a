"""Disputes of a scenario, opened and withdrawn at Signets by a member."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from signets.client.errors import APIStatusError
from signets.issuers.sandbox.scenarios import DriverRefused
from signets.processes.scenario_system import Account


@dataclass(frozen=True, slots=True)
class SignetsClaims:
    """Disputes as a member opens and withdraws them at Signets."""

    account: Account

    async def open_dispute(self, token: str, amount: int) -> str:
        """Submitted at once, or by the sweep."""
        account = self.account
        async with account.services.store.unlocked(account.org_id) as uow:
            row = await uow.transactions.by_token(account.connection.id, token)
        if row is None:
            raise DriverRefused("Signets knows no such transaction", httpx.codes.NOT_FOUND)
        made = await account.admin.disputes.open(row.id, reason="not_received", amount=amount)
        if made.issuer_token is None:
            await account.arrive()
            made = await account.admin.disputes.get(made.id)
        return made.issuer_token or ""

    async def withdraw_dispute(self, dispute: str) -> bool:
        """Whether the issuer let it go."""
        async for one in self.account.admin.disputes.list():
            if one.issuer_token == dispute:
                try:
                    return (await self.account.admin.disputes.withdraw(one)).state == "withdrawn"
                except APIStatusError as error:
                    if error.code != "withdrawal_unsupported":
                        raise
        return False
