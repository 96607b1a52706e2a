"""Words that may stand behind a name without making it another one: closed lists, no others.

``FIGMA MONTHLY``, ``NETLIFY INC``, ``RENDER.COM PRO PLAN 4417-2209``: a legal form, the plan that
was bought, a reference. What is less sure of itself (another legal form, a short reference) is
marked, and needs MCC or country beside it. A word that is not listed here makes another name
(``FIGMA SUPPORT``). Behind a common word (an *ambiguous* name) they prove nothing: site, place, id,
or MCC and country must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from signets.core.merchant.tails import stems

#: The forms that every brand may be written with. Another one is marked: `OPENAI LTD` may be
#: somebody else, unless it comes from a country that has the form and that the vendor bills from.
ANYBODYS_FORMS = "INC LLC"
_HOME_FORMS = {
    "LTD": "GB IE IL IN NZ CY MT HK CA", "LIMITED": "GB IE IL IN NZ CY MT HK CA", "DAC": "IE",
    "UNLIMITED COMPANY": "IE", "BV": "NL BE", "GMBH": "DE AT CH", "AG": "DE CH", "SE": "DE FR LU",
    "SAS": "FR", "SARL": "FR LU CH", "SA": "FR LU CH ES BE", "PTY LTD": "AU", "PTY LIMITED": "AU",
    "PTE LTD": "SG", "PTE LIMITED": "SG", "OU": "EE", "OY": "FI", "AB": "SE", "UAB": "LT",
    "PVT LTD": "IN", "PRIVATE LIMITED": "IN", "SRO": "CZ", "SL": "ES", "SLU": "ES", "SRL": "IT",
    "SPA": "IT", "KFT": "HU", "CORP": "US CA", "CORPORATION": "US CA", "PBC": "US", "ULC": "CA",
    "APS": "DK", "DOO": "SI HR", "KK": "JP",
}  # fmt: skip
#: Every legal form, the own and the anybody's.
LEGAL_FORMS = (*ANYBODYS_FORMS.split(), *_HOME_FORMS)
_REGIONS = {
    "US": "US", "USA": "US", "AMERICA": "US", "AMERICAS": "US", "NORTH AMERICA": "US",
    "UK": "GB", "IRELAND": "IE", "NETHERLANDS": "NL", "GERMANY": "DE", "DEUTSCHLAND": "DE",
    "FRANCE": "FR", "CANADA": "CA", "AUSTRALIA": "AU", "SINGAPORE": "SG", "INDIA": "IN",
    "LUXEMBOURG": "LU", "JAPAN": "JP", "BELGIUM": "BE", "SPAIN": "ES", "ITALY": "IT",
    "SWEDEN": "SE", "SWITZERLAND": "CH", "POLAND": "PL", "BRAZIL": "BR", "ISRAEL": "IL",
    "HONG KONG": "HK", "NEW ZEALAND": "NZ", "UNITED KINGDOM": "GB",
    "EMEA": "IE GB NL LU", "EUROPE": "IE GB NL LU DE",
    "INTERNATIONAL": "IE GB NL LU SG",
}  # fmt: skip
# Which plan, how often, and what of it. Left out on purpose, because others sell or imitate with
# them: BILLING, CARD, CLOUD, CREDIT, GIFT, LICENSE, PAYMENT, REFUND, RENEWAL alone, SERVICES, SHOP,
# STORE, SUPPORT.
_TIERS = (
    "PRO PLUS TEAM TEAMS PREMIUM BUSINESS ENTERPRISE STANDARD BASIC STARTER PERSONAL INDIVIDUAL "
    "PROFESSIONAL MAX CREATOR DEVELOPER HOBBY STD PREM FAMILY FAMILIES ADVANCED UNLIMITED ULTIMATE "
    "GROWTH SCALE LITE ESSENTIAL ESSENTIALS"
)
_DOUBLE_TIERS = "BUSINESS (?:BASIC|STANDARD|STD|PREMIUM|PLUS|PRO)"
_PERIODS = (
    "MONTHLY RENEWAL", "ANNUAL RENEWAL", "YEARLY RENEWAL", "MONTHLY", "ANNUAL", "YEARLY",
    "1 MONTH", "12 MONTHS", "1 YEAR",
)  # fmt: skip
_WHOLE_PERIODS = ("MONTHLY", "ANNUAL", "YEARLY")
_THINGS = (
    "SUBSCRIPTION SUBSCRIPTIONS SUBSCR SUBSCRIP SUBSCRIPT SUBS SUB PLAN USAGE API CREDITS SEATS "
    "SEAT TOPUP MEMBERSHIP OVERAGE OVERAGES"
)
_TOGETHER = (
    "API CREDITS", "API USAGE", "API SUBSCRIPTION", "MONTHLY SUBSCRIPTION", "AUTO RECHARGE",
    "TOP UP", "PLAN USAGE", "USAGE CHARGES", "USAGE FEES",
)  # fmt: skip
_CUT = (
    "SUBSCRIPTIONS", "MONTHLY", "ANNUAL", "ENTERPRISE", "PROFESSIONAL", "BUSINESS", "PREMIUM",
    "STANDARD", "DEVELOPER", "INDIVIDUAL", "PERSONAL", "UNLIMITED", "ULTIMATE", "MEMBERSHIP",
)  # fmt: skip
_MONTHS = (
    "JAN(?:UARY)?|FEB(?:RUARY)?|MAR(?:CH)?|APR(?:IL)?|MAY|JUNE?|JULY?|AUG(?:UST)?|SEPT?(?:EMBER)?"
    "|OCT(?:OBER)?|NOV(?:EMBER)?|DEC(?:EMBER)?"
)
# What is sold, in the words that every seller of its kind uses. Only behind a `*` or a legal form:
# what stands before it is the account's own name, whoever's words follow.
_SOLD = (
    "DOMAIN RENEWAL", "DOMAIN REGISTRATION", "WEB HOSTING", "CLOUD HOSTING", "PAY AS YOU GO",
    "DOMAIN", "DOMAINS", "HOSTING", "CLOUD", "STORAGE", "DATABASE", "EMAIL", "SMS", "VPS", "SERVER",
    "SERVERS", "WEBSITE", "COMPUTE", "GPU", "INFERENCE", "TOKENS", "WORKSPACE", "ANALYTICS",
    "RENEWAL", "SOFTWARE", "SAAS",
)  # fmt: skip
# A name that fills its field may be cut anywhere in its last word.
_FULL_FIELDS = (22, 23, 24, 25)
_FORM_STUB = 2  # letters of a cut legal form
_DATE = "[0-9]{1,4}[/.][0-9]{1,2}(?:[/.][0-9]{2,4})?"
_SURE = rf"{_DATE}|[A-Z]{{0,3}}[0-9]{{4,}}"
# No word's worth of letters in a row, and none that begins it.
_NO_RUN = "(?!(?=[A-Z]{4})[A-Z]*[AEIOUY])(?![A-Z0-9]*(?=[A-Z]{5})[A-Z]*[AEIOUY][A-Z]*[AEIOUY])"
_DIGITS = f"(?=(?:[A-Z]*[0-9]){{5}}){_NO_RUN}[A-Z0-9]{{8,20}}"
# Words that shops and swindlers add, digits for letters included (`SUPP0RT24H7`), are no reference.
_WORDLIKE = (
    "SUPPORT REFUND HELP SHOP STORE GIFT CARD BILL PAY OFFICIAL SERVICE VERIF RESELL TRAIN TECH "
    "DESK HOUR CARE DEAL SALE"
)
_LIKE = {
    "O": "[O0]",
    "I": "[I1L]",
    "L": "[L1I]",
    "E": "[E3]",
    "A": "[A4]",
    "S": "[S5]",
    "T": "[T7]",
}
# Letters and digits in turns, three digits at least: `437WAYM4QKE`, `4F7K29QX`.
_MIXED = "(?=(?:[A-Z]*[0-9]){3})[A-Z]*[0-9]+[A-Z]+[0-9]"
_DAY = f"[0-9]{{1,2}}(?:{_MONTHS})(?:20)?[0-9]{{2}}(?![A-Z0-9])"  # `06SEP26`
# Behind a star: a digit (`4W3BTZR`), or no vowel at all.
_STARRED = f"(?:(?=[A-Z]*[0-9]){_NO_RUN}[A-Z0-9]{{6,12}}|[B-DF-HJ-NP-TV-XZ]{{6,10}})"


#: What others sell or imitate a vendor with: no form that was only put together ends so.
OTHERS_WORDS = frozenset(
    {
        "BILLING", "CARD", "CARDS", "GIFT", "HELP", "HELPDESK", "LICENSE", "OFFICIAL", "REFUND",
        "REFUNDS", "RESELLER", "SHOP", "STORE", "SUPPORT", "TRAINING", "VERIFY",
    }
)  # fmt: skip


#: What applications are named with: behind a platform's name they are somebody else's.
NOT_BUYERS = frozenset(
    {
        "ADDON", "APP", "BACKUP", "CONNECTOR", "EXTENSION", "GAME", "HELPER", "INC", "LLC", "LTD",
        "MANAGER", "PLUGIN", "SERVICE", "STUDIO", "SYNC", "TOOL", "TOOLKIT",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind a name, up to ``end``.

    ``cut``: its last word is cut. ``weak``: MCC or country must stand beside it. ``homes``: it must
    come from one of these countries, one that the vendor bills from unless the ``region`` says it.
    ``formal``: it is a legal form and nothing else.
    """

    end: int
    cut: bool = False
    weak: bool = False
    homes: frozenset[str] | None = None
    region: bool = False
    formal: bool = False


