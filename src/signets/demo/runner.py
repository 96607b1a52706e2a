"""Starts a system of its own, plays the scenes on it, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from signets import Signets
from signets.cli.credentials import save_key
from signets.cli.sandbox_driver import SandboxDriver, SandboxError, SandboxUnreachable
from signets.client.errors import SignetsError
from signets.demo import buying, defending, proving
from signets.demo.printer import Narrator
from signets.demo.scene import Outcome, Scene
from signets.demo.stage import NotSeen, Stage, money
from signets.demo.stripe_network import StripeNetwork
from signets.processes.sandbox import sandbox_key, sandbox_url
from signets.processes.sandbox_account import Face
from signets.processes.serve import Child, children, connect_sandbox, public_url, with_ports
from signets.settings import Settings

if TYPE_CHECKING:
    from signets.app.set_up_organization import NewOrganization

#: How long the folder may resist being deleted, seconds.
_REMOVE_SECONDS = 5.0

Play = Callable[[Stage, Scene], None]

SCENES: tuple[tuple[str, str, Play], ...] = (
    (
        "a",
        "$20 of API credits, $21.65 with tax; then a clearing above its authorization",
        buying.api_credits,
    ),
    ("b", "The same card at another merchant", defending.other_merchant),
    ("c", "A charge outside the window, stopped twice", defending.outside_the_window),
    ("d", "$200 at AWS: a person decides", buying.large_purchase),
    ("e", "An agent that times out and plans again", buying.planned_twice),
    ("f", "A merchant that recharges in a loop", defending.runaway_recharge),
    ("g", "A force post: money taken without asking", defending.force_post),
    ("h", "A $0 verification uses nothing up", buying.account_check),
    ("i", "A replayed and a forged request", defending.replayed_and_forged),
    ("j", "Evidence, checked offline, and one byte changed", proving.evidence),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What the demo found."""

    outcomes: tuple[Outcome, ...]
    ledger_balanced: bool

    def _ok(self, name: str) -> bool:
        return any(one.ok for one in self.outcomes if one.name == name)

    @property
    def ok(self) -> bool:
        """Whether everything was as promised."""
        return (
            all(one.ok for one in self.outcomes)
            and self.ledger_balanced
            and self._ok("j_evidence_verified")
            and self._ok("j_evidence_altered")
        )

    def as_dict(self) -> dict[str, object]:
        """The document of ``--json``."""
        return {
            "scenarios": [one.as_dict() for one in self.outcomes],
            "ledger_balanced": self.ledger_balanced,
            "evidence_verified": self._ok("j_evidence_verified"),
            "tamper_detected": self._ok("j_evidence_altered"),
        }


def run(folder: Path, narrator: Narrator, face: Face = Face.LITHIC) -> Result:
    """Play everything in ``folder``, which becomes the data folder, with cards of one issuer.

    Raises:
        Refusal: The system could not be started.
    """
    settings = own_settings(folder)
    with ExitStack() as stack:
        narrator.progress("making a database and an organization in a temporary folder")
        stage = _stage(settings, _start(settings, narrator, stack, face), stack, face)
        narrator.ready(policy_in_words(stage.admin.policy.get().document))
        outcomes: list[Outcome] = []
        for letter, title, play in SCENES:
            scene = Scene(letter, title)
            try:
                play(stage, scene)
            except (SignetsError, SandboxError, SandboxUnreachable, NotSeen) as error:
                scene.broke(error)
            narrator.scene(scene)
            outcomes += scene.outcomes
        stage.network.drain()
        balanced = stage.admin.ledger.check().balanced
        narrator.progress("stopping")
    return Result(outcomes=tuple(outcomes), ledger_balanced=balanced)


def policy_in_words(document: dict[str, Any]) -> list[str]:
    """The parts of the policy that the scenes touch, as the running system has them."""
    rules = []
    for rule in document["rules"]:
        bounds = rule["when"]
        where = "up to" if "up_to" in bounds else "above"
        rules.append(f"{rule['then']} {where} {money(bounds.get('up_to', bounds.get('above')))}")
    caps = [
        f"at most {cap['max_count']} charges in {cap['window']} per {' and '.join(cap['scope'])}"
        for cap in document["caps"]
        if cap["name"] == "burst"
    ]
    breaker = document["breaker"]
    return [
        *rules,
        f"{document['tolerance']['percent']} % tolerance",
        *caps,
        f"{breaker['declines']} declines in {breaker['within']} lock the card",
    ]


def own_settings(folder: Path) -> Settings:
    """Settings of this run alone.

    Whatever ``SIGNETS_*`` says about a system in earnest is taken out of the environment, so that
    neither this process nor a child of it touches that system.
    """
    for name in [name for name in os.environ if name.startswith("SIGNETS_")]:
        del os.environ[name]
    return with_ports(Settings(data_dir=folder, port=0, sandbox_port=0, log_level="error"))


def _start(settings: Settings, narrator: Narrator, stack: ExitStack, face: Face) -> NewOrganization:
    """All processes, and meanwhile the organization: whoever comes first starts the database."""
    with ThreadPoolExecutor(max_workers=1) as executor:
        making = executor.submit(lambda: asyncio.run(_organization(settings)))
        stack.enter_context(_children(settings, narrator, face))
        made = making.result()
    save_key(settings.data_dir, made.admin_token)
    # The processes may have been ready, and have looked for organizations, before there was one.
    connect_sandbox(settings, narrator.progress, face)
    return made


def _children(
    settings: Settings, narrator: Narrator, face: Face
) -> AbstractContextManager[list[Child]]:
    return children(settings, sandbox=True, workers=1, say=narrator.progress, face=face)


async def _organization(settings: Settings) -> NewOrganization:
    # Heavy: loaded here, while the processes start.
    from signets.app.set_up_organization import set_up_organization
    from signets.bootstrap import open_runtime

    async with open_runtime(settings, pool_size=2) as runtime:
        return await set_up_organization(
            runtime.services,
            name="Example Inc",
            currency="USD",
            admin_email="ada@example.com",
            admin_name="Ada",
        )


def _stage(settings: Settings, made: NewOrganization, stack: ExitStack, face: Face) -> Stage:
    base_url = public_url(settings)
    network = SandboxDriver if face is Face.LITHIC else StripeNetwork
    admin = stack.enter_context(Signets(api_key=made.admin_token, base_url=base_url))
    maya = admin.members.create(email="maya@example.com", name="Maya", role="approver")
    key = admin.keys.create(owner="member", member_id=maya, name="Maya's key")
    return Stage(
        base_url=base_url,
        admin=admin,
        approver=stack.enter_context(Signets(api_key=key.secret, base_url=base_url)),
        network=stack.enter_context(network(sandbox_url(settings), sandbox_key(settings))),
        folder=settings.data_dir,
        log_key=admin.evidence.key().vkey,
        clients=stack,
    )


@contextmanager
def temporary_folder(*, keep: bool) -> Iterator[Path]:
    """A new folder for one run, removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="signets-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            _remove(folder)


def _remove(folder: Path) -> None:
    """Delete it; a database that an interrupted start left behind may still be going down."""
    end = time.monotonic() + _REMOVE_SECONDS
    while time.monotonic() < end:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)
    shutil.rmtree(folder)


@contextmanager
def stopping_once() -> Iterator[None]:
    """SIGTERM ends the run as Ctrl-C does; a second signal does not disturb the cleaning up."""
    numbers = (signal.SIGINT, signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        for one in numbers:
            signal.signal(one, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
