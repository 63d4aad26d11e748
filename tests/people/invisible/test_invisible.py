"""What a user may not see does not exist: no page, form or command names it, unless the user has typed the name."""

import html
import re
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from networks.models import Network
from tests.people.invisible.conftest import LATE_MAC, SHARED_MAC, WORD, World
from tests.people.invisible.hostile_forms import NETWORK, VM, hostile
from tests.project.every_url import ALL
from virterweb.people import cli
from virterweb.people.hidden.names import HIDDEN_VM

pytestmark = pytest.mark.integration
HEADERS = ({}, {"HX-Request": "true"})


@pytest.fixture
def client(world: World) -> Client:
    client = Client()
    client.force_login(world.red)
    return client


def address(space: str, name: str | None, pattern: object, values: dict[str, object]) -> str:
    wanted = pattern.pattern.converters or pattern.pattern.regex.groupindex
    given = {key: values.get(key, "x") for key in wanted}  # links of sign-in have keys that nobody can guess
    if "name" in wanted:
        of_network = space == "networks" or name in ("attached", "attached_table", "group_attached", "network_problems")
        first = (name or "").partition("_")[0]
        kind = first if first in ("image", "pool", "template") else "network" if of_network else "vm"
        given["name"] = values[kind]
    if name in ("lease_reserve", "lease_release"):
        given["pk"] = values["lease"]
    if (space, name) == ("vms", "revision"):
        given["pk"] = values["vm_revision"]
    if name in ("snapshot_revert", "snapshot_delete"):
        given["pk"] = values["snapshot"]
    if name == "columns":
        given["table"] = "networks"
    if name == "topology_file":
        given["suffix"] = "svg"
    return reverse(f"{space}:{name}" if space else name, kwargs=given)


def call(client: Client, method: str, path: str, data: dict | None = None, **headers: str) -> HttpResponse:
    """Return the answer, with the page that it redirects to if it is one of the portal; nothing is kept."""
    with transaction.atomic():
        answer = getattr(client, method)(path, data or {}, headers=headers, follow=method == "post")
        transaction.set_rollback(True)
    return answer


def said(answer: HttpResponse, *typed: str) -> str:
    """Return what an answer says beyond the values that were typed, around the secret word; "" if it is not there."""
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = (
        html.unescape(body.decode(errors="replace"))
        + str(dict(answer.headers))
        + str(getattr(answer, "redirect_chain", ""))
    )
    text = text.replace("attached-", "attached ")  # names of downloads
    for each in sorted(filter(None, typed), key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(each)}(?![\w-])", "…", text)  # a longer name is not what was typed
    found = re.search(rf".{{0,80}}{WORD}(?!s\b).{{0,80}}", text, re.IGNORECASE)
    return found[0] if found else ""


@pytest.mark.parametrize(("space", "name", "pattern"), ALL, ids=[f"{space}-{name}" for space, name, _ in ALL])
def test_pages_of_ones_own_objects_name_no_other_ones(client, world, space, name, pattern):
    if name in (None, "logout", "metrics"):  # metrics are for a monitoring system, which has no account
        return
    path = address(space, name, pattern, world.own)
    leaks = [
        (method, path, headers, leak)
        for method in ("get", "post")
        for headers in HEADERS
        if (leak := said(call(client, method, path, **headers)))
    ]
    assert not leaks


@pytest.mark.parametrize(("space", "name", "pattern"), ALL, ids=[f"{space}-{name}" for space, name, _ in ALL])
def test_pages_of_other_objects_do_not_exist(client, world, space, name, pattern):
    wanted = pattern.pattern.converters or pattern.pattern.regex.groupindex
    if "name" not in wanted or name == "bridge_attached":
        return
    path = address(space, name, pattern, world.others)
    for method in ("get", "post"):
        answer = call(client, method, path)
        assert answer.status_code in (404, 405), (method, path)
        assert not said(answer, str(world.others["network"]), str(world.others["vm"]), str(world.others["image"]))


def test_no_request_makes_the_portal_name_what_the_user_may_not_see(client, world):
    leaks = []
    for method, path, values in hostile(world):
        typed = [str(value) for value in values.values()] + path.split("/")
        for headers in HEADERS:
            answer = call(client, method, path, values, **headers)
            assert answer.status_code < 500, (method, path, values)
            if leak := said(answer, *typed):
                leaks.append((method, path, values, leak))
    assert not leaks, "\n".join(map(str, leaks))


