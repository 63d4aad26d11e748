"""Who operates one hypervisor calls everything that changes something on another one, where they only look on."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from networks.models import Network
from tests.support.making import everyone, make_hypervisor, make_network, make_running, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Grant, Token
from virterweb.people.verbs import Verb
from vms.models import VM, Image

pytestmark = pytest.mark.integration
NETWORK = (
    "edit plan hosts/add hosts/paste edit/preview take retry hosts/ids hosts/remove edit/discard persist remove "
    "release adopt take-over recreate on-drift xml"
)
NIC = "nics/52:54:00:00:00:09"
OF_VM = (
    "size nics/add nics/add/preview revert persist take guest/rule guest/configure retry start shutdown force-off "
    f"remove release adopt take-over {NIC}/edit {NIC}/remove {NIC}/keep"
)
PATHS = [f"/networks/lab-2/net/{name}/" for name in NETWORK.split()]
PATHS += [f"/vms/lab-2/vm/{name}/" for name in OF_VM.split()]
PATHS += ["/images/lab-2/image/remove/", "/images/lab-2/image/convert/"]
SECRETS = {"user_data": "#cloud-config\npassword: hunter2", "host_key": "PRIVATEKEY"}


@pytest.fixture
def labs(db, enqueued, member):
    """Return a hypervisor that the member operates, and one with objects that the member only sees."""
    operated, other = make_hypervisor("lab-1"), make_hypervisor("lab-2")
    Grant.objects.filter(team=everyone()).delete()
    make_team("operators", {member: "operator"}, on=operated, others="operator")
    make_team("auditors", {member: "viewer"}, on=other, others="auditor")
    blue = make_team("blue", on=other)
    make_network(other, "net", "10.5.0.1/24", team=blue)
    vm = make_vm(other, "vm", 9, team=blue, **SECRETS)
    make_running(vm, ("net", "52:54:00:00:00:09", "vnet0"))
    Image.objects.create(hypervisor=other, name="image", volume="image", team=blue)
    return operated, other


def generations() -> list[tuple[int, bool]]:
    return [(each.generation, each.managed) for model in (VM, Network, Image) for each in model.objects.order_by("pk")]


def test_everything_that_changes_something_is_refused(member_page, labs):
    before = generations()
    answers = {path: member_page.post(path, {"id": 3, "count": 1, "name": "vm"}).status_code for path in PATHS}
    assert set(answers.values()) == {403}, answers
    assert generations() == before


def test_no_page_that_auditors_see_has_user_data_or_the_key_of_the_host(member_page, labs):
    for name in ("", "definition/", "guest/", "copies/", "history/"):
        page = member_page.get(f"/vms/lab-2/vm/{name}").content.decode()
        assert "hunter2" not in page
        assert "PRIVATEKEY" not in page


def test_an_operators_token_for_one_hypervisor_reaches_no_other_and_no_page_of_the_user(user, labs):
    token = Token(user=user, name="token", verbs=Verb.values)
    secret = token.make_secret()
    token.save()
    token.hypervisors.add(labs[0])
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    answers = {path: program.post(path, {"id": 3, "count": 1, "name": "vm"}).status_code for path in PATHS}
    assert set(answers.values()) == {404}, answers
    for path in ("/admin/", "/profile/", "/profile/tokens/", "/confirm/"):
        assert program.get(path).status_code == 403


def test_staff_with_the_permissions_of_django_do_not_get_into_the_admin(client, db, enqueued):
    staff = get_user_model().objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.exclude(codename="operate"))
    vm = make_vm(make_hypervisor("lab"), user_data="#cloud-config\nchpasswd: {list: 'root:swordfish'}\n")
    client.force_login(staff)
    shown = client.get(f"/admin/vms/vm/{vm.pk}/change/", follow=True)
    assert shown.status_code == 403
    assert "swordfish" not in shown.content.decode()
