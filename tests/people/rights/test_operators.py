"""Who is an operator, and what only operators see."""

from importlib import import_module

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.test import override_settings

from networks.models import Network
from tests.support.making import make_network
from virterweb.messages import Message
from virterweb.people import rights
from virterweb.people.verbs import Verb


def test_a_staff_user_is_no_operator_without_the_permission(db):
    user = get_user_model().objects.create_user("staff", is_staff=True)
    assert not rights.is_operator(user)
    user.user_permissions.add(Permission.objects.get(codename="operate"))
    assert rights.is_operator(get_user_model().objects.get(pk=user.pk))
    user.is_active = False
    user.save()
    assert not rights.is_operator(get_user_model().objects.get(pk=user.pk))


def test_a_staff_user_from_before_the_permission_remains_an_operator(db):
    make = get_user_model().objects.create_user
    staff, plain = make("staff", is_staff=True), make("plain")
    import_module("virterweb.hypervisors.migrations.0010_operate_permission").keep_staff_operators(apps, None)
    assert rights.is_operator(get_user_model().objects.get(pk=staff.pk))
    assert not rights.is_operator(get_user_model().objects.get(pk=plain.pk))
    assert Permission.objects.filter(codename="operate").count() == 1


def test_an_object_without_an_owner_belongs_to_nobody(lab, member):
    from django.contrib.auth.models import AnonymousUser

    network = make_network(lab, "net3", "10.3.0.1/24", team=None)
    for user in (member, AnonymousUser()):
        assert not rights.may(user, Verb.EDIT, network)
        assert not Network.objects.changeable_by(user, Verb.EDIT).exists()
    assert Network.objects.changeable_by(None, Verb.EDIT).count() == 2


def test_uris_are_shown_only_to_operators(member_page, client, operator, lab):
    lab.status.error = Message("hypervisor.silent")
    lab.status.detail = "no answer from test:///default within 5 s"
    lab.status.save()
    for path in (
        "/",
        "/networks/",
        "/vms/",
        "/trouble/",
        "/search/?q=test",
        "/vms/run/",
        "/images/",
        "/inventory.json",
    ):
        assert "test:///" not in member_page.get(path).content.decode(), path
    client.force_login(operator)
    assert "test:///" in client.get("/").content.decode()


def test_collected_static_files_are_those_of_the_pages(tmp_path):
    with override_settings(STATIC_ROOT=tmp_path):
        call_command("collectstatic", "--no-input", verbosity=0)
    assert {"css", "js", "vendor"} <= {path.name for path in tmp_path.iterdir()}
