"""``sandbox``: play the card network against a running system."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from signets.cli.configuration import load_settings, require_sandbox
from signets.cli.inputs import money, read_amount, read_duration
from signets.cli.output import (
    REFUSED,
    JsonFlag,
    print_fields,
    print_json,
    print_lines,
    print_table,
    say,
)
from signets.cli.processes import sandbox_serve, sandbox_shop
from signets.cli.scenarios import run_scenarios

if TYPE_CHECKING:
    from signets.cli.sandbox_driver import Charge, SandboxDriver

sandbox = typer.Typer(no_args_is_help=True, help="The sandbox issuer: a card network to play with.")
clock = typer.Typer(no_args_is_help=True, help="The network's time.")
faults = typer.Typer(no_args_is_help=True, help="What goes wrong on demand.")
sandbox.command("serve")(sandbox_serve)
sandbox.command("run")(run_scenarios)
sandbox.command("shop")(sandbox_shop)
sandbox.add_typer(clock, name="clock")
sandbox.add_typer(faults, name="faults")

CardArgument = Annotated[
    str, typer.Argument(help="Signets' card id, or the issuer's card token.", metavar="CARD")
]
AmountArgument = Annotated[str, typer.Argument(help="In major units, like 20.00.")]
OptionalAmount = Annotated[str | None, typer.Argument(help="In major units; without it, all.")]
TokenArgument = Annotated[
    str, typer.Argument(help="The token that `sandbox charge` printed.", metavar="TXN")
]
DeliveryArgument = Annotated[
    str, typer.Argument(help="The token that `sandbox deliveries` shows.", metavar="DELIVERY")
]
DescriptorOption = Annotated[
    str, typer.Option(help="What the merchant sends, like OPENAI *CREDITS.")
]
MccOption = Annotated[str | None, typer.Option(help="Merchant category code, ISO 18245.")]
CountryOption = Annotated[str | None, typer.Option(help="ISO 3166-1 alpha-3, like USA.")]
CityOption = Annotated[str | None, typer.Option(help="The merchant's city, or phone or URL.")]
AcceptorOption = Annotated[str | None, typer.Option("--acceptor-id", help="The merchant's id.")]
CurrencyOption = Annotated[str, typer.Option(help="Billing currency, ISO 4217.")]


class Part(StrEnum):
    """What the fault ``asa_drop`` loses."""

    REQUEST = "request"
    ANSWER = "answer"


@contextmanager
def open_driver(*, settle: bool = False) -> Iterator[SandboxDriver]:
    """The sandbox of this data folder; ``settle`` waits at the end until its webhooks are sent.

    Raises:
        CommandError: No sandbox has ever run here.
    """
    from signets.cli.sandbox_driver import SandboxDriver, SandboxError
    from signets.processes.sandbox import sandbox_key, sandbox_url

    settings = load_settings()
    require_sandbox(settings)
    with SandboxDriver(sandbox_url(settings), sandbox_key(settings)) as driver:
        yield driver
        if settle:
            try:
                driver.drain(5.0)
            except SandboxError as late:
                say(f"webhooks still wait: {late}")


@sandbox.command("charge")
def charge(
    card: CardArgument,
    amount: AmountArgument,
    *,
    descriptor: DescriptorOption,
    mcc: MccOption = None,
    country: CountryOption = None,
    city: CityOption = None,
    acceptor_id: AcceptorOption = None,
    currency: CurrencyOption = "USD",
    as_json: JsonFlag = False,
) -> None:
    """Authorize a purchase; exit code 1 where it is declined.

    Example: signets sandbox charge card_01h455vb4pex5vsknk084sn02q 20.00 --descriptor "OPENAI"
    """
    from signets.cli.sandbox_driver import Merchant

    merchant = Merchant(
        descriptor=descriptor, mcc=mcc, country=country, city=city, acceptor_id=acceptor_id
    )
    minor = read_amount(amount, currency, param="amount")
    with open_driver(settle=True) as driver:
        outcome = driver.charge(card, minor, merchant, currency=currency.upper())
    _show_charge(outcome, as_json=as_json)


@sandbox.command("verify")
def verify(
    card: CardArgument,
    *,
    descriptor: DescriptorOption,
    as_json: JsonFlag = False,
) -> None:
    """Ask with $0, as merchants do when a card is put on file.

    Example: signets sandbox verify card_01h455vb4pex5vsknk084sn02q --descriptor "OPENAI"
    """
    from signets.cli.sandbox_driver import Merchant

    with open_driver(settle=True) as driver:
        outcome = driver.charge(card, 0, Merchant(descriptor=descriptor))
    _show_charge(outcome, as_json=as_json)


@sandbox.command("increment")
def increment(token: TokenArgument, amount: AmountArgument, *, as_json: JsonFlag = False) -> None:
    """Ask for more on a known transaction; exit code 1 where it is declined.

    Example: signets sandbox increment 8f7dd2c4-… 5.00
    """
    with open_driver(settle=True) as driver:
        outcome = driver.increment(token, _amount(driver, token, amount))
    _show_charge(outcome, as_json=as_json)


@sandbox.command("clear")
def clear(
    token: TokenArgument, amount: OptionalAmount = None, *, as_json: JsonFlag = False
) -> None:
    """Move the money: less, as much, or more than was authorized.

    Example: signets sandbox clear 8f7dd2c4-… 21.65
    """
    with open_driver(settle=True) as driver:
        driver.clear(token, _some_amount(driver, token, amount))
        _show_network(driver, token, as_json=as_json)


@sandbox.command("reverse")
def reverse(
    token: TokenArgument, amount: OptionalAmount = None, *, as_json: JsonFlag = False
) -> None:
    """Give back a part of the hold, or all of it.

    Example: signets sandbox reverse 8f7dd2c4-… 5.00
    """
    with open_driver(settle=True) as driver:
        driver.reverse(token, _some_amount(driver, token, amount))
        _show_network(driver, token, as_json=as_json)


@sandbox.command("expire")
def expire(token: TokenArgument, *, as_json: JsonFlag = False) -> None:
    """Let the hold run out.

    Example: signets sandbox expire 8f7dd2c4-…
    """
    with open_driver(settle=True) as driver:
        driver.expire(token)
        _show_network(driver, token, as_json=as_json)


@sandbox.command("refund")
def refund(
    target: Annotated[
        str, typer.Argument(help="A transaction's token, or a card id for a refund by itself.")
    ],
    amount: AmountArgument,
    *,
    descriptor: DescriptorOption = "REFUND",
    as_json: JsonFlag = False,
) -> None:
    """Pay money back: on a known transaction, or as one that names no purchase.

    Example: signets sandbox refund 8f7dd2c4-… 21.65
    """
    with open_driver(settle=True) as driver:
        if target.startswith("card_"):
            minor = read_amount(amount, "USD", param="amount")
            token = driver.refund_unlinked(target, minor, descriptor)
        else:
            token = target
            driver.refund(token, _amount(driver, token, amount))
        _show_network(driver, token, as_json=as_json)


@sandbox.command("force-post")
def force_post(
    card: CardArgument,
    amount: AmountArgument,
    *,
    descriptor: DescriptorOption,
    mcc: MccOption = None,
    currency: CurrencyOption = "USD",
    as_json: JsonFlag = False,
) -> None:
    """Book a charge that nobody was asked about, whatever the card's state.

    Example: signets sandbox force-post card_01h455vb4pex5vsknk084sn02q 9.99 --descriptor "ACME"
    """
    from signets.cli.sandbox_driver import Merchant

    minor = read_amount(amount, currency, param="amount")
    with open_driver(settle=True) as driver:
        merchant = Merchant(descriptor=descriptor, mcc=mcc)
        token = driver.force_post(card, minor, merchant, currency=currency.upper())
        _show_network(driver, token, as_json=as_json)


@sandbox.command("transactions")
def transactions(
    card: Annotated[str | None, typer.Argument(help="Only this card's.", metavar="CARD")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """List the newest transactions as the network sees them.

    Example: signets sandbox transactions
    """
    with open_driver() as driver:
        found = driver.transactions(card)
    if as_json:
        print_json({"data": found})
        return
    rows = [
        (one["token"], one["merchant"]["descriptor"], one["status"], one["result"], _events(one))
        for one in found
    ]
    print_table(("token", "descriptor", "status", "result", "events"), rows, empty="none yet")


@sandbox.command("deliveries")
def deliveries(*, as_json: JsonFlag = False) -> None:
    """List the newest requests and webhooks that were sent to Signets.

    Example: signets sandbox deliveries
    """
    with open_driver() as driver:
        found = driver.deliveries()
    if as_json:
        print_json({"data": found})
        return
    rows = [
        (
            one["token"],
            one["kind"],
            one["transaction_token"],
            one["state"],
            [attempt["status_code"] or attempt["error"] for attempt in one["attempts"]],
        )
        for one in found
    ]
    print_table(("token", "kind", "transaction", "state", "answers"), rows, empty="none yet")


@sandbox.command("replay")
def replay(delivery: DeliveryArgument, *, as_json: JsonFlag = False) -> None:
    """Send the very same bytes once more.

    Example: signets sandbox replay 5b0c1f0e-…
    """
    with open_driver() as driver:
        _show_json_fields(driver.replay(delivery), as_json=as_json)


@sandbox.command("forge")
def forge(delivery: DeliveryArgument, *, as_json: JsonFlag = False) -> None:
    """Send the same bytes under a forged signature.

    Example: signets sandbox forge 5b0c1f0e-…
    """
    with open_driver() as driver:
        _show_json_fields(driver.forge(delivery), as_json=as_json)


@clock.command("show")
def show_clock(*, as_json: JsonFlag = False) -> None:
    """Show the network's time.

    Example: signets sandbox clock show
    """
    with open_driver() as driver:
        _show_json_fields(driver.clock(), as_json=as_json)


@clock.command("advance")
def advance_clock(
    by: Annotated[str, typer.Argument(help="How far, like 30m, 24h or 8d.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Move the network's time on; holds older than seven days expire.

    Example: signets sandbox clock advance 8d
    """
    seconds = read_duration(by, param="by")
    with open_driver(settle=True) as driver:
        _show_json_fields(driver.advance_clock(seconds), as_json=as_json)


