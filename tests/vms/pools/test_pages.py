"""Pages and commands about pools: sizes for everybody whose team may use a pool, names of volumes only for some."""

import pytest
from django.core.management import CommandError
from django.utils import timezone

from tests.project.commands.running_commands import run
from tests.support.making import make_hypervisor, record_volume
from virterweb.hypervisors.models import Hypervisor
from virterweb.messages import Message
from virterweb.people.models import Grant, Membership, Role, Team
from vms.models import StoragePool, Volume

GIB = 1024**3

pytestmark = pytest.mark.integration


@pytest.fixture
def lab(db, enqueued) -> Hypervisor:
    """A hypervisor with the pool default and an over-committed pool ssd."""
    lab = make_hypervisor()
    lab.status.observed_at = timezone.now()
    lab.status.save()
    sizes = {"capacity": 100 * GIB, "allocation": 40 * GIB, "available": 60 * GIB}
    for name in ("default", "ssd"):
        lab.pools.create(name=name, kind="dir", active=True, seen_at=timezone.now(), read_at=timezone.now(), **sizes)
    record_volume(lab, "base", path="/default/base", capacity=10 * GIB, format="qcow2")
    used = Message("volume.used_by_vm", vms=["web"])
    ssd = StoragePool.objects.get(name="ssd")
    ssd.volumes.create(name="data", path="/ssd/data", capacity=150 * GIB, allocation=GIB, format="raw", used_by=used)
    return lab


@pytest.fixture
def guest(member, lab):
    """A member whose team may only use ssd-* on the hypervisor, and does not see what others have."""
    Membership.objects.filter(user=member).delete()
    Team.objects.update(role_of_all=None)
    team = Team.objects.create(name="guests")
    Membership.objects.create(team=team, user=member, role=Role.objects.get(name="user"))
    return Grant.objects.create(team=team, hypervisor=lab, role=None, pools="ssd*")


def text(page, path: str) -> str:
    return " ".join(page.get(path).content.decode().split())


def test_the_list_shows_sizes_and_over_commit(page, lab):
    shown = text(page, "/pools/")
    assert "100.0 GiB" in shown
    assert "60.0 GiB" in shown
    assert ">150 %</span>" in shown
    assert ">10 %</small>" in shown
    rows = page.get("/pools.json").json()
    assert [(row["name"], row["committed"], row["volumes"]) for row in rows] == [
        ("default", 10 * GIB, 1),
        ("ssd", 150 * GIB, 1),
    ]
    assert "lab-1,ssd,dir,True," in page.get("/pools.csv").content.decode()


@pytest.mark.parametrize("sort", ["name", "-capacity", "state", "type", "allocation", "-available", "nonsense"])
def test_both_tables_sort(page, lab, sort):
    assert page.get(f"/pools/?sort={sort}").status_code == 200
    assert page.get(f"/pools/lab-1/ssd/?sort={sort}").status_code == 200


def test_a_pool_lists_its_volumes_with_what_uses_them(page, lab):
    shown = text(page, "/pools/lab-1/ssd/")
    assert "data" in shown
    assert "The VM web uses it." in shown
    assert "base" in text(page, "/pools/lab-1/default/")
    assert "/unused/" not in text(page, "/pools/lab-1/ssd/")
    Volume.objects.update(unused_since=timezone.now())
    assert '1, <a href="/pools/lab-1/ssd/unused/">1 unused</a>' in text(page, "/pools/lab-1/ssd/")
    row = page.get("/pools/lab-1/ssd/volumes.json").json()[0]
    assert (row["name"], row["allocation"], row["used_by"]) == ("data", GIB, "The VM web uses it.")
    assert "data,/ssd/data,raw" in page.get("/pools/lab-1/ssd/volumes.csv").content.decode()


def test_inactive_missing_and_unreadable_pools_are_said_to_be_so(page, lab):
    ssd = StoragePool.objects.filter(name="ssd")
    ssd.update(active=False)
    assert "The pool is inactive" in text(page, "/pools/lab-1/ssd/")
    assert "data" in text(page, "/pools/lab-1/ssd/")
    assert ">inactive</span>" in text(page, "/pools/").replace(" </span>", "</span>")
    ssd.update(gone_at=timezone.now())
    assert "libvirt has no pool ssd since" in text(page, "/pools/lab-1/ssd/")
    ssd.update(active=True, gone_at=None, problem=Message("pool.inactive", pool="ssd"))
    assert "The pool cannot be read completely: the pool ssd is not active." in text(page, "/pools/lab-1/ssd/")


def test_members_see_the_pools_of_their_grants_without_names_of_volumes(member_page, lab, guest):
    shown = text(member_page, "/pools/")
    assert "/pools/lab-1/ssd/" in shown
    assert "/pools/lab-1/default/" not in shown
    assert member_page.get("/pools/lab-1/default/").status_code == 404
    shown = text(member_page, "/pools/lab-1/ssd/")
    assert "You may not see the volumes of lab-1" in shown
    assert "150 %" in shown
    assert "data" not in shown.partition("<main")[2].partition("</main>")[0].replace("data-", "")
    assert member_page.get("/pools/lab-1/ssd/volumes.json").json() == []
    assert [row["name"] for row in member_page.get("/pools.json").json()] == ["ssd"]


@pytest.mark.parametrize(
    ("problem", "seen"),
    [
        (Message("pool.inactive", pool="ssd"), "the pool ssd is not active."),
        (
            Message("pool.unreadable_volumes", count=1, name="web-data", reason=Message.external("web")),
            "1 volume cannot be read.",
        ),
        (Message.external("cannot open /pool/web-data"), "operators can see the reason."),
    ],
)
def test_members_read_why_a_pool_cannot_be_read_without_names(member_page, lab, guest, problem, seen):
    StoragePool.objects.filter(name="ssd").update(problem=problem)
    shown = text(member_page, "/pools/lab-1/ssd/")
    assert f"The pool cannot be read completely: {seen}" in shown
    assert "web" not in shown.partition("<main")[2].partition("</main>")[0]


def test_only_operators_refresh(page, lab, enqueued):
    answer = page.post("/pools/lab-1/ssd/refresh/", follow=True)
    assert "The pool ssd is being refreshed." in answer.content.decode()
    assert StoragePool.objects.get(name="ssd").refresh_asked_at
    assert list(StoragePool.objects.to_read()) == [StoragePool.objects.get(name="ssd")]
    assert page.post("/pools/lab-1/none/refresh/").status_code == 404


def test_members_do_not_refresh(member_page, lab, guest):
    assert member_page.post("/pools/lab-1/ssd/refresh/").status_code == 403
    assert StoragePool.objects.get(name="ssd").refresh_asked_at is None


def test_commands_list_show_and_refresh(lab, capsys):
    out = run("pool", "ls")
    assert "ssd      dir   active  100.0 GiB  40.0 GiB   60.0 GiB   150.0 GiB (150 %)  1" in out
    out = run("pool", "show", "ssd")
    assert "data    raw     150.0 GiB  1.0 GiB    The VM web uses it." in out
    run("pool", "refresh", "ssd", "--no-wait")
    assert StoragePool.objects.get(name="ssd").refresh_asked_at
    with pytest.raises(CommandError, match="lab-1 has no pool none"):
        run("pool", "show", "none")


def test_commands_know_the_rights_of_a_user(lab, guest, member):
    assert "default" not in run("pool", "ls", "--user", member.username)
    assert "You may not see the volumes" in run("pool", "show", "ssd", "--user", member.username)
    with pytest.raises(CommandError, match="Only operators"):
        run("pool", "refresh", "ssd", "--user", member.username, "--no-wait")
