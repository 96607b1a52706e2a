"""The log that an auditor checks offline.

:mod:`.entry` one state change and its bytes (:mod:`.canonical`), :mod:`.merkle` the RFC 6962 tree
over those bytes, :mod:`.checkpoint` the signed head of the tree, :mod:`.bundle` the file that
carries one intent's entries with their proofs. Bytes are specified in ``docs/formats``.
"""
