"""Policy documents: store a version, look at versions."""

from __future__ import annotations

from typing import Any

from signets.app.bound_card import block_on_open_cards
from signets.app.caller import Caller, not_found
from signets.app.journal import record
from signets.app.known_merchants import own_vendors
from signets.app.records import PolicyVersion
from signets.app.services import Services
from signets.app.store import UnitOfWork
from signets.core.access import Scope
from signets.core.errors import invalid
from signets.core.evidence.canonical import encode_canonical
from signets.core.merchant.custom import with_custom
from signets.core.merchant.document import render_document
from signets.core.pan import refuse_pan
from signets.core.policy.model import Policy
from signets.core.policy.parse import parse_policy
from signets.core.policy.render import render_policy


async def set_policy(services: Services, caller: Caller, document: dict[str, Any]) -> PolicyVersion:
    """Check the document and put it in force as the next version.

    Raises:
        Refusal: ``policy_invalid``, naming the place; ``vendor_collision`` where one of its vendors
            claims what is another's. Nothing changes.
    """
    caller.require(Scope.POLICY_WRITE)
    async with services.store.transaction(caller.org_id) as uow:
        version = await write_policy(services, uow, document, actor=caller.actor)
        await block_on_open_cards(uow, parse_policy(version.document))
        return version


async def write_policy(
    services: Services, uow: UnitOfWork, document: dict[str, Any], *, actor: str
) -> PolicyVersion:
    """The version's row and evidence. What is stored is the normal form of the document."""
    policy = parse_policy(document)
    level = policy.organization
    stated = [(f"caps[{n}].currency", cap.currency) for n, cap in enumerate(level.caps)]
    stated += [(f"budgets[{n}].currency", one.currency) for n, one in enumerate(level.budgets)]
    for param, currency in stated:
        if currency not in (None, uow.organization.currency):
            raise invalid(
                "policy_invalid",
                f"limits are in the organization's currency ({uow.organization.currency})",
                param=param,
            )
    await _put_merchants(services, uow, policy)
    normal = render_policy(policy)
    version = PolicyVersion(
        version=await uow.policies.current_version() + 1,
        document=normal,
        created_by=actor,
        created_at=uow.now,
    )
    await uow.policies.add(version)
    await record(
        services,
        uow,
        "policy.changed",
        actor=actor,
        subject=f"policy:{version.version}",
        data={"version": version.version, "document": encode_canonical(normal).decode()},
    )
    return version


async def _put_merchants(services: Services, uow: UnitOfWork, policy: Policy) -> None:
    """Check that the policy's vendors claim nothing of others', and tell who has them in memory.

    Raises:
        Refusal: ``vendor_collision``, ``vendor_invalid`` or ``pan_in_text``, naming the field.
    """
    stated = [render_document(one) for one in policy.vendors]
    refuse_pan(stated, param="vendors")
    mine = {one.domain for one in policy.vendors}
    put = [one for one in await uow.merchants.vendors() if one.domain not in mine]
    with_custom(own_vendors(services.merchants.shipped, (), put).directory, stated)
    current = await uow.policies.current_version()
    before = (await services.policies.version(uow, current))[1] if current else None
    if policy.vendors != (before.vendors if before else ()):
        await uow.merchants.changed(vendors=True)
    if before is not None and policy.learning != before.learning:
        await uow.merchants.changed()


async def get_policy(
    services: Services, caller: Caller, version: int | None = None
) -> PolicyVersion:
    """The version in force, or a certain one."""
    caller.require(Scope.POLICY_READ)
    async with services.store.unlocked(caller.org_id) as uow:
        found = await uow.policies.get(version or await uow.policies.current_version())
        if found is None:
            raise not_found("policy", str(version))
        return found
