"""What an issuer, a bank or a wallet writes before and behind the acceptor's name.

Before it: how the card was used, in the languages of the banks whose rows were seen, then a day,
the card's last digits, a number. Behind it: those again, the amount, the rate, a reference. They
are dropped: nobody else's name begins or ends with them. Kinds and acts are closed lists, and a
kind alone (``ONLINE``) or an act that shops name themselves with (``DEBIT``) drops nothing.
"""

from __future__ import annotations

import re

_WALLETS = (
    "APLPAY|APPLE PAY|GPAY|GOOGLE PAY|SAMSUNG PAY|RECURRING|PENDING|PST|INT ?L|VISA|MASTERCARD"
    "|MAESTRO"
)
_POINT_OF_SALE = (
    r"(?:F|O)?POS(?: (?:W[ /]D|WDL|MERCHANDISE|[0-9]{4}))?|POINT OF SALE(?: DEBIT)?"
    r"|EFTPOS|IDP PURCHASE"
)
# How a card was used. A kind needs an act behind it.
_KINDS = (
    "VISA|MASTERCARD|MC|AMEX|MAESTRO|INTERAC|DEBIT|CREDIT|DBT|CARD|CRD|BANK ?CARD|CHECK ?CARD"
    "|CHK ?CARD|CHEQUE ?CARD|RECURRING|RECUR|INTL|INT L|INTERNATIONAL|FOREIGN|OVERSEAS|O[ /]SEAS"
    "|ONLINE|INTERNET|WEB|ECOM|ECOMMERCE|E COMMERCE|CONTACTLESS|MOBILE|SIGNATURE|PIN|POS|EFTPOS"
    "|FPOS|OPOS|POINT OF SALE|MISCELLANEOUS|MISC|PENDING|PRE ?AUTH(?:ORI[SZ]ED)?|SIG|RETAIL"
    "|PREPAID|BUSINESS|CORPORATE|DDA|ELECTRONIC|VIRTUAL|CARD NOT PRESENT|CNP"
)
_LONE_ACTS = "PURCHASE|PURCH|PAYMENT|TRANSACTION"
_ACTS = (
    f"{_LONE_ACTS}|PURCHASES|PUR|PAYMENTS|PMT|PYMT|PMNT|TXN|TRANS|TRAN|DEBIT|CARD|WITHDRAWAL"
    r"|WITHDRAWL|WDL|W[ /]D|AUTHORI[SZ]ATION|AUTH|O[ /]SEAS"
)
_ABBREVIATED = (
    r"CKCD|DEBIT CARD|VISA DEBIT|CHECK ?CARD|CHK ?CARD|CHEQUE ?CARD"
    r"|(?:FACTURE|PAIEMENT|ACHAT)(?: PAR)? (?:CB|CARTE)(?: DU)?|KARTENZAHLUNG|KARTENUMSATZ"
    r"|(?:VISA )?(?:DEBIT|KREDIT)KARTEN(?:UMSATZ|ZAHLUNG)|GIROCARD"
    r"|KORTTIOSTO|VAREKJOP|VISA VAREKJOP"
    r"|(?:COMPRA|PAGO) (?:CON )?(?:TARJETA|TARJ)|COMPRA CARTAO|COMPRA (?:A )?(?:DEBITO|CREDITO)"
    r"|COMPRA INTERNET(?: EN)?|PAGAMENTO (?:POS|CARTA)|OPERAZIONE CARTA"
    r"|(?:BEA|ECOM) (?:APPLE|GOOGLE) PAY"
    r"|PLATNOSC KARTA|ZAKUP PRZY UZYCIU KARTY|PASBETALING|CREDITCARD ?BETALING|BETALING MED KORT"
)
_ELSEWHERE = (
    r"(?:PAIEMENT|ACHAT)(?: PAR)?(?: (?:CB|CARTE))?|CARTE|CB|KARTENZAHLUNG|KARTENUMSATZ|KARTE"
    r"|(?:COMPRA|PAGO)(?: (?:CON )?TARJETA| EN)?|PAGAMENTO(?: POS| CARTA)?|BETAALAUTOMAAT"
    r"|KORTKOP|KORTKJOP|KORT|BEA|TRANSACTION|WITHDRAWAL|DEBIT|TRANS|TXN|AUTH"
)
_MONTH = "(?:JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC)"
_WRITTEN_DAY = (
    rf"[0-9]{{1,2}} ?{_MONTH}(?: ?(?:20)?[0-9]{{2}})?|{_MONTH} ?[0-9]{{1,2}}"
    r"|20[0-9]{2}[/. ](?:0[1-9]|1[0-2])[/. ][0-3][0-9]"
)
_DAY = rf"(?:[0-9]{{2}}[/. ]?[0-9]{{2}}(?:[/. ]?(?:20)?[0-9]{{2}})?|{_WRITTEN_DAY})"
_SURE_DAY = rf"(?:[0-9]{{2}}[/.][0-9]{{2}}(?:[/.](?:20)?[0-9]{{2}})?|{_WRITTEN_DAY})"
_OF_CARD = "(?:CARD|CARTE|KARTE|CARTA|TARJETA|KORT|CKCD|CB)"
_CARD_NUMBERED = rf"{_OF_CARD}(?: (?:NO|NR|NUMBER|ENDING(?: IN)?))? ?"
_CARD = rf"(?:(?:{_CARD_NUMBERED})?(?:X*|[0-9]{{4,6}}X{{4,8}})[0-9]{{4}}|C [0-9]{{4}})"
_SURE_CARD = rf"(?:(?:V|MC|C |{_OF_CARD} ?)[0-9]{{4}}|X+[0-9]{{4}}|[0-9]{{4,6}}X{{4,8}}[0-9]{{4}})"
_CURRENCY = "(?:USD|EUR|GBP|CAD|AUD|NZD|CHF|SGD|INR|SEK|NOK|DKK|PLN|JPY|US DOLLARS?|EUROS?)"
_CENTS = "[0-9]{1,6}[./][0-9]{2}"  # `US$20.00`
_SUM = r"[0-9]{1,6}(?: [0-9]{3})?(?:[./ ][0-9]{2})?"
# These are words of shops, too (`CARTE D OR`, `CB2`): only with a day or a card behind them.
_WITH_DAY = rf"(?:{_ELSEWHERE}) (?:{_DAY}|{_CARD})(?: {_CARD})? "
# The day may also be the last that the bank writes: `CB GOOGLE*CLOUD X7F6GK 04/09`.
_DAY_LAST = (
    r"(?:CB|CARTE|PAIEMENT|ACHAT|COMPRA) "
    r"(?=.* [0-9]{2}[/.][0-9]{2}(?:[/.](?:20)?[0-9]{2})?$)"
)
_WORDS = (
    rf"(?:(?:(?:{_KINDS}) ){{1,4}}(?:{_ACTS})|{_LONE_ACTS})(?: AUTHORI[SZ]ED)?(?: (?:TO|ON|AT))?"
    rf"|{_POINT_OF_SALE}|{_ABBREVIATED}|{_WALLETS}"
)
_ALONE = rf"(?:{_WORDS}) (?:(?:{_DAY}|{_CARD}) ){{0,3}}"
# No word at all: `V4410 09/06`, `09/06`, `XX1234 01.07 USD 20.00`.
_NUMBERS = (
    rf"(?:{_SURE_CARD} (?:{_DAY} )?|(?:[0-9]{{4}} )?{_SURE_DAY} (?:{_CARD} )?)"
    rf"(?:(?:{_CURRENCY} {_SUM}|US {_CENTS}) )?"
)
_HOST = (
    r"(?:WWW[./ ]|(?:API|APP|BILLING|CHECKOUT|ACCOUNTS?|CONSOLE|DASHBOARD|PORTAL|PLATFORM|SECURE)"
    r"[./](?=[A-Z0-9]+[./]))?"
)
_PREFIX = re.compile(
    rf"(?:{_WITH_DAY}|{_DAY_LAST}|(?:{_ALONE}){{1,3}}|{_NUMBERS})?"
    rf"(?:[0-9]{{6,}} )?(?:HTTPS? )?{_HOST}"
)
_RATE = "(?:(?:EXCH(?:ANGE)?|FX|EX|CONV) ?RATE|RATE|KURS)"
_FOREIGN = (
    "FX|(?:FX|FOREIGN|FRGN|INTL|INTERNATIONAL|OVERSEAS)"
    " (?:TXN|TRANSACTION|CURRENCY|AMOUNT|AMT|PURCHASE|SPEND)"
)
_NUMBERED = "(?:REF|REFERENCE|TXN|TXN ID|TRANS ID|AUTH|AUTH CODE|ARN|TRACE|SEQ|RRN|MCC)"
#: What a bank writes last, each behind a space.
_LAST = (
    rf"RECURRING|RECUR|PENDING|POSTED|(?:{_KINDS}) (?:PURCHASE|TRANSACTION)|VISA DEBIT"
    rf"|(?:VALUE )?DATE(?: {_DAY})?|{_SURE_DAY}(?: [0-9]{{2}} [0-9]{{2}}(?: [0-9]{{2}})?)?"
    rf"|{_CARD_NUMBERED}X*[0-9]{{4}}|{_SURE_CARD}|X*[0-9]{{4}}"
    rf"|{_CURRENCY} ?{_SUM}(?: {_CURRENCY})?|{_SUM} {_CURRENCY}|{_CURRENCY}|US {_CENTS}"
    rf"|[0-9]{{1,5}}[./][0-9]{{2,6}}|{_RATE} [0-9]+(?:[./][0-9]+)?|{_FOREIGN}"
    rf"|{_NUMBERED}(?: (?:NO|NR))? (?=[A-Z]*[0-9])[A-Z0-9]{{4,23}}|[SP]?[0-9]{{8,23}}"
)
#: How a bank's words end where they do not end with a digit.
_LAST_WORDS = frozenset(
    (
        "RECURRING", "RECUR", "PENDING", "POSTED", "PURCHASE", "TRANSACTION", "DEBIT", "DATE",
        "FX", "TXN", "CURRENCY", "AMOUNT", "AMT", "SPEND", "JAN", "FEB", "MAR", "APR", "MAY",
        "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", "USD", "EUR", "GBP", "CAD", "AUD", "NZD",
        "CHF", "SGD", "INR", "SEK", "NOK", "DKK", "PLN", "JPY", "DOLLAR", "DOLLARS", "EURO",
        "EUROS", "US",
    )
)  # fmt: skip
_SUFFIX = re.compile(rf"(?: (?:{_LAST}))+$")


def without_prefix(name: str) -> str:
    """A name, upper case and with single spaces, without what a bank wrote before it, a scheme, and
    what a vendor's own host begins with."""
    found = _PREFIX.match(name)
    return name[found.end() :] if found else name


def without_suffix(name: str) -> str:
    """A name in normal form without what a bank wrote behind it: days, the card, amounts, a rate,
    references. What a vendor writes may look alike: ask with it first."""
    last = name[name.rfind(" ") + 1 :]
    if last.isalpha() and last not in _LAST_WORDS:
        return name
    found = _SUFFIX.search(name)
    return name[: found.start()] if found else name
