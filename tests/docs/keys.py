"""Keys for programs that run beside the test, as a reader of the docs would have them."""

from __future__ import annotations

from tests.world import World


async def agent_key(world: World, handle: str) -> str:
    """A new agent's API key."""
    made = await world.signets.agents.create(handle=handle)
    key = await world.signets.keys.create(owner="agent", agent_id=made.id, name=handle)
    assert key.secret is not None
    return key.secret


async def member_key(world: World, email: str, role: str) -> str:
    """A new member's API key."""
    made = await world.signets.members.create(email=email, name=email, role=role)
    key = await world.signets.keys.create(owner="member", member_id=made.id, name=role)
    assert key.secret is not None
    return key.secret