@lru_cache(maxsize=2)
def _behind_names(*, starred: bool) -> re.Pattern[str]:
    """A legal form; what is sold, behind that or a star; one plan, period and thing (the last may
    be cut); a reference."""
    kinds = "|".join(_SOLD)
    sold = kinds if starred else "(?!)"
    tiers = "|".join(_TIERS.split())
    forms = "|".join(sorted((*ANYBODYS_FORMS.split(), *_HOME_FORMS), key=len, reverse=True))
    regions = "|".join(sorted(_REGIONS, key=len, reverse=True))
    periods = "|".join(_PERIODS)
    things = "|".join((*_TOGETHER, *_THINGS.split()))
    cut = "|".join(stems(word, 4) for word in _CUT)
    full = "|".join(stems(word, 1) for word in (*_TIERS.split(), *_THINGS.split(), *_WHOLE_PERIODS))
    wordlike = "|".join(
        "".join(_LIKE.get(letter, letter) for letter in word) for word in _WORDLIKE.split()
    )
    no_word = f"(?![A-Z0-9]*(?:{wordlike}))"
    mixed = rf"(?!{_DAY}){no_word}{_NO_RUN}(?={_MIXED})[A-Z0-9]{{6,20}}"
    if starred:
        mixed += f"|(?!{_DAY}){no_word}{_STARRED}"
    end = "(?![A-Z0-9])"
    return re.compile(
        rf"(?P<words>(?:(?: (?P<region>{regions}))? (?P<form>{forms}){end})?"
        rf"(?: (?P<sold>{sold}){end})?(?(form)(?: (?P<kind>{kinds}){end})?|)"
        rf"(?: (?P<tier>{_DOUBLE_TIERS}|{tiers}){end})?(?: (?:{periods}){end})?"
        rf"(?: (?P<thing>{things}){end})?"
        rf"(?: (?:{_MONTHS})(?: 20[0-9]{{2}})?{end})?)"
        rf"(?:(?P<cut> (?:{cut})$)"
        rf"|(?: (?:INV|INVOICE|REF|ORDER|NO|NR|ID))?"
        rf"(?: (?:{_SURE}|{no_word}{_DIGITS}|(?P<mixed>{mixed})){end})(?: [0-9]{{2,}}){{0,3}}"
        rf"|(?P<full> (?:{full})$))?"
    )


