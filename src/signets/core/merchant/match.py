"""Is this merchant the vendor that the card is locked to? Three-valued, in words.

No network carries a domain, so the answer is put together from what the network does send. The
order in which evidence decides:

1. An id known to be *another* vendor's refuses, however good the name is.
2. A letter or sign outside ASCII in the name refuses: no vendor needs one, imitations do.
3. A facilitator's prefix proves nothing about the seller behind it.
4. The name must be explained as a whole by one of the vendor's patterns
   (:mod:`signets.core.merchant.grammar`); another vendor's better explanation refuses.
5. A good name is held back (``unverified``) by anything that does not fit: a new id where the
   organization confirmed others, a foreign MCC or country, another vendor's site in the city
   field, a common word with nothing beside it, a form that is only guessed.

What members decided (:class:`signets.core.merchant.model.Learned`) stands after 1 to 3: they
confirm or deny a name or an id, but nothing they said makes a foreign id or a homoglyph pass.
"""

from __future__ import annotations

from signets.core.merchant.banks import without_suffix
from signets.core.merchant.directory import HUBS, Directory, Facilitator
from signets.core.merchant.grammar import (
    LEGAL_NAME,
    Reading,
    Source,
    derived_reading,
    normalize,
)
from signets.core.merchant.mcc import SOFTWARE
from signets.core.merchant.model import (
    Learned,
    MatchResult,
    Merchant,
    MerchantLock,
    MerchantMatch,
)
from signets.core.merchant.places import cities
from signets.core.merchant.signs import (
    field_host,
    is_site,
    odd_letter,
    one_edit,
    phone_country,
)
from signets.core.merchant.tails import CUT_MIN

_MATCH, _NO, _UNSURE = MatchResult.MATCH, MatchResult.NO_MATCH, MatchResult.UNVERIFIED
_LONGEST = 64  # a name, city and country glued together are 40; longer is no descriptor
_LONGEST_ROW = 128  # with what a bank writes around it
_RANK = {_MATCH: 2, _UNSURE: 1, _NO: 0}


def match_lock(
    lock: MerchantLock, merchant: Merchant, directory: Directory, learned: Learned
) -> MerchantMatch:
    """Whether the merchant is one of the lock's vendors; the best answer over them counts.

    ``lock.vendors`` are canonical domains (see :func:`signets.core.merchant.domains
    .canonical_vendor`). A lock on nothing matches nothing.
    """
    best: MerchantMatch | None = None
    for domain in lock.vendors:
        answer = _Question(domain, merchant, directory, learned, lock.allow_facilitators).answer()
        if answer.result is _MATCH:
            return answer
        if best is None or (_RANK[answer.result], answer.confidence) > (
            _RANK[best.result],
            best.confidence,
        ):
            best = answer
    return best or MerchantMatch(
        result=_NO, confidence=0, vendor=None, rule="the card is locked to nobody"
    )


def identify(merchant: Merchant, directory: Directory, learned: Learned) -> str | None:
    """The vendor that the merchant looks like, by id first, then by its whole name.

    For messages and for counting attempts; never a permission.
    """
    for identifier in _ids(merchant):
        owner = _owner(identifier, directory, learned)
        if owner is not None:
            return owner
    raw = merchant.descriptor.strip()
    if _is_endless(raw) or odd_letter(raw) is not None or directory.facilitator(raw):
        return None
    found = directory.read_raw(raw)
    return found[0].compiled.domain if found else None


def _ids(merchant: Merchant) -> tuple[str, ...]:
    pair = (merchant.network_id, merchant.acceptor_id)
    return tuple(i.strip() for i in pair if i is not None and i.strip())


def _owner(identifier: str, directory: Directory, learned: Learned) -> str | None:
    for domain, confirmed in learned.confirmed_ids:
        if confirmed == identifier:
            return domain
    return directory.domain_of_id(identifier)


