"""Cities that acquirers write behind a name, by the country they lie in.

A vendor is billed from where its acquirer files it, which changes: behind a name that stands for
itself, any large city of a country that the vendor bills from is neutral. It proves nothing.
"""

from __future__ import annotations

_CITIES = {
    "AT": "Vienna|Wien",
    "AU": "Sydney|Melbourne|Brisbane",
    "BE": "Brussels|Bruxelles",
    "CA": "Toronto|Vancouver|Ottawa|Montreal",
    "CH": "Zurich|Zuerich|Geneva|Geneve",
    "CZ": "Praha|Prague|Brno",
    "DE": "Berlin|Munich|Muenchen|Hamburg|Cologne|Koeln|Frankfurt|Frankfurt am Main",
    "DK": "Copenhagen|Kobenhavn",
    "ES": "Madrid|Barcelona",
    "FI": "Helsinki",
    "FR": "Paris",
    "GB": "London|Manchester|Cambridge|Edinburgh",
    "IE": "Dublin|Dublin 1|Dublin 2|Dublin 4|Cork",
    "IL": "Tel Aviv",
    "IN": "Mumbai|Bangalore|Bengaluru|New Delhi|Hyderabad|Gurgaon",
    "IT": "Milan|Milano|Roma",
    "JP": "Tokyo",
    "LU": "Luxembourg",
    "NL": "Amsterdam|Rotterdam|Utrecht",
    "PL": "Warsaw|Warszawa|Krakow",
    "SE": "Stockholm",
    "SG": "Singapore",
    "US": (
        "San Francisco|South San Francisco|New York|New York City|Brooklyn|Seattle|Los Angeles|"
        "San Jose|San Mateo|Palo Alto|Menlo Park|Mountain View|Oakland|Redwood City|Sunnyvale|"
        "Santa Clara|Santa Monica|Berkeley|San Diego|Covina|Boston|Cambridge|Austin|Dallas|"
        "Houston|San Antonio|Chicago|Denver|Boulder|Broomfield|Portland|Philadelphia|Pittsburgh|"
        "Phoenix|Tempe|Scottsdale|Atlanta|Miami|Tampa|Wilmington|Dover|Washington|Bellevue|"
        "Redmond|Salt Lake City|Las Vegas|Minneapolis|Nashville|Raleigh|Durham"
    ),
}


def cities(countries: tuple[str, ...]) -> tuple[str, ...]:
    """The cities of these countries (ISO 3166-1 alpha-2), in the normal form of names."""
    named = {city for code in countries for city in _CITIES.get(code, "").split("|") if city}
    return tuple(sorted(city.upper() for city in named))
