"""The words a policy document may use: names, vendors, categories, places, people, time zones.

Each function takes a raw value and its path, and returns the normalised text or refuses it.
"""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from signets.core.ids import Prefix, is_id
from signets.core.intent import Usage
from signets.core.policy.fields import read_choice, refuse, show

# Source: ISO 3166-1 alpha-2, officially assigned codes (as in the tz database's iso3166.tab).
_COUNTRIES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR "
    "BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ "
    "EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW "
    "GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY "
    "KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV "
    "MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY "
    "QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG "
    "TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM "
    "ZW"
)
COUNTRIES = frozenset(_COUNTRIES.split())

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_AGENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DOMAIN = re.compile(r"(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_CATEGORY = re.compile(r"[a-z][a-z0-9_]{0,63}")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")
_MCC = re.compile(r"[0-9]{4}")


def _matched(pattern: re.Pattern[str], value: object, path: str, remedy: str) -> str:
    if isinstance(value, str) and pattern.fullmatch(value):
        return value
    raise refuse(path, f"{remedy}, and is {show(value)}")


def read_name(value: object, path: str) -> str:
    """The name of a rule, cap or budget: what decisions and people call it."""
    return _matched(
        _NAME, value, path, "must be a name in small letters, digits, `-`, `_`, `.` (at most 64)"
    )


def read_agent(value: object, path: str) -> str:
    """An agent's handle or id."""
    return _matched(_AGENT, value, path, "must be an agent's handle or id like `infra-agent`")


def read_card(value: object, path: str) -> str:
    """A card's id."""
    if isinstance(value, str) and is_id(value, Prefix.CARD):
        return value
    raise refuse(
        path, f"must be a card's id like `card_01h455vb4pex5vsknk084sn02q`, and is {show(value)}"
    )


def read_vendor(value: object, path: str) -> str:
    """A vendor's canonical domain, in small letters."""
    lowered = value.lower() if isinstance(value, str) else value
    return _matched(_DOMAIN, lowered, path, "must be a vendor's domain like `openai.com`")


def read_category(value: object, path: str) -> str:
    """A vendor category of the directory."""
    return _matched(_CATEGORY, value, path, "must be a vendor category like `model_api`")


def read_usage(value: object, path: str) -> str:
    """An intent's usage."""
    return read_choice(value, path, Usage).value


def read_workflow(value: object, path: str) -> str:
    """A workflow's name, as agents write it."""
    if isinstance(value, str) and 1 <= len(value) <= 100 and value.isprintable():
        return value
    raise refuse(path, f"must be a workflow's name of 1 to 100 characters, and is {show(value)}")


def read_reason(value: object, path: str) -> str:
    """A sentence shown to agents and approvers."""
    if isinstance(value, str) and 1 <= len(value) <= 300 and value.isprintable():
        return value
    raise refuse(path, f"must be one line of 1 to 300 characters, and is {show(value)}")


def read_approver(value: object, path: str) -> str:
    """A member's id, or e-mail address in small letters."""
    if isinstance(value, str):
        if is_id(value, Prefix.MEMBER):
            return value
        if _EMAIL.fullmatch(value):
            return value.lower()
    raise refuse(path, f"must be a member's id or e-mail address, and is {show(value)}")


def read_mcc(value: object, path: str) -> str:
    """A merchant category code. Text only: YAML reads an unquoted 0742 as another number."""
    return _matched(_MCC, value, path, 'must be four digits in quotes like `"7995"`')


def read_country(value: object, path: str) -> str:
    """A country. YAML reads an unquoted NO (Norway) as `false`, so that is named."""
    if isinstance(value, str) and value in COUNTRIES:
        return value
    hint = ' (put `"NO"` in quotes)' if value is False else ""
    raise refuse(
        path,
        f"must be an ISO 3166-1 alpha-2 code in capitals like `DE`, and is {show(value)}{hint}",
    )


def read_time_zone(value: object, path: str) -> str:
    """An IANA time zone. Names that mean something else on each machine are refused."""
    if isinstance(value, str) and (value == "UTC" or _is_area(value)):
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
        else:
            return value
    raise refuse(
        path, f"must be an IANA time zone like `Europe/Berlin` or `UTC`, and is {show(value)}"
    )


def _is_area(name: str) -> bool:
    # "localtime" is the machine's own zone, and "right/…" counts leap seconds.
    return "/" in name and not name.startswith(("posix/", "right/", "/", "."))