class _Question:
    """One vendor held against one merchant: the evidence is read once, then the rules run."""

    __slots__ = (
        "country",
        "directory",
        "domain",
        "facilitators",
        "learned",
        "merchant",
        "sites",
        "vendor",
    )

    def __init__(
        self,
        domain: str,
        merchant: Merchant,
        directory: Directory,
        learned: Learned,
        facilitators: bool,
    ) -> None:
        self.domain = domain
        self.merchant = merchant
        self.directory = directory
        self.learned = learned
        self.facilitators = facilitators
        self.country = (merchant.country or "").upper()
        self.vendor = directory.vendor(domain)
        self.sites: tuple[str, ...] | None = None

    def answer(self) -> MerchantMatch:
        ids = _ids(self.merchant)
        owners = [_owner(identifier, self.directory, self.learned) for identifier in ids]
        if _is_endless(self.merchant.descriptor):
            return self._no(f"the name is longer than {_LONGEST} characters")
        through = self.directory.facilitator(self.merchant.descriptor)
        if through is not None:
            return self._facilitated(through[0], through[1], self.domain in owners)
        for identifier, owner in zip(ids, owners, strict=True):
            if owner is not None and owner != self.domain:
                return self._no(f"the id `{identifier}` is known to be {owner}'s", owner)
        odd = odd_letter(self.merchant.descriptor)
        if odd is not None:
            return self._no(f"the name holds `{odd}`, which is no ASCII letter and may imitate one")
        raw = self.merchant.descriptor.strip()
        name = normalize(raw)
        decided = self._decided(name, ids, known=self.domain in owners)
        if decided is not None:
            return decided
        reading = self._reading(raw)
        if isinstance(reading, MerchantMatch):
            if self.domain in owners:
                return self._unsure(55, f"its id is known to be {self.domain}'s but {reading.rule}")
            return reading
        return self._weigh(reading, ids, owners)

    def _decided(self, name: str, ids: tuple[str, ...], *, known: bool) -> MerchantMatch | None:
        """What a member said about this very name or id, if anything."""
        once = self._once(name, ids)
        if once is not None:
            return once
        if any((self.domain, identifier) in self.learned.denied_ids for identifier in ids):
            return self._no(f"a member said that this id is not {self.domain}'s")
        if not known and (self.domain, name) in self.learned.denied_descriptors:
            return self._no(f"a member said that `{name}` is not {self.domain}")
        for fact in self.learned.confirmed_descriptors:
            if (fact.vendor, fact.descriptor) != (self.domain, name):
                continue
            if not known and self._has_confirmed_ids():
                return self._unsure(50, f"a confirmed name under an id new for {self.domain}")
            if fact.fits(self.merchant):
                return self._yes(95, f"the name `{name}` is confirmed for {self.domain}")
        return None

    def _once(self, name: str, ids: tuple[str, ...]) -> MerchantMatch | None:
        """A member's permission for this very merchant, for one intent."""
        for permission in self.learned.once:
            if permission.vendor == self.domain and permission.covers(name, ids):
                return MerchantMatch(
                    result=_MATCH,
                    confidence=80,
                    vendor=self.domain,
                    rule=f"a member allowed `{name}` once, for {permission.intent_id}",
                    intent_id=permission.intent_id,
                )
        return None

    def _has_confirmed_ids(self) -> bool:
        return any(domain == self.domain for domain, _ in self.learned.confirmed_ids)

    def _reading(self, raw: str) -> Reading | MerchantMatch:
        """The vendor's own pattern that explains the name, or the answer where none does."""
        name = normalize(raw)
        if self.vendor is None:
            return self._custom_reading(name, len(raw))
        found = self.directory.read_raw(raw)
        if not found:
            return self._unexplained(name)
        found = self._own_first(found)
        best = found[0].compiled
        rivals = {r.compiled.domain for r in found if _rivals(r, found[0])} - {best.domain}
        if rivals and self.domain in (best.domain, *rivals):
            others = sorted(({best.domain} | rivals) - {self.domain})
            return self._unsure(40, f"`{name}` can be another's name too ({', '.join(others)})")
        if best.domain == self.domain:
            # A form that is only guessed yields to one that is known and explains it as well, a cut
            # one to a legal name that explains it whole.
            return min(found, key=lambda one: _preference(one, self.domain))
        if best.open and self._mentions(name):
            return self._unsure(20, f"the name begins like {self.domain}'s and goes on unlike")
        return self._no(f"the name is {best.domain}'s ({best.pattern.line})", best.domain)

    def _own_first(self, found: list[Reading]) -> list[Reading]:
        """The readings, without those of vendors that bill in the very form of this one."""
        best = found[0].compiled
        for one in found:
            if one.compiled.domain == self.domain and self.directory.shared(one.compiled, best):
                others = (r for r in found if not self.directory.shared(r.compiled, one.compiled))
                return [one, *others]
        return found

    def _custom_reading(self, name: str, width: int) -> Reading | MerchantMatch:
        reading = derived_reading(self.domain, name, width)
        if reading is not None:
            return reading
        known = self.directory.readings(name, width)
        if known:
            domain = known[0].compiled.domain
            return self._no(f"the name is {domain}'s", domain)
        return self._no(f"the name is not {self.domain}'s")

    def _mentions(self, name: str) -> bool:
        return bool(self.directory.heads(self.domain).of(name))

    def _unexplained(self, name: str) -> MerchantMatch:
        begun = self.directory.heads(self.domain)
        heads = begun.of(name)
        if heads and all(ambiguous for _, ambiguous in heads) and not self._own_site():
            return self._no(f"`{name}` only begins with the common word `{heads[0][0]}`")
        if heads:
            return self._unsure(25, f"the name begins like {self.domain}'s and goes on unlike")
        first = name.split(" ", 1)[0]
        if any(one_edit(first, word) for word in begun.words):
            return self._no(f"`{first}` looks like {self.domain}'s name but is not")
        return self._no(f"the name is not {self.domain}'s")

    def _weigh(
        self, reading: Reading, ids: tuple[str, ...], owners: list[str | None]
    ) -> MerchantMatch:
        """A good name: what else fits, and what does not?"""
        pattern = reading.compiled.pattern
        known = self.domain in owners
        confirmed = known and any((self.domain, i) in self.learned.confirmed_ids for i in ids)
        doubt = self._doubt(reading, known)
        if confirmed:
            return self._yes(99, f"name ({pattern.line}) and an id confirmed for {self.domain}")
        if doubt is not None:
            return doubt
        if known:
            return self._yes(97, f"name ({pattern.line}) and an id seen for {self.domain}")
        signs = [
            text
            for text, fits in (
                ("own site", reading.own_url or self._own_site()),
                ("MCC", self.merchant.mcc is not None),
                ("country", self.merchant.country is not None),
            )
            if fits
        ]
        cut = ", cut" if reading.cut else ""
        agrees = f"; {', '.join(signs)} agree" if signs else "; nothing else was sent"
        less = 4 * reading.cut + 4 * (reading.more is not None) + 4 * (not self._bills_from())
        less += 4 * pattern.shortened
        less += 8 * (pattern.ambiguous and not (reading.own_url or self._own_site()))
        confidence = max(80, 84 + 4 * len(signs) - less)
        return self._yes(confidence, f"name of {self.domain} ({pattern.line}{cut}){agrees}")

    def _doubt(self, reading: Reading, known: bool) -> MerchantMatch | None:
        """The first thing that does not fit a good name."""
        pattern, merchant, vendor = reading.compiled.pattern, self.merchant, self.vendor
        if reading.compiled.open:
            return self._unsure(30, f"`{pattern.text}` may be anybody under {self.domain}")
        if not known and self._has_confirmed_ids():
            return self._unsure(50, f"a good name under an id not confirmed for {self.domain}")
        if vendor is None:
            if known:
                return None
            return self._unsure(50, f"{self.domain} is not in the directory and no id is confirmed")
        if vendor.mccs and merchant.mcc is not None and merchant.mcc not in vendor.mccs:
            return self._unsure(35, f"a good name under MCC {merchant.mcc}, foreign to the vendor")
        if not self._bills_from() and self.country not in HUBS:
            return self._unsure(
                35, f"a good name from {self.country}, a country foreign to the vendor"
            )
        site = self._foreign_site()
        if site is not None:
            return self._unsure(30, f"a good name beside another's site, {site}")
        if pattern.source is Source.GUESS:
            return self._unsure(60, f"the form `{pattern.text}` is only guessed so far")
        if pattern.shortened and not (known or self._wholly_borne_out(reading)):
            return self._unsure(
                60, f"`{pattern.text}` is the domain cut short; MCC and country tell"
            )
        if not (known or self._borne_out(reading)):
            return self._unsure(45, f"how `{pattern.text}` is written here may be another's")
        if pattern.ambiguous and not (known or self._shown_beside(reading)):
            return self._unsure(45, f"`{pattern.text}` is borne by others too; nothing says which")
        return None

    def _bills_from(self) -> bool:
        """Whether the vendor itself is known to bill from the country, or nothing speaks of one."""
        known = self.vendor.countries if self.vendor else ()
        return not known or not self.country or self.country in known

    def _borne_out(self, reading: Reading) -> bool:
        """Whether MCC or country speak for what stands behind the name, or for a space in it, where
        that needs it: a short reference, a legal form of a country that the vendor bills from or
        that it names."""
        more = reading.more
        if reading.compiled.pattern.parted and not self._anything_sent(reading):
            return False
        if more is None or (more.homes is None and not more.weak):
            return True
        if more.homes is None:
            return self._anything_sent(reading)
        own = self.vendor.countries if self.vendor else frozenset()
        country = self.country or self._country_of_city(more.homes, reading.beside)
        named = more.region and self.merchant.mcc is not None
        if country == "" and named:
            return bool(more.homes.intersection(own))
        if country == "" and (reading.own_url or self._own_site(places=True)):
            return bool(more.homes.intersection(own | HUBS))
        return country in more.homes and (country in own or named)

    def _wholly_borne_out(self, reading: Reading) -> bool:
        """Whether its site, or an MCC of software *and* its own country, speak for a name that is
        only the domain cut short, alone or with a legal form."""
        merchant, vendor = self.merchant, self.vendor
        if vendor is None or reading.cut or (reading.more and not reading.more.formal):
            return False
        fits = merchant.mcc in SOFTWARE and merchant.mcc in vendor.mccs
        return self._own_site() or reading.own_url or (fits and self.country in vendor.countries)

    def _country_of_city(self, countries: frozenset[str], beside: str) -> str:
        """Which of these countries the city field lies in, or the city behind the name; empty where
        neither says."""
        city = normalize(self.merchant.city or "") or beside
        for code in sorted(countries):
            if city in cities((code,)) or city.removesuffix(f" {code}") in cities((code,)):
                return code
        return ""

    def _anything_sent(self, reading: Reading) -> bool:
        """Whether anything stands beside the name that fits: MCC, country, its site or place."""
        sent = self.merchant.mcc is not None or bool(self.country)
        return sent or reading.own_url or self._own_site(places=True)

    def _shown_beside(self, reading: Reading) -> bool:
        """Whether something says that a common word is the vendor: its site; an MCC of software
        with its own country, if any; without an MCC, its country and either its place or its legal
        name in full; its place, for a name that was observed, and for a legal name. What a family's
        vendors bill in alike, MCC and country do not tell apart."""
        pattern, merchant, vendor = reading.compiled.pattern, self.merchant, self.vendor
        if reading.own_url or self._own_site():
            return True
        legal = pattern.line == LEGAL_NAME
        placed = reading.own_place or self._own_site(places=True)
        if placed and (legal or pattern.source is Source.OBSERVED):
            return True
        if vendor is None or self.directory.is_shared(reading.compiled):
            return False
        if merchant.mcc is None:
            country = self.country or phone_country(merchant.city or "")
            return country in vendor.countries and (placed or legal)
        if merchant.mcc not in vendor.mccs:
            return False
        return self.country in vendor.countries or (not self.country and merchant.mcc in SOFTWARE)

    def _facilitated(self, through: Facilitator, rest: str, known: bool) -> MerchantMatch:
        name = through.name
        if through.vendor == self.domain:
            return self._unsure(30, f"{name} charges for others under {self.domain}'s name")
        if not self.facilitators:
            return self._no(
                f"charged through {name}, and the card does not allow facilitators", through.vendor
            )
        reading = None
        if odd_letter(rest) is None:
            reading = self._reading(rest)
        if not isinstance(reading, Reading):
            return self._no(f"charged through {name} by somebody who is not {self.domain}")
        if known and any(
            (self.domain, i) in self.learned.confirmed_ids for i in _ids(self.merchant)
        ):
            return self._yes(90, f"through {name}, with an id confirmed for {self.domain}")
        allowed = self._once(normalize(rest), _ids(self.merchant))
        if allowed is not None:
            return allowed
        return self._unsure(30, f"charged through {name}, where the seller writes the name")

    def _own_site(self, *, places: bool = False) -> bool:
        """Whether the vendor's own domain (or place) stands in the city or URL field."""
        domains = self.vendor.domains if self.vendor else (self.domain,)
        if any(is_site(text, d) for text in self._sites() for d in domains):
            return True
        if not places or self.vendor is None or not self.merchant.city:
            return False
        city = normalize(self.merchant.city)
        return any(
            city == place or (len(city) >= CUT_MIN - 1 and place.startswith(city))
            for place in (normalize(p) for p in self.vendor.places)
        )

    def _foreign_site(self) -> str | None:
        """Another vendor's domain in the city or URL field."""
        if self._own_site(places=True):
            return None
        for text in self._sites():
            labels = text.split(".")
            for start in range(len(labels) - 1):
                owner = self.directory.domain_of_host(".".join(labels[start:]))
                if owner is not None and owner != self.domain:
                    return owner
        return field_host(self.merchant.url) if self.merchant.url and self.vendor else None

    def _sites(self) -> tuple[str, ...]:
        if self.sites is None:
            fields = (self.merchant.city, self.merchant.url)
            self.sites = tuple(
                field_host(text)
                for text in fields
                if text and ("." in text or len(text) == CUT_MIN or text.lower().startswith("http"))
            )
        return self.sites

    def _yes(self, confidence: int, rule: str) -> MerchantMatch:
        return MerchantMatch(
            result=_MATCH, confidence=min(confidence, 99), vendor=self.domain, rule=rule
        )

    def _unsure(self, confidence: int, rule: str) -> MerchantMatch:
        return MerchantMatch(result=_UNSURE, confidence=confidence, vendor=None, rule=rule)

    def _no(self, rule: str, vendor: str | None = None) -> MerchantMatch:
        if vendor is not None and self.vendor is not None and vendor in self.vendor.sold_through:
            rule += f", which also sells {self.domain}: lock the card to {vendor} to buy there"
        return MerchantMatch(result=_NO, confidence=1 if vendor else 3, vendor=vendor, rule=rule)


def _is_endless(raw: str) -> bool:
    """Whether the name, without what a bank wrote around it, is longer than any descriptor."""
    return len(raw) > _LONGEST_ROW or (
        len(raw) > _LONGEST and len(without_suffix(normalize(raw))) > _LONGEST
    )


def _preference(reading: Reading, domain: str) -> tuple[bool, bool, bool]:
    """Of equally good readings, the known one first, of these what is no name cut short, and of
    these the whole legal name."""
    compiled = reading.compiled
    known = compiled.pattern.source is not Source.GUESS and not compiled.open
    legal = compiled.pattern.line == LEGAL_NAME and not reading.cut and reading.more is None
    own = known and compiled.domain == domain
    return not own, own and compiled.pattern.shortened, own and not legal


def _rivals(one: Reading, best: Reading) -> bool:
    """Whether this reading is as good as the best: as specific, or both are cut short."""
    if one.compiled.open != best.compiled.open:
        return False
    return one.compiled.weight == best.compiled.weight or (one.cut and best.cut)
