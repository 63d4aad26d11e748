"""A NIC that is plugged into a running guest gets its lease: by itself, when the guest is configured, or at a boot."""

import time
from collections.abc import Callable
from dataclasses import asdict

import libvirt
import pytest
from lab import Lab, guest_image

from tests.guests.cell import SETTLING, Outcome, booted, guest_name, leased, run
from tests.guests.inside import Seen, read_guest
from tests.guests.mixtures import ACCESS, RED
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.guests

BY_ITSELF = 90  # s; cloud-init gives up after 50
BOOT_TIMEOUT = 300  # s


@pytest.mark.parametrize("rule", ["portal", "virter"])
@pytest.mark.parametrize("renderer", guest_image.RENDERERS)
def test_a_nic_plugged_into_a_running_guest_gets_its_lease(
    renderer: str, rule: str, lab: Lab, portal: Portal, record_property
) -> None:
    name, host = guest_name(renderer), libvirt.open(lab.uri)
    portal.ask("Hypervisor.objects.update(access_network='default')")
    plugged, configured, rebooted = Outcome(), Outcome(), Outcome()
    try:
        run(portal, renderer, (ACCESS,), rule)
        domain = booted(lab, host, renderer)
        mac = portal.manage("vm", "nic", "add", name, f"type=network,source={RED.source}").strip()

        def has_lease(seen: Seen) -> bool:
            card = seen.cards.get(mac)
            return bool(card and card.addresses & leased(host, RED, 4))

        after(plugged, lab, domain, BY_ITSELF, has_lease)
        done = portal.tried("vm", "configure", name)
        if done.returncode:
            configured.notes.append(done.stderr.strip().splitlines()[-1].removeprefix("CommandError: "))
        after(configured, lab, domain, SETTLING, has_lease)
        boot = read_guest(lab, domain).boot
        domain.reboot()
        began = time.monotonic()
        wait_for(lambda: through(read_guest(lab, domain), boot), BOOT_TIMEOUT, "the guest has booted again")
        booting = round(time.monotonic() - began)
        after(rebooted, lab, domain, SETTLING, has_lease)
        rebooted.seconds += booting
    finally:
        for row, outcome in (("plugged", plugged), ("configured", configured), ("rebooted", rebooted)):
            record_property(f"{row} {renderer} {rule}", asdict(outcome))
        portal.manage("vm", "rm", name)
        host.close()
    assert rule == "virter" or not (plugged.wrong or configured.wrong or rebooted.wrong)


def through(seen: Seen | None, boot: str) -> bool:
    """Whether a guest is at another boot than that, and cloud-init is done."""
    return seen is not None and seen.boot != boot and seen.errors is not None


def after(
    outcome: Outcome, lab: Lab, domain: libvirt.virDomain, seconds: float, as_desired: Callable[[Seen], bool]
) -> None:
    """Check a guest until it is as expected; record how long that took, or that it never was."""
    began = time.monotonic()
    while not ((seen := read_guest(lab, domain)) and as_desired(seen)):
        if time.monotonic() - began > seconds:
            outcome.wrong.append(f"no lease within {seconds} s")
            return
        time.sleep(1)
    outcome.seconds = round(time.monotonic() - began)
