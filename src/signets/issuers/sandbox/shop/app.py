"""The shop as an ASGI application: addresses, limits, and answers for people and programs.

A program sends the very same form and asks for JSON by ``Accept``. Nobody signs in, so there is
nothing to steal by a forged request; still, only a form that was handed out here is taken, and
never one that a browser sends from another site.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from urllib.parse import parse_qsl, urlsplit

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from signets.issuers.sandbox.shop.acquirer import TIMEOUT_SECONDS, Acquirer, NotCharged
from signets.issuers.sandbox.shop.declines import decline_of
from signets.issuers.sandbox.shop.form import FIELDS, read_entry
from signets.issuers.sandbox.shop.guard import Guard
from signets.issuers.sandbox.shop.orders import Order, Orders, State
from signets.issuers.sandbox.shop.pages import Filled, Pages
from signets.issuers.sandbox.shop.storefront import CURRENCY, PRODUCTS, Product, Storefront

_MAX_BODY = 16_384
_MAX_FIELDS = 40
_FORM = "application/x-www-form-urlencoded"
_STALE = "This checkout is not known here, or too old. Nothing was charged; please start again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ShopConfig:
    """How one shop is set up.

    Attributes:
        sandbox_url, sandbox_key: The card network that it charges through.
        hosts: Names under which it may be called, without port; any other is refused, so that
            no name that somebody points at this machine reaches it.
    """

    storefront: Storefront
    sandbox_url: str
    sandbox_key: str = field(repr=False)
    hosts: frozenset[str] = frozenset({"127.0.0.1", "localhost", "::1"})


def create_shop(config: ShopConfig) -> Starlette:
    """The shop; its lifespan opens its connection to the card network."""
    style = files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    http = httpx.AsyncClient(
        base_url=config.sandbox_url,
        headers={"Authorization": config.sandbox_key},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )
    shop = _Shop(config.storefront, Orders(Acquirer(http, config.storefront)), style)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with http:
            yield

    return Starlette(
        routes=[
            Route("/", shop.products, methods=["GET"]),
            Route("/style.css", shop.style, methods=["GET"]),
            Route("/checkout/{product}", shop.checkout, methods=["GET"]),
            Route("/checkout/{product}", shop.submit, methods=["POST"]),
            Route("/orders/{number}", shop.order, methods=["GET"]),
            Route("/orders/{number}/receipt.html", shop.receipt_file, methods=["GET"]),
        ],
        middleware=[Middleware(Guard, hosts=config.hosts)],
        exception_handlers={HTTPException: shop.refused},
        lifespan=lifespan,
    )


class _Shop:
    """The handlers."""

    def __init__(self, storefront: Storefront, orders: Orders, style: str) -> None:
        self._front = storefront
        self._orders = orders
        self._style = style
        self._pages = Pages(storefront, style)

    async def products(self, request: Request) -> Response:
        """``GET /``."""
        if not _wants_json(request):
            return HTMLResponse(self._pages.products())
        products = [{**_product(one), "checkout": f"/checkout/{one.id}"} for one in _ALL]
        return JSONResponse({"vendor": self._front.vendor, "products": products})

    async def style(self, _: Request) -> Response:
        """``GET /style.css``."""
        return Response(self._style, media_type="text/css")

    async def checkout(self, request: Request) -> Response:
        """``GET /checkout/{product}``: a form with a fresh order token."""
        product = _find_product(request)
        token = self._orders.open(product)
        if not _wants_json(request):
            return HTMLResponse(self._pages.checkout(product, Filled(token=token)))
        return JSONResponse(
            {"order_token": token, "product": _product(product), "fields": list(FIELDS)}
        )

    async def submit(self, request: Request) -> Response:
        """``POST /checkout/{product}``: pay, once."""
        product = _find_product(request)
        _refuse_other_sites(request)
        sent = await _read_form(request)
        token = sent.get("order_token", "")
        if not self._orders.knows(token, product):
            raise HTTPException(410, _STALE)
        entry = read_entry(sent, datetime.now(UTC).date())
        if entry.card is None and not self._orders.is_submitted(token):
            filled = Filled(token=token, kept=entry.kept, errors=entry.errors)
            return self._form(request, product, filled, 422, "invalid_fields")
        try:
            order = await self._orders.submit(token, entry.card)
        except NotCharged as problem:
            notice = f"Nothing was charged: {problem}. Please try again in a moment."
            filled = Filled(token=token, kept=entry.kept, notice=notice)
            return self._form(request, product, filled, 503, "network_unavailable")
        if order.state is State.DECLINED:
            return self._declined(request, order, Filled(token="", kept=entry.kept))
        if order.state is State.UNCLEAR:
            raise HTTPException(
                502,
                "The card network did not answer, so nobody knows yet whether you were charged. "
                "Do not pay again; look at the card's transactions first.",
            )
        if _wants_json(request):
            return JSONResponse({"order": order.as_dict()}, 201, {"location": _place(order)})
        return RedirectResponse(_place(order), 303)

    def _declined(self, request: Request, order: Order, filled: Filled) -> Response:
        """The form again where one field is to blame, else a page of its own."""
        decline = decline_of(order.response_code)
        if decline.field is not None:
            again = Filled(
                token=self._orders.open(order.product),
                kept=filled.kept,
                errors={decline.field: decline.message},
            )
            code = order.response_code
            return self._form(request, order.product, again, 402, "card_declined", code)
        if not _wants_json(request):
            return HTMLResponse(self._pages.declined(order), 402)
        error = _error("card_declined", decline.message, order.response_code, {})
        return JSONResponse({"error": error}, 402)

    def _form(
        self,
        request: Request,
        product: Product,
        filled: Filled,
        status: int,
        code: str,
        response_code: str | None = None,
    ) -> Response:
        """The form once more; the number and the security code are never in it."""
        if not _wants_json(request):
            return HTMLResponse(self._pages.checkout(product, filled), status)
        message = filled.notice or " ".join(filled.errors.values())
        error = _error(code, message, response_code, filled.errors)
        return JSONResponse({"error": error, "order_token": filled.token}, status)

    async def order(self, request: Request) -> Response:
        """``GET /orders/{number}``: the receipt, for whoever knows its number."""
        found = self._find_order(request)
        if _wants_json(request):
            return JSONResponse({"order": found.as_dict()})
        return HTMLResponse(self._pages.receipt(found))

    async def receipt_file(self, request: Request) -> Response:
        """``GET /orders/{number}/receipt.html``: the receipt as a file to keep."""
        found = self._find_order(request)
        name = f'attachment; filename="receipt-{found.number}.html"'
        return HTMLResponse(self._pages.receipt_file(found), headers={"content-disposition": name})

    async def refused(self, request: Request, error: Exception) -> Response:
        """Any other answer than 2xx."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        text = error.detail if isinstance(error, HTTPException) else ""
        if _wants_json(request):
            content = {"error": {"code": _CODES.get(status, "refused"), "message": text}}
            return JSONResponse(content, status)
        return HTMLResponse(self._pages.message(_TITLES.get(status, "Sorry"), text), status)

    def _find_order(self, request: Request) -> Order:
        found = self._orders.find(request.path_params["number"])
        if found is None:
            raise HTTPException(404, "There is no such order.")
        return found


