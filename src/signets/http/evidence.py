"""Evidence: ``/v1/evidence``."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from signets.app import export_evidence
from signets.core.access import Scope
from signets.core.ids import Prefix
from signets.http.outputs.base import Page, page_of
from signets.http.outputs.books import EvidenceKeyOut, EvidenceOut
from signets.http.pages import After, Filter, Limit, cursor
from signets.http.routing import Ask, Endpoint


async def list_all(
    ask: Ask,
    intent_id: Filter = None,
    card_id: Filter = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[EvidenceOut]:
    """Evidence entries, oldest first. An agent's key names one of its own intents or cards."""
    rows = await export_evidence.list_evidence(
        ask.services,
        ask.caller,
        card_id=card_id,
        intent_id=intent_id,
        after=cursor(after, Prefix.EVIDENCE),
        limit=limit + 1,
    )
    return page_of(rows, limit, EvidenceOut.of)


async def bundle(
    ask: Ask, intent_id: Annotated[str, Query(min_length=1, max_length=80)]
) -> Response:
    """All entries of an intent with proofs to a signed checkpoint, as `signets-evidence/1`.

    JSON Lines. The bytes are what `signets evidence verify` reads; keep them as they come.
    """
    raw = await export_evidence.export_bundle(ask.services, ask.caller, intent_id)
    return Response(raw, media_type="application/jsonl")


async def key(ask: Ask) -> EvidenceKeyOut:
    """The public key that checkpoints verify with: keep it apart from the exports."""
    return EvidenceKeyOut(vkey=export_evidence.evidence_key(ask.services, ask.caller))


ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/v1/evidence",
        operation="evidence_list",
        call=list_all,
        summary="List evidence entries",
        scope=Scope.EVIDENCE_READ,
        refuses=(404,),
    ),
    Endpoint(
        method="GET",
        path="/v1/evidence/bundle",
        operation="evidence_bundle",
        call=bundle,
        summary="Export an intent's evidence",
        scope=Scope.EVIDENCE_READ,
        refuses=(404, 409),
        responses={
            200: {
                "description": "The bundle.",
                "content": {"application/jsonl": {"schema": {"type": "string"}}},
            }
        },
    ),
    Endpoint(
        method="GET",
        path="/v1/evidence/key",
        operation="evidence_key",
        call=key,
        summary="Get the evidence log's public key",
        scope=Scope.EVIDENCE_READ,
    ),
)