@clock.command("reset")
def reset_clock(*, as_json: JsonFlag = False) -> None:
    """Go back to real time.

    Example: signets sandbox clock reset
    """
    with open_driver() as driver:
        _show_json_fields(driver.reset_clock(), as_json=as_json)


@faults.command("show")
def show_faults(*, as_json: JsonFlag = False) -> None:
    """Show the faults that are set.

    Example: signets sandbox faults show
    """
    with open_driver() as driver:
        _show_faults(driver.faults(), as_json=as_json)


@faults.command("set")
def set_fault(
    name: Annotated[str, typer.Argument(help="Like asa_delay, asa_drop or webhook_drop.")],
    *,
    count: Annotated[int, typer.Option(min=0, help="How often it strikes; 0: off.")] = 1,
    delay_ms: Annotated[int, typer.Option(min=0, help="For asa_delay, milliseconds.")] = 0,
    part: Annotated[Part, typer.Option(help="What asa_drop loses.")] = Part.ANSWER,
    as_json: JsonFlag = False,
) -> None:
    """Let something go wrong the next few times.

    Example: signets sandbox faults set webhook_drop --count 2
    """
    with open_driver() as driver:
        found = driver.set_fault(name, count, delay_ms=delay_ms, part=part.value)
    _show_faults(found, as_json=as_json)


