"""Policy: what may be bought without a person, with one, or not at all.

In the order of the story: :mod:`.model` (the frozen values), :mod:`.parse` and :mod:`.render`
(plain data to values and back; ``schema.json`` publishes the document's shape), :mod:`.presets`
(the document a new organization starts with), :mod:`.levels` (which levels, caps, budgets and
blocks apply to whom), :mod:`.match` (does a rule speak about this intent), :mod:`.evaluate` (the
verdict and its trace).
"""
