"""A team whose networks and VMs end after 14 days, at most 30 days from now, and are deleted 7 days later."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.support.making import make_hypervisor, make_network, make_vm
from tests.support.teams import make_team
from virterweb.people.ends import chore
from virterweb.people.ends.ending import Ending
from virterweb.people.models import Team


@pytest.fixture
def lab(db, enqueued):
    return make_hypervisor("lab", access_network="access")


@pytest.fixture
def users(lab, member):
    """Return otto, who owns objects of the team red, a viewer and a manager of the team, and a stranger."""
    Team.objects.update(role_of_all=None)
    make = get_user_model().objects.create_user
    found = {"otto": member} | {name: make(name, f"{name}@lab.test") for name in ("rita", "mona", "gina")}
    type(member).objects.filter(pk=member.pk).update(email="otto@lab.test")
    make_team("red", {member: "user", found["rita"]: "viewer", found["mona"]: "manager"}, on=lab, others="")
    Team.objects.filter(name="red").update(end_days=14, max_end_days=30)
    make_team("green", {found["gina"]: "user"}, on=make_hypervisor("elsewhere"), others="")
    return found


@pytest.fixture
def red(users) -> Team:
    return Team.objects.get(name="red")


@pytest.fixture
def vm(lab, red, member):
    """Return a VM of otto, which is off and up to date."""
    vm = make_vm(lab, "vm-1", 8, owner=member, team=red, running=False)
    vm.status.write(present=True, persistent=True, power="off", generation=vm.generation, made_at=timezone.now())
    return vm


@pytest.fixture
def network(lab, red, member):
    """Return an active network of otto that nobody uses."""
    network = make_network(lab, "net1", "10.1.0.1/24", owner=member, team=red)
    seen = {"present": True, "active": True, "document": network.full_document, "generation": network.generation}
    network.status.write(made_at=timezone.now(), **seen)
    return network


def pass_time(days: float) -> None:
    """Move all times that are noted of ends into the past by so many days."""
    from virterweb.people.ends.ending import COLUMNS, ending_models
    from virterweb.people.models import EndReminder

    for model in ending_models():
        for pk, *times in model.objects.values_list("pk", *COLUMNS):
            earlier = {name: at and at - timedelta(days=days) for name, at in zip(COLUMNS, times, strict=True)}
            model.objects.filter(pk=pk).update(**earlier)
    for reminder in EndReminder.objects.all():
        EndReminder.objects.filter(pk=reminder.pk).update(moment=reminder.moment - timedelta(days=days))


def work(thing: Ending | None = None) -> None:
    """Do what a worker does about end dates; then, `thing` is up to date."""
    chore.run()
    if thing and type(thing).objects.filter(pk=thing.pk).exists():
        thing.refresh_from_db()
        thing.status.refresh_from_db()
        thing.status.write(generation=thing.generation)


def days_left(thing: Ending) -> float:
    thing.refresh_from_db()
    return round((thing.ends_at - timezone.now()).total_seconds() / 86400, 2)
