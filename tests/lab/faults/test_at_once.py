"""Many people change things in the same moment, on each database: who is second is told so, and nothing is lost."""

import http.client
import threading
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass

import pytest
from lxml import html
from postgresql import private_server

from tests.support.portal import Portal
from tests.support.waiting import wait_for

pytestmark = pytest.mark.lab

AT_ONCE = 50
AT_FIELDS = "//*[contains(concat(' ', @class, ' '), ' error ')]"  # the texts, without the summary


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def portal(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    """A portal with a worker that polls meanwhile, on libvirt's test driver."""
    with private_server() if request.param == "postgresql" else nullcontext() as url:
        options = {"DATABASE_URL": url} if url else {}
        portal = Portal(tmp_path_factory.mktemp("portal"), {"test": "test:///default"}, **options)
        portal.start_web()
        portal.start_worker()
        portal.log_in()
        wait_for(lambda: portal.table("/networks/"), 20, "the first poll")
        yield portal
        portal.stop()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back: the status, where it leads, and the error texts of the page."""

    status: int
    location: str
    errors: tuple[str, ...]


def at_once(portal: Portal, sends: list[tuple[str, dict[str, object]]]) -> list[Answer]:
    """Send all forms in the same moment, each on a connection of its own."""
    portal.get("/networks/add/")
    jar = next(handler for handler in portal._browser.handlers if hasattr(handler, "cookiejar")).cookiejar
    cookie = "; ".join(f"{each.name}={each.value}" for each in jar)
    token = next(each.value for each in jar if each.name == "csrftoken")
    address = urllib.parse.urlsplit(portal.url)
    barrier = threading.Barrier(len(sends))
    answers: list[Answer | None] = [None] * len(sends)

    def send(number: int, path: str, fields: dict[str, object]) -> None:
        body = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": token}, doseq=True)
        headers = {"Cookie": cookie, "Referer": portal.url, "Content-Type": "application/x-www-form-urlencoded"}
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=120)
        connection.connect()
        barrier.wait()
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        page = answer.read()
        found = html.fromstring(page).xpath(AT_FIELDS) if answer.status in (409, 422) else []
        texts = tuple(" ".join(each.text_content().split()) for each in found)
        answers[number] = Answer(status=answer.status, location=answer.headers.get("Location", ""), errors=texts)
        connection.close()

    threads = [threading.Thread(target=send, args=(number, *each)) for number, each in enumerate(sends)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


@pytest.fixture
def host(portal: Portal) -> int:
    return portal.ask("Hypervisor.objects.get().pk")


@pytest.fixture(autouse=True)
def no_broken_page(portal: Portal) -> Iterator[None]:
    """Check that neither the web server nor the worker logs a database error."""
    yield
    logs = (portal.data / "web.log").read_text() + portal.worker_log()
    for word in ("database is locked", "IntegrityError", "OperationalError", "deadlock", "Traceback"):
        assert word not in logs, logs[max(0, logs.index(word) - 200) :][:3000]


def network(host: int, name: str, ipv4: str) -> tuple[str, dict[str, object]]:
    return "/networks/add/", {"hypervisor": host, "name": name, "ipv4": ipv4, "autostart": "on", "stp": "on"}


def statuses(answers: list[Answer]) -> dict[int, int]:
    return dict(Counter(answer.status for answer in answers))


def test_a_name_is_used_once_and_the_others_get_an_error_at_the_field(portal: Portal, host: int):
    answers = at_once(portal, [network(host, "same", f"10.1.{number}.1/24") for number in range(AT_ONCE)])
    assert statuses(answers) == {302: 1, 422: AT_ONCE - 1}
    assert {error for answer in answers for error in answer.errors} == {"test already has a network same."}


def test_a_block_is_used_once_and_the_others_get_an_error_at_the_field(portal: Portal, host: int):
    answers = at_once(portal, [network(host, f"block-{number}", "10.2.0.1/24") for number in range(20)])
    assert statuses(answers) == {302: 1, 422: 19}
    errors = {error for answer in answers for error in answer.errors}
    assert len(errors) == 1 and "overlaps" in errors.pop()


def test_networks_that_do_not_collide_are_all_added_and_carried_out(portal: Portal, host: int):
    answers = at_once(portal, [network(host, f"many-{number}", f"10.3.{number}.1/24") for number in range(AT_ONCE)])
    assert statuses(answers) == {302: AT_ONCE}
    ready = (
        "Network.objects.filter(name__startswith='many-', status__generation=models.F('generation'), status__error='')"
    )
    wait_for(lambda: portal.ask(f"{ready}.count()", "from django.db import models") == AT_ONCE, 120, "all are ready")


def test_every_edit_is_made_or_shown_again_and_none_undoes_another(portal: Portal, host: int):
    """Each of them ticks or types another field, on what all of them were shown."""
    portal.send("/networks/add/", portal.token("/networks/add/"), **network(host, "edited", "10.4.0.1/24")[1])
    wait_for(lambda: portal.ask("Network.objects.get(name='edited').state") == "ready", 30, "it is there")
    path = "/networks/test/edited/edit/"
    changes = [{"title": "a title"}, {"description": "a description"}, {"mtu": "1400"}, {"domain": "lab.test"}]
    page = portal.get(path)
    form = page.xpath("//form[.//*[@name='ipv4']]")[0]
    fields = {name: value for name, value in form.fields.items() if name and value is not None}
    sends = []
    for change in changes:
        shown = html.fromstring(portal.send(path, portal.token(path), **{**fields, **change, "token": ""}))
        token = shown.xpath("string(//input[@name='token']/@value)")
        sends.append((path, {**fields, **change, "token": token}))
    answers = at_once(portal, sends)
    made = [change for change, answer in zip(changes, answers, strict=True) if answer.status == 302]
    assert set(statuses(answers)) <= {302, 409} and made
    document = portal.ask("Network.objects.get(name='edited').full_document")
    for change in made:
        (value,) = change.values()
        assert value in document


def test_an_address_is_reserved_once(portal: Portal, host: int):
    portal.send("/networks/add/", portal.token("/networks/add/"), **network(host, "reserved", "10.5.0.1/24")[1])
    path = "/networks/test/reserved/hosts/add/"
    same = [(path, {"mac": f"52:54:00:00:01:{number:02x}", "ip": "10.5.0.8"}) for number in range(20)]
    other = [(path, {"mac": f"52:54:00:00:02:{number:02x}", "ip": f"10.5.0.{100 + number}"}) for number in range(30)]
    answers = at_once(portal, [*same, *other])
    assert statuses(answers[:20]) == {302: 1, 422: 19}
    assert statuses(answers[20:]) == {302: 30}
    assert portal.ask("Network.objects.get(name='reserved').hosts.count()") == 31


def test_ids_are_reserved_once(portal: Portal, host: int):
    portal.send("/networks/add/", portal.token("/networks/add/"), **network(host, "ids", "10.6.0.1/24")[1])
    at_once(portal, [("/networks/test/ids/hosts/ids/", {"id": 10, "count": 5})] * 20)
    assert portal.ask("Network.objects.get(name='ids').hosts.count()") == 5
    assert portal.ask("Network.objects.get(name='ids').revisions.filter(event='ids reserved').count()") == 1


@pytest.fixture
def image(portal: Portal) -> str:
    """An image to run VMs from. No worker: the test driver cannot run one, and would see that there is no such file."""
    portal.kill_worker()
    portal.ask(
        "[Hypervisor.objects.update(access_network='access'), "
        "Image.objects.get_or_create(hypervisor=Hypervisor.objects.get(), name='plain', "
        "defaults={'volume': 'plain', 'managed': False, 'generation': 0})[1], "
        "Hypervisor.objects.get().pools.get_or_create(name='default')[0].volumes.get_or_create(name='plain', "
        "path='/plain', format='qcow2', capacity=1048576)[1]]"
    )
    if not portal.ask("Network.objects.filter(name='access').count()"):
        host = portal.ask("Hypervisor.objects.get().pk")
        portal.send("/networks/add/", portal.token("/networks/add/"), **network(host, "access", "10.7.0.1/24")[1])
    return "plain"


def run(host: int, image: str, number: int, **fields: object) -> tuple[str, dict[str, object]]:
    plain = {"memory": 128, "vcpus": 1, "boot_size": 1, "count": 1}
    return "/vms/run/", {"hypervisor": host, "image": image, "number": number, **plain, **fields}


def test_an_id_is_used_once(portal: Portal, host: int, image: str):
    answers = at_once(portal, [run(host, image, 20, name=f"vm-{number}") for number in range(AT_ONCE)])
    assert statuses(answers) == {302: 1, 422: AT_ONCE - 1}
    assert all("ID 20" in error for answer in answers for error in answer.errors)


def test_a_vm_name_is_used_once_and_vms_with_other_names_all_run(portal: Portal, host: int, image: str):
    answers = at_once(portal, [run(host, image, 100 + number, name="one-name") for number in range(20)])
    assert statuses(answers) == {302: 1, 422: 19}
    answers = at_once(portal, [run(host, image, 150 + number) for number in range(AT_ONCE)])
    assert statuses(answers) == {302: AT_ONCE}
    assert portal.ask("VM.objects.filter(number__gte=150).count()") == AT_ONCE


def test_a_mac_is_used_once_for_a_new_nic(portal: Portal, host: int, image: str):
    at_once(portal, [run(host, image, number, name=f"nics-{number}") for number in (30, 31)])
    nic = {"network": "access", "model": "virtio", "mac": "52:54:00:aa:bb:cc", "link_up": "on"}
    answers = at_once(portal, [(f"/vms/test/nics-{30 + number % 2}/nics/add/", nic) for number in range(20)])
    assert statuses(answers) == {302: 1, 422: 19}
    assert portal.ask("NIC.objects.filter(mac='52:54:00:aa:bb:cc').count()") == 1


def test_an_image_name_is_used_once(portal: Portal, host: int, image: str):
    form = {"hypervisor": host, "name": "named", "volume": "plain"}
    answers = at_once(portal, [("/images/", form)] * 20)
    assert statuses(answers) == {302: 1, 422: 19}
    assert {error for answer in answers for error in answer.errors} == {"test already has an image named."}


def test_a_hypervisor_name_is_used_once_in_the_admin(portal: Portal):
    form = {"name": "twice", "uri": "test:///default", "pool": "default", "access_network": "default"}
    form |= {"shutdown_timeout": 20, "history_days": 90, "console_days": 7, "domain_type": "auto"}
    form |= {"guest_network": "portal", "after_restart": "leave off"}
    answers = at_once(portal, [("/admin/hypervisors/hypervisor/add/", form)] * 20)
    portal.ask("Hypervisor.objects.filter(name='twice').delete()[0]")
    assert statuses(answers) == {200: 19, 302: 1}
