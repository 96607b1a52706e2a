"""Cities that acquirers write behind a name, by the country they lie in.

A vendor is billed from where its acquirer files it, which changes: behind a name that stands for
itself, any large city of a country that the vendor bills from is neutral. It proves nothing.
"""

from __future__ import annotations

_CITIES = {
    "AT": "Vienna|Wien|Graz|Linz",
    "AU": "Sydney|Melbourne|Brisbane|Perth|Surry Hills|Adelaide",
    "BE": "Brussels|Bruxelles|Gent|Antwerp",
    "BG": "Sofia",
    "BR": "Sao Paulo",
    "CA": "Toronto|Vancouver|Ottawa|Montreal|Calgary|Waterloo|Kitchener|Victoria|Halifax",
    "CH": "Zurich|Zuerich|Geneva|Geneve|Basel|Lausanne|Zug",
    "CY": "Limassol|Nicosia|Larnaca",
    "CZ": "Praha|Prague|Brno",
    "DE": (
        "Berlin|Munich|Muenchen|Hamburg|Cologne|Koeln|Frankfurt|Frankfurt am Main|Leipzig|"
        "Stuttgart|Duesseldorf|Karlsruhe|Nuernberg|Dresden|Potsdam"
    ),
    "DK": "Copenhagen|Kobenhavn|Aarhus",
    "EE": "Tallinn|Tartu",
    "ES": "Madrid|Barcelona|Valencia|Malaga",
    "FI": "Helsinki|Espoo|Tampere",
    "FR": "Paris|Lyon|Lille|Toulouse|Nantes|Roubaix|Bordeaux",
    "GB": "London|Manchester|Cambridge|Edinburgh|Bristol|Oxford|Leeds|Brighton|Belfast|Glasgow",
    "HU": "Budapest",
    "IE": "Dublin|Dublin 1|Dublin 2|Dublin 3|Dublin 4|Dublin 8|Dublin 18|Cork|Galway|Limerick",
    "IL": "Tel Aviv|Tel Aviv Yafo|Herzliya|Haifa|Jerusalem|Ramat Gan",
    "IN": "Mumbai|Bangalore|Bengaluru|New Delhi|Hyderabad|Gurgaon|Chennai|Pune|Noida",
    "IT": "Milan|Milano|Roma|Rome|Torino",
    "JP": "Tokyo",
    "LT": "Vilnius|Kaunas",
    "LU": "Luxembourg",
    "LV": "Riga",
    "NL": "Amsterdam|Rotterdam|Utrecht|Den Haag|Eindhoven|Delft",
    "NO": "Oslo|Bergen",
    "NZ": "Auckland|Wellington|Christchurch",
    "PL": "Warsaw|Warszawa|Krakow|Wroclaw|Gdansk|Poznan",
    "PT": "Lisbon|Lisboa|Porto",
    "RO": "Bucharest|Cluj Napoca",
    "SE": "Stockholm|Gothenburg|Goteborg|Malmo|Lund",
    "SG": "Singapore",
    "SI": "Ljubljana",
    "US": (
        "San Francisco|South San Francisco|New York|New York City|Brooklyn|Seattle|Los Angeles|"
        "San Jose|San Mateo|Palo Alto|Menlo Park|Mountain View|Oakland|Redwood City|Sunnyvale|"
        "Santa Clara|Santa Monica|Berkeley|San Diego|Covina|Boston|Cambridge|Austin|Dallas|"
        "San Rafael|Houston|San Antonio|Chicago|Denver|Boulder|Broomfield|"
        "Portland|Philadelphia|Pittsburgh|"
        "Phoenix|Tempe|Scottsdale|Atlanta|Miami|Tampa|Wilmington|Dover|Washington|Bellevue|"
        "Redmond|Kirkland|Salt Lake City|Lehi|Provo|Draper|Las Vegas|Minneapolis|Nashville|"
        "Raleigh|Durham|Charlotte|Cupertino|Los Gatos|Campbell|Foster City|Burlingame|Emeryville|"
        "Milpitas|Fremont|Pleasanton|San Ramon|San Bruno|San Carlos|Santa Barbara|Santa Cruz|"
        "Irvine|Pasadena|Culver City|Sacramento|Somerville|Waltham|Burlington|Providence|"
        "New Haven|Stamford|Jersey City|Hoboken|Newark|Princeton|Arlington|Reston|McLean|"
        "Alexandria|Richmond|Orlando|Jacksonville|St Louis|Kansas City|Omaha|Lincoln|Madison|"
        "Milwaukee|Detroit|Ann Arbor|Columbus|Cincinnati|Cleveland|Indianapolis|Louisville|"
        "Boise|Reno|Tucson|Lewes|Newark De|Middletown|Claymont|Cheyenne|Sheridan"
    ),
}


def cities(countries: tuple[str, ...]) -> tuple[str, ...]:
    """The cities of these countries (ISO 3166-1 alpha-2), in the normal form of names."""
    named = {city for code in countries for city in _CITIES.get(code, "").split("|") if city}
    return tuple(sorted(city.upper() for city in named))
