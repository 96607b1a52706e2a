"""The Lithic adapter: Lithic's wire <-> Signets' words, over the official SDK alone.

Pointing it at the local sandbox, at Lithic's sandbox or at production is one setting: the base
URL.
"""
