"""Stage 5: every message about a card transaction, folded into one state.

:mod:`~signets.core.settlement.model` what an issuer says; :mod:`~signets.core.settlement.fold` the
order-free fold; :mod:`~signets.core.settlement.state` its result;
:mod:`~signets.core.settlement.position` the result as ledger balances.
"""
