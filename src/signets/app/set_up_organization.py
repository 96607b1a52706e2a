"""The first organization: its admin, a key and a policy."""

from __future__ import annotations

from dataclasses import dataclass

from signets.app.manage_identity import write_key, write_member
from signets.app.records import KeyOwner, Member, Organization
from signets.app.services import Services
from signets.app.set_policy import write_policy
from signets.core.approval import Role
from signets.core.errors import invalid
from signets.core.ids import Prefix
from signets.core.money import parse_currency
from signets.core.policy.presets import default_policy_document


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrganization:
    """What set-up made. The tokens are shown once; ``repr`` hides them."""

    organization: Organization
    admin: Member
    admin_token: str
    organization_token: str

    def __repr__(self) -> str:
        return f"NewOrganization({self.organization.org_id})"


async def set_up_organization(
    services: Services, *, name: str, currency: str, admin_email: str, admin_name: str
) -> NewOrganization:
    """Make an organization that can be worked with at once.

    Raises:
        Refusal: ``name_missing``, ``currency_unknown`` or ``email_invalid``.
    """
    if not name.strip():
        raise invalid("name_missing", "`name` must not be empty", param="name")
    organization = Organization(
        org_id=services.new_id(Prefix.ORGANIZATION),
        name=name,
        currency=parse_currency(currency),
        frozen_at=None,
        created_at=await services.store.now(),
    )
    await services.store.create_organization(organization)
    async with services.store.transaction(organization.org_id) as uow:
        admin = await write_member(
            services, uow, email=admin_email, name=admin_name, role=Role.ADMIN, actor="system"
        )
        await write_policy(
            services, uow, default_policy_document(organization.currency), actor="system"
        )
        _, admin_token = await write_key(
            services,
            uow,
            actor="system",
            owner=KeyOwner.MEMBER,
            member_id=admin.id,
            name="first admin key",
        )
        _, organization_token = await write_key(
            services, uow, actor="system", owner=KeyOwner.ORGANIZATION, name="organization key"
        )
    return NewOrganization(
        organization=organization,
        admin=admin,
        admin_token=admin_token,
        organization_token=organization_token,
    )
