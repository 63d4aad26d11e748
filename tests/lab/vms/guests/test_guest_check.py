"""What a VM's page says of what a real guest does with its NICs; this guest has no agent, as many have not."""

import libvirt
import pytest
from lab import Lab

from tests.lab.state import things
from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

PAGE = "/vms/lab/tiny-64/"
LONG_AGO = "2026-01-01T00:00:00Z"


def marks(portal: Portal) -> list[str]:
    """Return the text about each NIC, in order: the tooltip of its mark, or the text of its cell."""
    rows = portal.get(PAGE).xpath("//table[@id='nics']/tbody/tr/td[4]")
    return [row.xpath("string(.//span[@role='img']/@title)") or " ".join(row.text_content().split()) for row in rows]


def test_a_guest_without_agent_is_judged_by_its_leases(portal: Portal, host: libvirt.virConnect, lab: Lab):
    before = things(host)
    portal.manage("network", "add", "quiet", "-n", "10.64.0.1/24")
    nic = "type=network,source=quiet,mac=52:54:00:00:64:01"
    portal.manage("vm", "run", "tiny", "--id", "64", "--memory", "128M", "--nic", nic)
    domain = host.lookupByName("tiny-64")
    try:
        assert all("waiting" in mark and "the guest is starting" in mark for mark in marks(portal))
        lease = "OK: up, with a lease of 192.168.122.64"
        wait_for(lambda: marks(portal)[0] == lease, 90, "the lease is seen")
        portal.ask(f"GuestReport.objects.update(since='{LONG_AGO}')")
        assert marks(portal)[1].endswith(
            "up without address, but this cannot be verified: the guest agent does not answer"
        )

        domain.updateDeviceFlags(with_link_down(domain.XMLDesc()), libvirt.VIR_DOMAIN_AFFECT_LIVE)
        wait_for(lambda: "its link is down" in marks(portal)[1], 30, "the page says so")
        listed = {row["mac"]: row["guest"] for row in attached(portal)}
        assert listed == {"52:54:00:00:00:40": "as-wanted", "52:54:00:00:64:01": "not-as-wanted"}

        run = portal.ask("GuestReport.objects.get().run")
        domain.destroy()
        wait_for(lambda: portal.ask("GuestReport.objects.count()") == 0, 30, "what the guest told is forgotten")
        domain.create()
        wait_for(lambda: portal.ask("[report.run for report in GuestReport.objects.all()]"), 30, "it runs again")
        assert portal.ask("GuestReport.objects.get().run") != run
        assert "the guest is starting" in marks(portal)[1] or "its link is down" in marks(portal)[1]
    finally:
        portal.manage("vm", "rm", "tiny-64")
        portal.manage("network", "rm", "quiet")
    assert things(host) == before


def attached(portal: Portal) -> list[dict[str, str]]:
    rows = "list(rows(VM.objects.all(), Filters()))"
    said = f"[dict(mac=row.mac, guest=row.nic.guest.state) for row in {rows}]"
    return portal.ask(said, "from vms.attached.filters import Filters; from vms.attached.table import rows")


def with_link_down(document: str) -> str:
    """The second NIC of a domain, with its link down."""
    nic = document.split("<interface ")[2].split("</interface>")[0]
    return f"<interface {nic}<link state='down'/></interface>"
