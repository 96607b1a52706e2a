"""Stripe's names of merchant categories: where software vendors trade, and what policies block.

Source: docs.stripe.com/issuing/merchant-categories.
"""

from __future__ import annotations

CODES = {
    "advertising_services": "7311",
    "airlines_air_carriers": "4511",
    "automated_cash_disburse": "6011",
    "bail_and_bond_payments": "9223",
    "betting_casino_gambling": "7995",
    "book_stores": "5942",
    "books_periodicals_and_newspapers": "5192",
    "cable_satellite_and_other_pay_television_and_radio": "4899",
    "cigar_stores_and_stands": "5993",
    "computer_network_services": "4816",
    "computer_programming": "7372",
    "computer_repair": "7379",
    "computer_software_stores": "5734",
    "computers_peripherals_and_software": "5045",
    "consulting_public_relations": "7392",
    "dating_escort_services": "7273",
    "digital_goods_applications": "5817",
    "digital_goods_games": "5816",
    "digital_goods_large_volume": "5818",
    "digital_goods_media": "5815",
    "direct_marketing_inbound_telemarketing": "5967",
    "direct_marketing_subscription": "5968",
    "drinking_places": "5813",
    "eating_places_restaurants": "5812",
    "fast_food_restaurants": "5814",
    "government_licensed_horse_dog_racing_us_region_only": "7802",
    "government_licensed_online_casions_online_gambling_us_region_only": "7801",
    "government_owned_lotteries_non_us_region": "9406",
    "government_owned_lotteries_us_region_only": "7800",
    "grocery_stores_supermarkets": "5411",
    "hotels_motels_and_resorts": "7011",
    "information_retrieval_services": "7375",
    "manual_cash_disburse": "6010",
    "massage_parlors": "7297",
    "miscellaneous_business_services": "7399",
    "miscellaneous_general_merchandise": "5399",
    "non_fi_money_orders": "6051",
    "package_stores_beer_wine_and_liquor": "5921",
    "pawn_shops": "5933",
    "professional_services": "8999",
    "taxicabs_limousines": "4121",
    "telecommunication_services": "4814",
    "wires_money_orders": "4829",
}
_NAMES = {code: name for name, code in CODES.items()}


def category_of(mcc: str) -> str:
    """Stripe's name for a merchant category code."""
    return _NAMES.get(mcc, "miscellaneous_business_services")
