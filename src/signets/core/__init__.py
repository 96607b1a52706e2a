"""The product's rules, pure: no I/O, clock, randomness, environment or async.

In the order of the story:

1. :mod:`~signets.core.intent` what an agent wants to buy
2. :mod:`~signets.core.policy` whether it may, and who must agree; :mod:`~signets.core.approval`
3. :mod:`~signets.core.card` the card that opens for it, for a window
4. :mod:`~signets.core.velocity` and :mod:`~signets.core.authorization` the real-time decision
5. :mod:`~signets.core.settlement` every later message folded into one transaction
6. :mod:`~signets.core.verification` the transaction against its intent
7. :mod:`~signets.core.evidence` the log that an auditor checks offline

Underneath: :mod:`~signets.core.money`, :mod:`~signets.core.ids`, :mod:`~signets.core.errors`,
:mod:`~signets.core.reasons`, :mod:`~signets.core.merchant`, :mod:`~signets.core.ledger`.
A stage may import what is above it in this list or underneath, never what comes after it.
"""
