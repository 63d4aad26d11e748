"""Rights that must not stay, or grow, when what they were given for is gone."""

import pytest
from django.test import Client

from tests.support.making import everyone, make_hypervisor, make_vm
from tests.support.teams import make_team
from virterweb.people.models import Grant, Share, Token
from virterweb.people.verbs import Level, Verb
from vms.models import VM

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("scope", ["teams", "hypervisors"])
def test_a_token_ends_with_the_team_or_hypervisor_that_it_was_limited_to(db, enqueued, member, scope):
    gone = make_team("red", {member: "user"}) if scope == "teams" else make_hypervisor("lab-1")
    make_vm(make_hypervisor("lab-2"), "vm", 8)
    token = Token(user=member, name="narrow", verbs=[Verb.LIST])
    secret = token.make_secret()
    token.save()
    getattr(token, scope).add(gone)
    program = Client(headers={"Authorization": f"Bearer {secret}"})
    assert not program.get("/inventory.json").json()["_meta"]["hostvars"]
    gone.delete()
    assert program.get("/inventory.json").status_code == 401


def test_a_released_vm_is_no_longer_shared(page, client, enqueued, member):
    Grant.objects.filter(team=everyone()).update(role=None)
    vm = make_vm(make_hypervisor("lab"), "vm", 8, team=make_team("red"))
    vm.status.write(present=True)
    Share.objects.create(kind="vm", object_id=vm.pk, user=member, level=Level.USER)
    assert page.post("/vms/lab/vm/release/").status_code == 302
    client.force_login(member)
    assert client.post("/vms/lab/vm/shutdown/").status_code == 404
    assert not VM.objects.get().managed


def test_an_invalid_token_does_not_fall_back_to_the_session_of_the_browser(page, enqueued):
    make_vm(make_hypervisor("lab"), "vm", 8)
    answer = page.get("/inventory.json", headers={"Authorization": "Bearer virterweb_x"})
    assert answer.status_code == 401
    assert b"vm" not in answer.content
