"""Chosen events reach their receivers, by signed webhooks that are retried for a day, and by e-mail."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from networks.definition.events import Event
from networks.models import Network
from tests.support.making import make_hypervisor, make_network
from tests.support.servers.hook import Hook, hook
from virterweb.activity.choices import Kind
from virterweb.activity.models import Entry, Subject
from virterweb.hypervisors.desired.revisions import conclude
from virterweb.messages import Message
from virterweb.notifications.deliver import due_receivers, serve
from virterweb.notifications.models import Delivery, Receiver


@pytest.fixture
def server() -> Iterator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture
def network(db, enqueued) -> Network:
    return make_network(make_hypervisor("lab"), "net1")


@pytest.fixture
def receiver(network, server) -> Receiver:
    return Receiver.objects.create(name="chat", url=server.url, secret="a key")


def happen(kind: Kind = Kind.VM, event: str = "started", **values: object) -> Entry:
    subject = Subject(kind=kind, name="alma-8-8", hypervisor="lab")
    return Entry.objects.record(subject, event, **{"result": "done", **values})


def work() -> None:
    """Do what workers do, and let the pauses of receivers pass."""
    for pk in list(due_receivers().values_list("pk", flat=True)):
        serve(pk)
    Receiver.objects.update(due_at=None)


def bodies(server: Hook) -> list[dict]:
    return [json.loads(body) for _, body in server.received]


def test_a_webhook_gets_a_change_when_its_result_is_known(receiver, network, server, user):
    network.change(Event.STOPPED, user, active=False)
    work()
    assert server.received == []
    conclude(network, Message("network.managed"))
    work()
    (body,) = bodies(server)
    assert {name: body[name] for name in ("user", "kind", "event", "object", "hypervisor", "change", "result")} == {
        "user": "mira",
        "kind": "network",
        "event": "stopped",
        "object": "net1",
        "hypervisor": "lab",
        "change": "stopped",
        "result": "failed",
    }
    assert body["error"] == "The portal already manages it"


def test_a_request_is_signed_with_the_key_and_the_time(receiver, server):
    happen()
    work()
    ((headers, body),) = server.received
    stamp = headers["X-Virterweb-Timestamp"]
    expected = hmac.new(b"a key", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Virterweb-Signature"] == f"sha256={expected}"
    assert abs(int(stamp) - timezone.now().timestamp()) < 60


def test_an_entry_is_sent_once_and_those_from_before_the_receiver_never(network, server):
    happen(event="shut down")
    Receiver.objects.create(name="chat", url=server.url)
    happen()
    for _ in range(3):
        work()
    assert [body["event"] for body in bodies(server)] == ["started"]


def test_a_failed_delivery_is_retried_later_under_the_same_id(receiver, server):
    server.statuses = [500, 204]
    happen()
    work()
    work()
    assert len(server.received) == 1
    delivery = Delivery.objects.get()
    assert str(delivery.error) == "The server answered with the HTTP status 500."
    assert delivery.due_at > timezone.now() + timedelta(seconds=5)
    Delivery.objects.update(due_at=timezone.now())
    work()
    first, second = (headers["X-Virterweb-Delivery"] for headers, _ in server.received)
    assert first == second
    delivery.refresh_from_db()
    assert delivery.done_at
    assert not delivery.error


def test_pauses_between_attempts_grow_up_to_an_hour(receiver, server):
    server.statuses = [500]
    happen()
    pauses = []
    for _ in range(12):
        work()
        delivery = Delivery.objects.get()
        pauses.append(round((delivery.due_at - timezone.now()).total_seconds(), -1))
        Delivery.objects.update(due_at=timezone.now())
    assert pauses[:4] == [10, 20, 40, 80]
    assert pauses[-1] == 3600


def test_a_delivery_is_given_up_after_a_day_with_the_reason(receiver, server):
    server.statuses = [503]
    happen()
    work()
    Delivery.objects.update(due_at=timezone.now(), created_at=timezone.now() - timedelta(days=1))
    work()
    delivery = Delivery.objects.get()
    assert delivery.given_up
    assert str(delivery.error) == "Given up after a day. The server answered with the HTTP status 503."
    Delivery.objects.update(due_at=timezone.now())
    work()
    assert len(server.received) == 2


def test_one_refused_entry_does_not_delay_the_others(receiver, server):
    server.statuses = [400, 204]
    happen()
    happen(event="shut down")
    work()
    refused, other = Delivery.objects.order_by("pk")
    assert (refused.tries, refused.done_at) == (1, None)
    assert (other.tries, bool(other.done_at)) == (0, True)


def test_an_unreachable_server_is_tried_once_a_round(receiver):
    Receiver.objects.update(url="http://127.0.0.1:9")  # nothing listens there
    happen()
    happen()
    work()
    assert list(Delivery.objects.order_by("pk").values_list("tries", flat=True)) == [1, 0]
    assert "Connection refused" in str(Delivery.objects.order_by("pk")[0].error)


def test_a_redirect_is_not_followed(receiver, server):
    server.statuses = [307]
    happen()
    work()
    assert len(server.received) == 1
    assert "307" in str(Delivery.objects.get().error)


@pytest.mark.parametrize(
    ("events", "only_failed", "sent"),
    [
        ("", False, ["started", "signed in", "sign-in failed"]),
        ("VM *", False, ["started"]),
        ("VM  started\nsign-in sign-in failed", False, ["started", "sign-in failed"]),
        ("sign-in *", True, ["sign-in failed"]),
        ("network *", False, []),
    ],
)
def test_a_receiver_gets_only_the_events_that_it_has_chosen(receiver, server, events, only_failed, sent):
    Receiver.objects.update(events=events, only_failed=only_failed)
    happen()
    happen(Kind.SIGN_IN, "signed in")
    happen(Kind.SIGN_IN, "sign-in failed", about={"name": "mira"}, result="failed")
    work()
    assert [body["event"] for body in bodies(server)] == sent


def test_a_receiver_that_is_not_active_gets_nothing_also_not_later(receiver, server):
    receiver.active = False
    receiver.save()
    happen()
    work()
    receiver.active = True
    receiver.save()
    happen(event="shut down")
    work()
    assert [body["event"] for body in bodies(server)] == ["shut down"]


def test_deliveries_are_forgotten_after_a_week_and_not_repeated(receiver, server):
    entry = happen()
    work()
    old = timezone.now() - timedelta(days=8)
    Delivery.objects.update(created_at=old)
    Entry._base_manager.filter(pk=entry.pk).update(at=old)
    work()
    assert not Delivery.objects.exists()
    assert len(server.received) == 1


# e-mail


@pytest.fixture
def mailed(network, settings) -> Receiver:
    settings.EMAIL_HOST = "mail.test"
    return Receiver.objects.create(name="team", addresses="mira@lab.test\notto@lab.test")


def test_changes_of_a_minute_are_one_e_mail(mailed):
    happen(by=None)
    happen(event="shut down", result="failed")
    work()
    work()
    (message,) = mail.outbox
    assert message.to == ["mira@lab.test", "otto@lab.test"]
    assert message.subject == "Virterweb: 2 changes"
    assert [line.split(" ", 2)[2] for line in message.body.splitlines()] == [
        "worker: alma-8-8 on lab: started: done",
        "worker: alma-8-8 on lab: shut down: failed",
    ]


def test_a_name_with_line_breaks_makes_neither_headers_nor_lines(mailed):
    happen(Kind.SIGN_IN, "sign-in failed", about={"name": "x\r\nBcc: a@b.test"}, result="failed")
    work()
    (message,) = mail.outbox
    assert message.subject == "Virterweb: alma-8-8 sign-in as x Bcc: a@b.test failed"
    assert len(message.body.splitlines()) == 1


def test_without_a_mail_server_the_reason_is_shown(mailed, settings):
    settings.EMAIL_HOST = ""
    happen()
    work()
    assert str(Delivery.objects.get().error) == "E-mail is not set up: VIRTERWEB_SMTP_URL is empty."


# what operators enter


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://host/x", "file:///etc/passwd", "javascript:alert(1)", "host/x", "http://", "http:///x"),
        *("http://user:secret@host/", "http://host:port/", "http://ho st/", "http://host/\n", "https://[::1"),
    ],
)
def test_an_address_that_is_no_plain_http_url_is_refused(db, url):
    with pytest.raises(ValidationError):
        Receiver(name="chat", url=url).full_clean()


@pytest.mark.parametrize("url", ["http://chat:8080/hook", "https://lab.example/a?b=c", "http://[::1]:8000/"])
def test_an_http_url_is_taken(db, url):
    Receiver(name="chat", url=url).full_clean()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"url": "http://host/", "addresses": "a@b.test"},
        {"url": "http://host/", "secret": ""},
        {"url": "http://host/", "events": "VM vanished"},
        {"addresses": "nobody"},
        {"addresses": "a@b.test"},  # there is no mail server
    ],
)
def test_a_receiver_that_would_get_nothing_is_refused(db, settings, values):
    settings.EMAIL_HOST = ""
    with pytest.raises(ValidationError):
        Receiver(name="chat", **values).full_clean()


def test_operators_add_receivers_in_the_admin_which_is_recorded_without_the_key(client, user, server):
    client.force_login(user)
    values = {"name": "chat", "url": server.url, "secret": "a key", "active": "on"}
    assert client.post("/admin/notifications/receiver/add/", values).status_code == 302
    entry = Entry.objects.get(kind=Kind.NOTIFICATION)
    assert (entry.who, entry.name, entry.what) == ("mira", "chat", "receiver added")
    assert "a key" not in json.dumps(entry.about)
    assert client.get("/admin/notifications/receiver/").status_code == 200