@lru_cache(maxsize=1)
def _begun_forms() -> re.Pattern[str]:
    """A region and the first letters of a legal form, the dots of which may be left; the first two
    or more without a region."""
    regions = "|".join(sorted(_REGIONS, key=len, reverse=True))
    forms = "|".join(stems(form, 1) for form in sorted(_HOME_FORMS))
    longer = "|".join(stems(form, _FORM_STUB) for form in sorted(_HOME_FORMS))
    return re.compile(rf"(?: (?P<region>{regions}) (?:{forms})| (?P<stub>{longer}))$")


def behind_name(name: str, start: int, width: int, *, starred: bool) -> Iterator[Behind]:
    """What such words say that begin at ``start``, the longest first; ``width`` is the name's raw
    length, ``starred``: they stand behind a ``*``."""
    if width in _FULL_FIELDS:
        begun = _begun_forms().match(name, start)
        if begun is not None:
            region, stub = begun.group("region", "stub")
            there = _REGIONS[region].split() if region else _homes_of_stub(stub)
            yield Behind(
                begun.end(), cut=True, weak=True, homes=frozenset(there), region=region is not None
            )
    found = _behind_names(starred=starred).match(name, start)
    if found is None or found.end() == start:
        return
    homes = _homes(found)
    region = found.group("region") is not None
    full, sold = found.group("full") is not None, found.group("sold", "kind") != (None, None)
    several = None not in found.group("tier", "thing")
    if not full or width in _FULL_FIELDS:
        yield Behind(
            found.end(),
            cut=full or found.group("cut") is not None,
            weak=full or sold or several or found.group("mixed") is not None,
            homes=homes,
            region=region,
            formal=found.end() == found.end("form"),
        )
    if start < found.end("words") < found.end():
        yield Behind(found.end("words"), weak=sold or several, homes=homes, region=region)


def without_form(name: str) -> str:
    """A legal name without its legal form."""
    for form in sorted(LEGAL_FORMS, key=len, reverse=True):
        if name.endswith(f" {form}"):
            return name.removesuffix(f" {form}")
    return name


def _homes_of_stub(stub: str) -> set[str]:
    """Where the legal forms that begin so are at home."""
    begun = (homes for form, homes in _HOME_FORMS.items() if form.startswith(stub))
    return {country for homes in begun for country in homes.split()}


def _homes(found: re.Match[str]) -> frozenset[str] | None:
    """Where somebody with this legal form is at home; None: anywhere."""
    form, region = found.group("form", "region")
    if form is None or (form in ANYBODYS_FORMS.split() and region in (None, *_AMERICAN)):
        return None
    return frozenset((_REGIONS[region] if region is not None else _HOME_FORMS[form]).split())


_AMERICAN = tuple(region for region, code in _REGIONS.items() if code == "US")
