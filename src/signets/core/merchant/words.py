"""Words that may stand behind a name without making it another one: closed lists, no others.

``FIGMA MONTHLY``, ``NETLIFY INC``, ``RENDER.COM PRO PLAN 4417-2209``: a legal form, the plan that
was bought, a reference. A word that is not listed here makes another name (``FIGMA SUPPORT``).
Behind a common word (an *ambiguous* name) they prove nothing: site, place, id, or MCC and country
must.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from signets.core.merchant.tails import stems

# The forms that every brand may be written with; another one only as a listed legal name, since
# `OPENAI LTD` may be somebody else.
_FORMS = "INC LLC"
_REGIONS = "US|USA|AMERICA|AMERICAS|NORTH AMERICA"
# Which plan, how often, and what of it. Left out on purpose, because others sell or imitate with
# them: BILLING, CARD, CLOUD, CREDIT, GIFT, LICENSE, PAYMENT, REFUND, RENEWAL alone, SERVICES, SHOP,
# STORE, SUPPORT.
_TIERS = (
    "PRO PLUS TEAM TEAMS PREMIUM BUSINESS ENTERPRISE STANDARD BASIC STARTER PERSONAL INDIVIDUAL "
    "PROFESSIONAL MAX CREATOR DEVELOPER HOBBY STD PREM"
)
_DOUBLE_TIERS = "BUSINESS (?:BASIC|STANDARD|STD|PREMIUM|PLUS)"
_PERIODS = ("MONTHLY RENEWAL", "ANNUAL RENEWAL", "YEARLY RENEWAL", "MONTHLY", "ANNUAL", "YEARLY")
_THINGS = "SUBSCRIPTION SUBSCRIPTIONS SUBSCR SUBSCRIP SUBS SUB PLAN USAGE API CREDITS SEATS TOPUP"
_TOGETHER = ("API CREDITS", "API USAGE", "AUTO RECHARGE", "TOP UP")
_CUT = ("SUBSCRIPTION", "MONTHLY", "ANNUAL", "ENTERPRISE", "PROFESSIONAL", "BUSINESS", "PREMIUM")
_DATE = "[0-9]{1,2}[/.][0-9]{1,2}(?:[/.][0-9]{2,4})?"
_REFERENCE = rf"{_DATE}|[0-9]{{4,}}|(?=(?:[A-Z]*[0-9]){{5}})[A-Z0-9]{{8,16}}"


@lru_cache(maxsize=1)
def _behind_names() -> re.Pattern[str]:
    """A legal form; one plan, period and thing (the last may be cut); a reference."""
    forms, tiers = ("|".join(words.split()) for words in (_FORMS, _TIERS))
    periods = "|".join(_PERIODS)
    things = "|".join((*_TOGETHER, *_THINGS.split()))
    cut = "|".join(stems(word, 4) for word in _CUT)
    end = "(?![A-Z0-9])"
    return re.compile(
        rf"(?P<words>(?:(?: (?:{_REGIONS}))? (?:{forms}){end})?"
        rf"(?: (?:{_DOUBLE_TIERS}|{tiers}){end})?(?: (?:{periods}){end})?(?: (?:{things}){end})?)"
        rf"(?:(?P<cut> (?:{cut})$)"
        rf"|(?: (?:INV|INVOICE|REF|ORDER))?(?: (?:{_REFERENCE}){end})(?: [0-9]{{3,}}){{0,2}})?"
    )


def behind_name(name: str, start: int) -> Iterator[tuple[int, bool]]:
    """Where such words end behind ``start``, the longest first, and whether the last one is cut."""
    found = _behind_names().match(name, start)
    if found is None or found.end() == start:
        return
    yield found.end(), found.group("cut") is not None
    if start < found.end("words") < found.end():
        yield found.end("words"), False
