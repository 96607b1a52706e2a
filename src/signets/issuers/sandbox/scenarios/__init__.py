"""Named life cycles of a purchase, the same steps through either face of the network.

``SCENARIOS`` declares them; a ``ScenarioDriver`` (one per face) plays their steps;
``run_scenario`` plays one and says what the network then holds and has moved.
"""

from __future__ import annotations

from signets.issuers.sandbox.scenarios.catalogue import SCENARIOS
from signets.issuers.sandbox.scenarios.driver import DriverRefused, ScenarioDriver
from signets.issuers.sandbox.scenarios.lithic_driver import LithicDriver
from signets.issuers.sandbox.scenarios.model import (
    Books,
    Place,
    PurchaseTrace,
    Reach,
    Scenario,
    ScenarioTrace,
    StepTrace,
)
from signets.issuers.sandbox.scenarios.run import run_scenario
from signets.issuers.sandbox.scenarios.stripe_driver import StripeDriver

__all__ = [
    "SCENARIOS",
    "Books",
    "DriverRefused",
    "LithicDriver",
    "Place",
    "PurchaseTrace",
    "Reach",
    "Scenario",
    "ScenarioDriver",
    "ScenarioTrace",
    "StepTrace",
    "StripeDriver",
    "run_scenario",
]
