"""The SDK: typed clients of the HTTP API, sync and async. It imports nothing of the server.

Read :mod:`~signets.client.cards` for what a resource looks like,
:mod:`~signets.client.operation` for how one definition serves both clients, and
:mod:`~signets.client.exchange` for what is repeated and when.
"""
