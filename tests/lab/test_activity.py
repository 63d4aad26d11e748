"""The activity log of a whole portal with a real libvirt: web server, worker, commands, and a webhook."""

import hashlib
import hmac
import json

import pytest

from tests.support.portal import Portal
from tests.support.servers.hook import hook
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

NET = ("net1", "--dhcp", "-n", "10.255.0.1/24")
MODELS = "from virterweb.notifications.models import Receiver, Delivery\nfrom virterweb.activity.models import Entry"


REFUSED = """
from django.db import transaction
with transaction.atomic():
    network = Network(hypervisor=Hypervisor.objects.get(), name="net2")
    bridge = "<bridge name='longer-than-linux-allows'/>"
    network.document = f"<network><name>net2</name><uuid>{network.uuid}</uuid>{bridge}</network>"
    network.save()
    network.note("added")
"""


def entries(portal: Portal, query: str) -> list[dict]:
    """Return the entries that the portal exports, the oldest first."""
    return json.loads(portal._open(f"/activity.json?{query}"))[::-1]


def summary(entry: dict) -> tuple[str, ...]:
    return tuple(entry[name] for name in ("user", "via", "event", "result"))


def test_a_change_by_command_and_one_by_page_are_logged_with_their_results_and_sent(portal: Portal):
    with hook() as server:
        made = f"Receiver.objects.create(name='chat', url='{server.url}', secret='a key', events='network *').pk"
        portal.ask(made, MODELS)
        server.statuses = [500, 204]
        portal.manage("network", "add", *NET, "--as-user", "admin")
        portal.post("/networks/lab/net1/remove/", disconnect="yes")
        wait_for(lambda: not portal.ask("Network.objects.filter(name='net1').exists()"), 30, "net1 is gone")
        added, removed = entries(portal, "object=net1")
        assert summary(added) == ("admin", "command", "added", "done")
        assert summary(removed) == ("admin", "page", "deleted", "done")
        assert removed["address"] == "127.0.0.1"
        sent = wait_for(lambda: len(server.received) >= 3 and server.received, 60, "both are sent, one at second try")
    assert [json.loads(body)["event"] for _, body in sent] == ["added", "deleted", "added"]
    for headers, body in sent:
        signed = headers["X-Virterweb-Timestamp"].encode() + b"." + body
        expected = hmac.new(b"a key", signed, hashlib.sha256).hexdigest()
        assert headers["X-Virterweb-Signature"] == f"sha256={expected}"
    wait_for(lambda: not portal.ask("Delivery.objects.filter(done_at=None).exists()", MODELS), 30, "both are delivered")
    assert portal.ask("list(Delivery.objects.order_by('pk').values_list('tries', flat=True))", MODELS) == [1, 0]


def test_a_change_that_libvirt_refuses_is_logged_with_the_reason(portal: Portal):
    portal.ask("Network.objects.get(name='net2').pk", REFUSED)
    (entry,) = wait_for(lambda: entries(portal, "object=net2&result=failed"), 30, "the change is refused")
    assert entry["error"]
    assert entry["via"] == "worker"  # written by a test, not by a page
    portal.ask("Network.objects.get(name='net2').remove()")
    wait_for(lambda: len(entries(portal, "object=net2&result=done")) == 1, 30, "the deletion is done")


def test_the_sign_in_of_the_session_is_logged_without_its_password(portal: Portal):
    (entry,) = entries(portal, "kind=sign-in&event=signed+in")
    assert summary(entry) == ("admin", "page", "signed in", "done")
    assert "walk the lab" not in json.dumps(entries(portal, ""))
