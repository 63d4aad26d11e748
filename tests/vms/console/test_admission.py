"""Who may open the websocket of a console. Everything else gets the same answer."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.sessions.models import Session
from django.utils import timezone

from tests.support.making import make_hypervisor, make_vm
from tests.support.sockets import answers, failure, is_open, session_of
from tests.support.threads import in_threads
from virterweb.hypervisors.models import Hypervisor
from virterweb.people.models import Team
from virterweb.people.sign_in.sessions import age
from vms.console import consumer
from vms.models import ConsoleClaim

pytestmark = [pytest.mark.integration, in_threads]

SERIAL, VNC = "/vms/lab/alma-8-8/console/serial/", "/vms/lab/alma-8-8/console/vnc/"


@pytest.fixture
def vm(enqueued, db):
    return make_vm(make_hypervisor("lab"))


@pytest.fixture
def session(user, vm) -> str:
    return session_of(user)


@pytest.mark.parametrize("path", [SERIAL, VNC])
def test_a_page_of_the_portal_opens_a_console(session, path):
    assert is_open(session, path)


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "http://evil.example",
        "https://testserver",
        "http://testserver:8000",
        "http://testserver.evil.example",
    ],
)
def test_no_other_page_opens_a_console_with_the_session_of_a_user(session, origin):
    assert not is_open(session, SERIAL, origin=origin)


def test_an_unknown_host_opens_no_console_though_it_is_its_own_origin(session):
    assert not is_open(session, SERIAL, host="evil.example", origin="http://evil.example")


def test_any_allowed_host_does_not_allow_any_origin(session, settings):
    settings.ALLOWED_HOSTS = ["*"]
    assert is_open(session, SERIAL, host="lab:8000", origin="http://lab:8000")
    assert not is_open(session, SERIAL, host="lab:8000", origin="http://evil.example")


def test_a_trusted_origin_opens_a_console(session, settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://lab.example", "https://*.labs.example"]
    assert is_open(session, SERIAL, origin="https://lab.example")
    assert is_open(session, SERIAL, origin="https://one.labs.example")
    assert not is_open(session, SERIAL, origin="http://lab.example")


def test_behind_tls_the_origin_has_https(session, settings):
    assert is_open(session, SERIAL, scheme="wss", origin="https://testserver")
    assert not is_open(session, SERIAL, scheme="wss")


def test_who_is_not_signed_in_opens_no_console(vm):
    assert not is_open("", SERIAL)
    assert not is_open("made-up", SERIAL)


def test_an_expired_session_opens_no_console(session):
    Session.objects.filter(pk=session).update(expire_date=timezone.now() - timedelta(seconds=1))
    assert not is_open(session, SERIAL)


def test_a_session_that_is_too_old_or_was_idle_opens_no_console(session):
    row = Session.objects.get(pk=session)
    for name, limit in ((age.BEGAN, settings.SESSION_COOKIE_AGE), (age.SEEN, settings.SESSION_IDLE_AGE)):
        now = int(timezone.now().timestamp())
        times = {age.BEGAN: now, age.SEEN: now, name: now - limit - 1}
        row.session_data = Session.get_session_store_class()().encode({**row.get_decoded(), **times})
        row.save()
        assert not is_open(session, SERIAL)


def test_a_deactivated_user_opens_no_console(session, user):
    user.is_active = False
    user.save()
    assert not is_open(session, SERIAL)


def test_a_changed_password_ends_the_session_of_a_console(session, user):
    user.set_password("another good one")
    user.save()
    assert not is_open(session, SERIAL)


def test_a_vm_of_others_is_answered_as_one_that_does_not_exist(member, vm):
    Team.objects.update(role_of_all=None)
    session = session_of(member)
    assert not is_open(session, SERIAL)
    assert answers(session, SERIAL) == answers(session, "/vms/lab/none/console/serial/")
    assert answers(session, SERIAL) == answers(session, "/vms/none/none/console/serial/")


@pytest.mark.parametrize(
    "path",
    ["/", "/vms/lab/alma-8-8/console/", "/vms/lab/alma-8-8/console/serial", "/ws", "/vms/lab/a/b/console/serial/"],
)
def test_there_are_no_other_websockets(session, path):
    assert not is_open(session, path)


def test_a_vm_that_its_hypervisor_does_not_have_is_named_and_tried_again(session):
    said = failure(session, SERIAL)
    assert (said["type"], said["code"], said["may_take"]) == ("failed", "consoles.gone", False)
    assert said["reason"].startswith("This hypervisor no longer has alma-8-8")
    assert said["retry"] > 0


def test_a_hypervisor_that_cannot_be_reached_is_named_and_tried_again(session):
    Hypervisor.objects.update(uri="qemu+unix:///system?socket=/nowhere/libvirt-sock")
    for path in (SERIAL, VNC):
        said = failure(session, path)
        assert (said["code"], said["retry"] > 0) == ("hypervisor.unreachable", True)


def test_a_user_opens_only_so_many_consoles(session, monkeypatch):
    monkeypatch.setattr(consumer, "MAX_OF_USER", 0)
    said = failure(session, SERIAL)
    assert said["reason"] == "You have 0 consoles open, which is the maximum. Close one of them."
    assert not said["retry"]


def test_a_failure_leaves_no_claim(session):
    failure(session, SERIAL)
    failure(session, SERIAL)
    assert ConsoleClaim.objects.get().claimed_by == ""
