"""Plans for NICs: what is attached and detached, in the guest, in the stored definition, or both."""

import pytest

from vms.domain_xml import FoundNIC, NICSpec
from vms.plan import NICStep, Verb, plan_nics

A, B = "52:54:00:00:00:08", "52:54:00:80:00:01"


def nic(mac: str) -> NICSpec:
    return NICSpec(kind="network", source="net1", mac=mac, model="virtio")


def seen(mac: str) -> FoundNIC:
    return FoundNIC(kind="network", source="net1", mac=mac, model="virtio", target="vnet1", link="up")


@pytest.mark.parametrize(
    ("what", "wanted", "removed", "live", "stored", "steps"),
    [
        ("all is there", [A], [], [A], [A], []),
        ("one is missing in both", [A, B], [], [A], [A], [(Verb.ATTACH, B, True, True)]),
        ("one is missing in the guest", [A], [], [], [A], [(Verb.ATTACH, A, True, False)]),
        ("one is missing in the definition", [A], [], [A], [], [(Verb.ATTACH, A, False, True)]),
        ("it is off", [A, B], [], None, [A], [(Verb.ATTACH, B, False, True)]),
        ("one goes", [A], [B], [A, B], [A, B], [(Verb.DETACH, B, True, True)]),
        ("one goes while it is off", [A], [B], None, [A, B], [(Verb.DETACH, B, False, True)]),
        ("the guest holds on to one", [A], [B], [A, B], [A], [(Verb.DETACH, B, True, False)]),
        ("one has gone already", [A], [B], [A], [A], []),
        ("others attached one", [A], [], [A, B], [A, B], []),
    ],
)
def test_the_steps_are_as_few_as_will_do(what, wanted, removed, live, stored, steps):
    found = plan_nics(
        tuple(map(nic, wanted)),
        frozenset(removed),
        None if live is None else tuple(map(seen, live)),
        tuple(map(seen, stored)),
    )
    assert [(step.verb, step.nic.mac, step.live, step.config) for step in found] == steps, what
    assert all(isinstance(step, NICStep) for step in found)
