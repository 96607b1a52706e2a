"""The first organization: its admin, a key, a policy and the issuer connection."""

from __future__ import annotations

from dataclasses import dataclass, replace

from signets.app.manage_identity import write_key, write_member
from signets.app.records import Connection, KeyOwner, Member, Organization
from signets.app.services import Services
from signets.app.set_policy import write_policy
from signets.core.approval import Role
from signets.core.errors import Refusal, RefusalKind, invalid
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


async def connect_issuer(
    services: Services,
    org_id: str,
    *,
    issuer: str,
    mode: str,
    base_url: str,
    api_key: str,
    public_url: str,
) -> Connection:
    """Connect an issuer account and point its requests and events at us; repeatable.

    A connection of the same issuer and mode is enrolled again (its address may have changed).

    Raises:
        Refusal: ``issuer_unknown``.
        IssuerUnavailable, IssuerRefused: The issuer could not be reached, or said no.
    """
    if issuer not in ("sandbox", "lithic"):
        raise Refusal(
            RefusalKind.INVALID,
            "issuer_unknown",
            f"`{issuer}` is not an issuer; use `sandbox` or `lithic`",
            param="issuer",
        )
    async with services.store.transaction(org_id) as uow:
        known = [
            one
            for one in await uow.identity.connections()
            if (one.issuer, one.mode) == (issuer, mode)
        ]
        connection = known[0] if known else None
        if connection is None:
            connection = Connection(
                org_id=org_id,
                id=services.new_id(Prefix.CONNECTION),
                issuer=issuer,
                mode=mode,
                base_url=base_url,
                api_key_sealed=services.vault.seal(org_id, api_key.encode()),
                secrets_sealed=None,
                enrolled_at=None,
                created_at=uow.now,
            )
            await uow.identity.add_connection(connection)
    moved = replace(connection, base_url=base_url)
    root = f"{public_url.rstrip('/')}/v1/issuers/{connection.id}"
    secrets = await services.issuers.client(moved).enroll(
        authorize_url=f"{root}/authorize", events_url=f"{root}/events"
    )
    async with services.store.transaction(org_id) as uow:
        await uow.identity.set_enrolled(
            connection.id,
            base_url=base_url,
            secrets_sealed=services.issuers.seal_secrets(org_id, secrets),
            at=uow.now,
        )
        found = await uow.identity.connection(connection.id)
    return found or moved
