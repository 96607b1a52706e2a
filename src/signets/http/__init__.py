"""The HTTP edge: routes by noun, schemas, one error shape, authentication. No rules.

A request passes, in this order: :mod:`.middleware` (request id, body limit, log, metrics),
:mod:`.routing` (key, scope, query, body), a handler of one noun that calls one use case, and
:mod:`.outputs`. Whatever goes wrong on the way leaves through :mod:`.errors`.
"""