COMMANDS = (
    *("network ls", "network list-attached rednet", "network history rednet", "network plan rednet"),
    *("network stop rednet --dry-run", "network stop rednet --json", "network stop rednet", "network edit rednet"),
    *(
        "network ls --hypervisor secret-hypervisor",
        "network list-attached secret-net",
        "network add new --network-cidr 10.2.0.1/24",
    ),
    *("network rm rednet", "vm list", "vm history red-8", "inventory --list"),
    *("template ls", "pool ls", "pool show ssd", "pool show iso"),
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_with_the_rights_of_a_user_name_no_other_objects(world, command, monkeypatch):
    monkeypatch.setattr(cli, "NO_WORKER_TIMEOUT", 0)
    monkeypatch.setattr(cli, "worker_runs", lambda: False)
    verb, *words = command.split()
    out, error = StringIO(), ""
    try:
        call_command(verb, *words, "--user", world.red.username, stdout=out, stderr=out)
    except (CommandError, SystemExit) as problem:
        error = str(problem)
    text = out.getvalue() + error
    for word in words:
        text = text.replace(word, "…")
    assert WORD not in text
    assert "unrecognized" not in text


def test_vms_on_ones_own_network_are_counted_without_their_names(client, world):
    """Red's network has NICs of blue's VMs: their MACs and addresses are facts of the network."""
    leases = client.get("/networks/lab/rednet/leases/").content.decode()
    assert SHARED_MAC in leases
    assert "guest9" in leases
    assert HIDDEN_VM in leases
    assert HIDDEN_VM in client.get("/networks/lab/rednet/hosts/").content.decode()
    page = client.get("/networks/lab/rednet/remove/").content.decode()
    assert page.count(HIDDEN_VM) == 2
    assert "disconnects the running VMs red-8, 2 VMs that you may not see" in page
    confirmed = client.post("/networks/lab/rednet/remove/", {"disconnect": "yes", "vm": shown_keys(page)})
    assert confirmed.status_code == 302
    assert "secret-vm" in Network.objects.get(name="rednet").allow_disconnect  # the worker knows whom it disconnects


def shown_keys(page: str) -> list[str]:
    return re.findall(r'name="vm" value="([^"]*)"', page)


@pytest.mark.parametrize(
    ("path", "values", "refusal"),
    [
        ("/networks/add/", {"name": "new", "ipv4": "10.2.0.1/24"}, "10.2.0.0/24 is taken."),
        ("/networks/add/", {"name": "secret-net", "ipv4": "10.77.0.1/24"}, "The name secret-net is taken."),
        ("/networks/add/", {"name": "new", "ipv4": "10.77.0.1/24", "bridge": "virbr7"}, "The bridge virbr7 is taken."),
        ("/vms/run/", {"number": 9}, "ID 9 is taken."),
        ("/vms/run/", {"number": 12}, "ID 12 is taken."),
        ("/vms/run/", {"name": "secret-vm"}, "The name secret-vm is taken."),
        ("/vms/run/", {"nic_network": "rednet", "nic_mac": LATE_MAC}, "This MAC is taken."),
        ("/images/", {"name": "mine", "volume": "plain-disk"}, "Choose a file or a URL."),
        ("/images/", {"name": "secret-image", "volume": "x"}, "The name secret-image is taken."),
    ],
)
def test_what_others_have_is_taken(client, world, path, values, refusal):
    usual = {"/networks/add/": NETWORK, "/vms/run/": VM, "/images/": {}}[path]
    answer = client.post(path, usual | {"hypervisor": world.lab.pk} | values)
    assert answer.status_code == 422
    assert refusal in html.unescape(answer.content.decode())


def test_searching_for_a_vm_that_one_may_not_see_finds_no_lease(client, world):
    """Otherwise its name could be guessed letter by letter."""
    for path in (
        "/networks/lab/rednet/leases.json?q=secret",
        "/networks/lab/rednet/leases.json?q=secret&until=2099-01-01T00:00",
    ):
        assert client.get(path).json() == []
    assert client.get("/networks/lab/rednet/leases.json?q=guest9").json()
    assert client.get("/networks/lab/rednet/leases.json?q=red-8&until=2099-01-01T00:00").json()


def test_a_name_is_not_marked_as_looking_like_one_that_the_user_may_not_see(client, world):
    Network.objects.filter(name="rednet").update(name="secret-nеt")  # with a Cyrillic letter
    page = client.get("/networks/").content.decode()
    assert "looks like" not in page
    assert "mixes scripts" in page
