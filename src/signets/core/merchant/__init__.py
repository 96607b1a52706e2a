"""Who is charging.

``directory`` holds what is known about vendors, ``grammar`` reads descriptors, ``domains`` reads
what an agent typed, and ``match`` answers whether a merchant is the vendor a card is locked to.
"""