@faults.command("clear")
def clear_faults(*, as_json: JsonFlag = False) -> None:
    """Turn every fault off.

    Example: signets sandbox faults clear
    """
    with open_driver() as driver:
        driver.clear_faults()
        _show_faults(driver.faults(), as_json=as_json)


def _currency(driver: SandboxDriver, token: str) -> str:
    amounts: dict[str, Any] = driver.transaction(token)["amounts"]
    return str(amounts["cardholder"]["currency"])


def _amount(driver: SandboxDriver, token: str, text: str) -> int:
    return read_amount(text, _currency(driver, token), param="amount")


def _some_amount(driver: SandboxDriver, token: str, text: str | None) -> int | None:
    return None if text is None else _amount(driver, token, text)


def _show_charge(outcome: Charge, *, as_json: bool) -> None:
    if as_json:
        print_json(asdict(outcome))
    else:
        answer = "approved" if outcome.approved else f"declined ({outcome.result})"
        print_fields([("token", outcome.token), ("answer", answer)])
        if not outcome.approved:
            say("why: signets decisions list (not there: the issuer declined before asking)")
    if not outcome.approved:
        raise typer.Exit(REFUSED)


def _events(transaction: dict[str, Any]) -> list[str]:
    return [
        f"{event['type']} {money(event['amount'], _event_currency(event))}"
        for event in transaction["events"]
    ]


def _event_currency(event: dict[str, Any]) -> str:
    return str(event["amounts"]["cardholder"]["currency"])


def _show_network(driver: SandboxDriver, token: str, *, as_json: bool) -> None:
    found = driver.transaction(token)
    if as_json:
        print_json(found)
        return
    print_fields(
        [
            ("token", token),
            ("descriptor", found["merchant"]["descriptor"]),
            ("status", found["status"]),
            ("events", _events(found)),
        ]
    )


def _show_json_fields(content: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(content)
    else:
        print_fields(list(content.items()))


def _show_faults(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    elif not found:
        print_lines(["no faults are set"])
    else:
        rows = [(name, one["count"], one["delay_ms"], one["part"]) for name, one in found.items()]
        print_table(("fault", "left", "delay ms", "part"), rows, empty="")
