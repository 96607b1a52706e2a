"""``signets demo``: the whole purchase loop, played on a real system of its own.

Processes, database, HTTP, SDK and issuer are the ones that serve in earnest; only the shoppers are
made up. No outcome is stated here: each is read back from the running system and compared.
"""