_ALL = tuple(PRODUCTS.values())
_TITLES = {404: "Not found", 410: "Please start again", 502: "We do not know yet"}
_CODES = {404: "not_found", 410: "checkout_unknown", 413: "too_large", 502: "unclear"}


def _find_product(request: Request) -> Product:
    found = PRODUCTS.get(request.path_params["product"])
    if found is None:
        raise HTTPException(404, "This shop does not sell that.")
    return found


def _product(product: Product) -> dict[str, object]:
    return {
        "id": product.id,
        "name": product.name,
        "amount": product.amount,
        "currency": CURRENCY,
    }


def _error(
    code: str, message: str, response_code: str | None, fields: Mapping[str, str]
) -> dict[str, object]:
    return {
        "code": code,
        "message": message,
        "response_code": response_code,
        "fields": dict(fields),
    }


def _place(order: Order) -> str:
    return f"/orders/{order.number}"


def _wants_json(request: Request) -> bool:
    accepted = request.headers.get("accept", "")
    return "application/json" in accepted and "text/html" not in accepted


def _refuse_other_sites(request: Request) -> None:
    """A browser says where a form comes from (Fetch Metadata, else Origin); programs do not."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    own = request.headers.get("host", "")
    foreign = origin is not None and urlsplit(origin).netloc != own
    if (site or "none") not in ("same-origin", "none") or foreign:
        raise HTTPException(403, "This form was sent from another site.")


async def _read_form(request: Request) -> dict[str, str]:
    """The fields; never a part of them in an error."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != _FORM:
        raise HTTPException(415, f"Send the form as {_FORM}.")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MAX_BODY:
            raise HTTPException(413, f"A form has at most {_MAX_BODY} bytes.")
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_FIELDS,
        )
    except ValueError:
        raise HTTPException(400, "The form cannot be read.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise HTTPException(400, "A field was sent twice.")
    return fields
