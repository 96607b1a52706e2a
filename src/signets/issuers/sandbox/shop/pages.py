"""What a person sees. Works without scripts, on a phone, and with a screen reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from signets.issuers.sandbox.shop.declines import decline_of
from signets.issuers.sandbox.shop.html import Markup, join, tag
from signets.issuers.sandbox.shop.orders import Order, State
from signets.issuers.sandbox.shop.storefront import PRODUCTS, Product, Storefront


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    """One field of the form. ``autocomplete``: HTML's own token, by which it is filled in."""

    name: str
    label: str
    autocomplete: str
    hint: str = ""
    numeric: bool = False
    required: bool = True


_CARD_FIELDS = (
    _Field(name="name", label="Name on the card", autocomplete="cc-name"),
    _Field(name="number", label="Card number", autocomplete="cc-number", numeric=True),
    _Field(name="expiry", label="Expiry date", autocomplete="cc-exp", hint="MM/YY", numeric=True),
    _Field(
        name="cvc",
        label="Security code",
        autocomplete="cc-csc",
        hint="Three or four digits",
        numeric=True,
    ),
)
_ADDRESS_FIELDS = (
    _Field(name="line1", label="Street and number", autocomplete="billing address-line1"),
    _Field(name="city", label="City", autocomplete="billing address-level2"),
    _Field(
        name="state",
        label="State or region",
        autocomplete="billing address-level1",
        hint="If your address has one",
        required=False,
    ),
    _Field(name="postal_code", label="Postal code", autocomplete="billing postal-code"),
    _Field(
        name="country",
        label="Country",
        autocomplete="billing country",
        hint="Two letters, like US",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A checkout form with what is known already; ``notice`` is about the whole of it."""

    token: str
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    errors: Mapping[str, str] = field(default_factory=dict)
    notice: str = ""


class Pages:
    """The pages of one storefront."""

    def __init__(self, storefront: Storefront, style: str) -> None:
        self._front = storefront
        self._style = style

    def products(self) -> str:
        """All there is to buy."""
        rows = (
            tag(
                "li",
                tag("span", product.name),
                tag("a", f"Buy for {product.price}", href=f"/checkout/{product.id}"),
            )
            for product in PRODUCTS.values()
        )
        return self._page(
            "API credits",
            tag("h1", f"{self._front.brand} API credits"),
            tag("p", "Prepaid. Charged once, never renewed."),
            tag("ul", *rows, class_="products"),
        )

    def checkout(self, product: Product, filled: Filled) -> str:
        """The form; errors are told above it and at each field."""
        wrong = bool(filled.errors or filled.notice)
        form = tag(
            "form",
            tag("input", type="hidden", name="order_token", value=filled.token),
            _group("Card", _CARD_FIELDS, filled),
            _group("Billing address", _ADDRESS_FIELDS, filled),
            tag("button", f"Pay {product.price}", type="submit"),
            method="post",
            action=f"/checkout/{product.id}",
        )
        return self._page(
            "Error: Checkout" if wrong else "Checkout",
            tag("h1", "Checkout"),
            tag("p", tag("strong", product.name), f", {product.price}, taxes included."),
            _summary(filled) if wrong else Markup(""),
            form,
        )

    def receipt(self, order: Order) -> str:
        """A paid order."""
        return self._page(
            f"Order {order.number}",
            tag("h1", "Thank you"),
            tag("p", _PAID[order.state]),
            self._lines(order),
            tag(
                "p",
                tag("a", "Download the receipt", href=f"/orders/{order.number}/receipt.html"),
            ),
            tag("p", tag("a", "Buy more credits", href="/")),
        )

    def receipt_file(self, order: Order) -> str:
        """The receipt as one file, which needs nothing of this shop to be read."""
        style = tag("style", Markup(self._style))
        return _document(
            f"Receipt {order.number}",
            style,
            tag(
                "main",
                tag("h1", f"Receipt from {self._front.brand} (sandbox shop)"),
                tag("p", _PAID[order.state]),
                self._lines(order),
            ),
        )

    def declined(self, order: Order) -> str:
        """The network said no, and it is not about one field."""
        return self._page(
            "Payment declined",
            tag("h1", "Payment declined"),
            tag("p", decline_of(order.response_code).message, role="alert"),
            tag("p", f"Nothing was charged. Response code {order.response_code}."),
            tag("p", tag("a", "Try again", href=f"/checkout/{order.product.id}")),
            tag("p", tag("a", "Choose something else", href="/")),
        )

    def message(self, title: str, text: str) -> str:
        """Anything else that must be said."""
        return self._page(
            title,
            tag("h1", title),
            tag("p", text, role="alert"),
            tag("p", tag("a", "Back to the shop", href="/")),
        )

    def _lines(self, order: Order) -> Markup:
        lines = (
            ("Order", order.number),
            ("Date", f"{order.at:%Y-%m-%d %H:%M} UTC"),
            ("Product", order.product.name),
            ("Amount", order.product.price),
            ("Paid with", f"Card ending in {order.last_four}"),
            ("On your statement", self._front.descriptor),
        )
        return tag("dl", *(join(tag("dt", name), tag("dd", text)) for name, text in lines))

    def _page(self, title: str, *content: str) -> str:
        notice = f"Sandbox: no real money, no real goods, and not {self._front.brand}."
        return _document(
            f"{title} · {self._front.brand} sandbox shop",
            tag("link", rel="stylesheet", href="/style.css"),
            tag(
                "header",
                tag("p", notice, class_="notice"),
                tag("a", f"{self._front.brand} sandbox shop", href="/", class_="brand"),
            ),
            tag("main", *content),
        )


_PAID = {
    State.PAID: "Your payment went through.",
    State.AUTHORIZED: "The amount is reserved on your card. It will be taken later.",
}


def _document(title: str, head: Markup, *body: str) -> str:
    return "<!doctype html>" + tag(
        "html",
        tag(
            "head",
            tag("meta", charset="utf-8"),
            tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
            tag("title", title),
            head,
        ),
        tag("body", *body),
        lang="en",
    )


def _summary(filled: Filled) -> Markup:
    """What is wrong, each with a link to its field."""
    links = (tag("li", tag("a", text, href=f"#{name}")) for name, text in filled.errors.items())
    listed = tag("ul", *links) if filled.errors else Markup("")
    text = filled.notice or "Please look at this again. Nothing was charged."
    return tag("div", tag("p", text), listed, class_="errors", role="alert")


def _group(legend: str, fields: tuple[_Field, ...], filled: Filled) -> Markup:
    return tag("fieldset", tag("legend", legend), *(_input(one, filled) for one in fields))


def _input(one: _Field, filled: Filled) -> Markup:
    error = filled.errors.get(one.name, "")
    beside = [(f"{one.name}-hint", one.hint)] if one.hint else []
    beside += [(f"{one.name}-error", error)] if error else []
    notes = (
        tag("span", text, id=name, class_="error" if text is error else "hint")
        for name, text in beside
    )
    return tag(
        "div",
        tag("label", one.label, for_=one.name),
        tag(
            "input",
            id=one.name,
            name=one.name,
            type="text",
            value=filled.kept.get(one.name, False),
            autocomplete=one.autocomplete,
            inputmode="numeric" if one.numeric else False,
            required=one.required,
            aria_describedby=" ".join(name for name, _ in beside) or False,
            aria_invalid="true" if error else False,
        ),
        *notes,
        class_="field",
    )
