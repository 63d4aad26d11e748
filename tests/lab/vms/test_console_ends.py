"""What ends an open console: a right that is revoked, a session that ends, a VM that goes; and two web servers."""

import threading
from collections.abc import Iterator

import libvirt
import pytest
from lab import Lab

from tests.support.console_pages import ConsolePage
from tests.support.portal import PASSWORD, Portal, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

GUEST = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory><os><type>hvm</type></os>
<devices><serial type='pty'/></devices></domain>"""
USERS = "from django.contrib.auth.models import User, Permission; from django.contrib.sessions.models import Session"
NAMES = ("inactive", "signed-out", "demoted", "stays")


@pytest.fixture(scope="module")
def guests(lab: Lab, portal: Portal) -> Iterator[libvirt.virConnect]:
    host = libvirt.open(lab.uri)
    for name in ("one", "two", "three"):
        host.createXML(GUEST.format(name=name), libvirt.VIR_DOMAIN_START_PAUSED)
    wait_for(lambda: portal.ask("VM.objects.filter(name__in=['one', 'two', 'three']).count()") == 3, 30, "the guests")
    yield host
    for domain in host.listAllDomains():
        domain.destroy()
    host.close()


def signed_in(portal: Portal, name: str) -> str:
    """Create an operator and return what a browser has after the sign-in."""
    made = f"[User.objects.create_user('{name}', password='{PASSWORD}')]"
    portal.ask(f"[u.user_permissions.add(Permission.objects.get(codename='operate')) for u in {made}]", USERS)
    browser = Portal(portal.data, None)
    browser.url = portal.url
    browser.post("/login/", username=name, password=PASSWORD)
    return browser.cookies()


def test_a_console_closes_within_half_a_minute_when_its_user_may_no_longer_open_it(
    portal: Portal, guests: libvirt.virConnect
):
    pages = {name: ConsolePage(portal, "one", Cookie=signed_in(portal, name)) for name in NAMES}
    for page in pages.values():
        page.__enter__()
        page.wait_for("opened")
    portal.ask("User.objects.filter(username='inactive').update(is_active=False)", USERS)
    portal.ask("User.objects.get(username='demoted').user_permissions.clear()", USERS)
    portal.ask("[u.set_password('x') or u.save() for u in User.objects.filter(username='signed-out')]", USERS)
    for name in NAMES[:3]:
        assert pages[name].wait_for("failed", 32)["reason"] == "You may no longer open this console."
        pages[name].__exit__(None, None, None)
    assert not pages["stays"].read(1) or all(each["type"] != "failed" for each in pages["stays"].messages)
    pages["stays"].__exit__(None, None, None)


def test_a_vm_that_is_gone_from_the_hypervisor_is_named(portal: Portal, guests: libvirt.virConnect):
    with ConsolePage(portal, "two") as page:
        page.wait_for("opened")
        guests.lookupByName("two").destroy()  # a transient domain is gone then, as after a migration
        assert page.wait_for("failed", code="consoles.off")["retry"]


def test_another_web_server_has_the_console_until_somebody_takes_over(portal: Portal, guests: libvirt.virConnect):
    other = Portal(portal.data, None)
    other.url = f"http://127.0.0.1:{free_port()}"
    other.start_web()
    try:
        with ConsolePage(portal, "three") as first:
            first.wait_for("opened")
            cookies = {"Cookie": portal.cookies()}
            with ConsolePage(other, "three", **cookies) as second:
                failed = second.wait_for("failed", code="consoles.elsewhere")
                assert failed["may_take"] and not failed["retry"]
            with ConsolePage(other, "three", take=True, **cookies) as second:
                second.wait_for("opened")
                assert first.wait_for("failed", code="consoles.taken_over")["may_take"]
        with ConsolePage(portal, "three") as first:  # the other one has closed it
            first.wait_for("opened")
    finally:
        other.stop()


def test_many_users_open_and_leave_a_console_at_once(portal: Portal, guests: libvirt.virConnect):
    failures = []

    def visit() -> None:
        for _ in range(5):
            with ConsolePage(portal, "three") as page:
                try:
                    page.wait_for("opened")
                except AssertionError as failure:
                    failures.append(failure)

    threads = [threading.Thread(target=visit) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
