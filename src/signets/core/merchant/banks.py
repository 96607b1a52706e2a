"""What an issuer, a bank or a wallet writes before the acceptor's name.

The words say how the card was used, in the languages of the banks whose rows were seen; a day or
the card's last digits may follow. They are dropped: nobody else's name begins with them.
"""

from __future__ import annotations

import re

_WALLETS = "APLPAY|APPLE PAY|GPAY|GOOGLE PAY|RECURRING|PENDING|INT ?L|VISA|MASTERCARD|MAESTRO"
_POINT_OF_SALE = (
    r"(?:F|O)?POS(?: (?:DEBIT|PURCHASE|PURCH|PUR|W[ /]D|WITHDRAWAL|WDL|MERCHANDISE|[0-9]{4}))?"
    r"|POINT OF SALE (?:DEBIT|WITHDRAWAL|PURCHASE)|DDA (?:PURCHASE|PURCH|PUR)"
    r"|EFTPOS(?: (?:PURCHASE|DEBIT))?"
)
_ENGLISH = (
    r"(?:(?:VISA|MASTERCARD|MC|RECURRING|INTL|INTERNATIONAL|FOREIGN|OVERSEAS|ONLINE|INTERNET"
    r"|SIGNATURE|ECOM|CONTACTLESS) )?"
    r"(?:(?:DEBIT CARD|CREDIT CARD|BANK CARD|CARD|VISA|RECURRING|INTL|DEBIT|CHECK CARD) )?"
    r"(?:RETAIL )?(?:PURCHASE|PAYMENT TO|PAYMENT|TRANSACTION)(?: TO)?(?: AUTHORIZED)?(?: ON)?"
)
_ABBREVIATED = (
    r"(?:RECUR(?:RING)? )?(?:DBT|DEBIT) (?:CRD|CARD)(?: PUR(?:CH)?)?|CHK ?CARD|CKCD"
    r"|(?:VISA )?CHECK ?CARD|DBT PURCH|CARD PAYMENT TO|VISA DEBIT"
    r"|(?:WITHDRAWAL )?DEBIT CARD(?: WITHDRAWAL)?"
    r"|(?:FACTURE|PAIEMENT|ACHAT)(?: PAR)? (?:CB|CARTE)(?: DU)?|KARTENZAHLUNG|KARTENUMSATZ"
    r"|(?:VISA )?(?:DEBIT|KREDIT)KARTENUMSATZ|(?:COMPRA|PAGO) (?:CON )?(?:TARJETA|TARJ)"
    r"|COMPRA INTERNET(?: EN)?|(?:BEA|ECOM) (?:APPLE|GOOGLE) PAY|IDP PURCHASE"
    r"|PASBETALING|CREDITCARD ?BETALING"
)
_ELSEWHERE = (
    r"(?:PAIEMENT|ACHAT)(?: PAR)?(?: (?:CB|CARTE))?|CARTE|CB|KARTENZAHLUNG|KARTENUMSATZ"
    r"|(?:COMPRA|PAGO)(?: (?:CON )?TARJETA| EN)?|PAGAMENTO(?: POS| CARTA)?|BETAALAUTOMAAT"
    r"|KORTKOP|KORTKJOP|BEA"
)
_DAY = r"[0-9]{2}[/. ]?[0-9]{2}(?:[/. ]?(?:20)?[0-9]{2})?"
_CARD = r"(?:CARD )?(?:X*|[0-9]{4,6}X{4,8})[0-9]{4}"
# These are words of shops, too (`CARTE D OR`, `CB2`): only with a day or a card behind them.
_WITH_DAY = rf"(?:{_ELSEWHERE}) (?:{_DAY}|{_CARD})(?: {_CARD})? "
# The day may also be the last that the bank writes: `CB GOOGLE*CLOUD X7F6GK 04/09`.
_DAY_LAST = (
    r"(?:CB|CARTE|PAIEMENT|ACHAT|COMPRA) "
    r"(?=.* [0-9]{2}[/.][0-9]{2}(?:[/.](?:20)?[0-9]{2})?$)"
)
_ALONE = (
    rf"(?:{_ENGLISH}|{_POINT_OF_SALE}|{_ABBREVIATED}|{_WALLETS}) "
    rf"(?:(?:{_DAY}|{_CARD}) ){{0,2}}"
)
_HOST = (
    r"(?:WWW[./ ]|(?:API|APP|BILLING|CHECKOUT|ACCOUNTS?|CONSOLE|DASHBOARD|PORTAL|PLATFORM|SECURE)"
    r"[./](?=[A-Z0-9]+[./]))?"
)
_PREFIX = re.compile(
    rf"(?:{_WITH_DAY}|{_DAY_LAST}|(?:{_ALONE}){{1,2}})?(?:[0-9]{{6,}} )?(?:HTTPS? )?{_HOST}"
)


def without_prefix(name: str) -> str:
    """A name, upper case and with single spaces, without what a bank wrote before it, a scheme, and
    what a vendor's own host begins with."""
    found = _PREFIX.match(name)
    return name[found.end() :] if found else name
