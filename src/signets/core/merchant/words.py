"""Words that may stand behind a name without making it another one: closed lists, no others.

``FIGMA MONTHLY``, ``NETLIFY INC``, ``RENDER.COM PRO PLAN 4417-2209``: a legal form, the plan that
was bought, a reference. A word that is not listed here makes another name (``FIGMA SUPPORT``). Behind
a common word (an *ambiguous* name) they prove nothing: site, place, id, or MCC and country must.
"""

from __future__ import annotations

from signets.core.merchant.tails import stems

# The forms that every brand may be written with; another one only as a listed legal name, since
# `OPENAI LTD` may be somebody else.
_FORMS = "INC LLC"
# Which plan, how often, and what of it. Left out on purpose, because others sell or imitate with
# them: BILLING, CARD, CLOUD, CREDIT, GIFT, LICENSE, PAYMENT, REFUND, RENEWAL alone, SERVICES, SHOP,
# STORE, SUPPORT.
_TIERS = (
    "PRO PLUS TEAM TEAMS PREMIUM BUSINESS ENTERPRISE STANDARD BASIC STARTER PERSONAL INDIVIDUAL "
    "PROFESSIONAL MAX CREATOR DEVELOPER HOBBY"
)
_PERIODS = ("MONTHLY RENEWAL", "ANNUAL RENEWAL", "YEARLY RENEWAL", "MONTHLY", "ANNUAL", "YEARLY")
_THINGS = "SUBSCRIPTION SUBSCRIPTIONS SUBSCR SUBSCRIP SUBS SUB PLAN USAGE API CREDITS SEATS TOPUP"
_TOGETHER = ("API CREDITS", "API USAGE", "AUTO RECHARGE", "TOP UP")
_CUT = ("SUBSCRIPTION", "MONTHLY", "ANNUAL", "ENTERPRISE", "PROFESSIONAL", "BUSINESS", "PREMIUM")
_REFERENCE = r"[0-9]{4,}|(?=(?:[A-Z]*[0-9]){3})[A-Z0-9]{8,16}"


def behind_names() -> str:
    """The regex: a legal form; one plan, period and thing (the last may be cut); a reference."""
    forms, tiers = ("|".join(words.split()) for words in (_FORMS, _TIERS))
    periods = "|".join(_PERIODS)
    things = "|".join((*_TOGETHER, *_THINGS.split()))
    cut = "|".join(stems(word, 4) for word in _CUT)
    end = "(?![A-Z0-9])"
    return (
        rf"(?: (?:{forms}){end})?"
        rf"(?: (?:{tiers}){end})?(?: (?:{periods}){end})?(?: (?:{things}){end})?"
        rf"(?:(?P<cutmore> (?:{cut})$)"
        rf"|(?: (?:INV|INVOICE|REF|ORDER))?(?: (?:{_REFERENCE}){end})(?: [0-9]{{3,}}){{0,2}})?"
    )
