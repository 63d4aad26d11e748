"""Users of an LDAP directory sign in with their password there, and get the groups that it says."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.test import Client

from tests.people.test_second_factor import code
from tests.support.servers.slapd import Slapd, slapd
from virterweb.people.models import MAX_OF_BOTH

pytestmark = pytest.mark.lab

BACKENDS = [*settings.AUTHENTICATION_BACKENDS, "virterweb.people.sign_in.ldap.backend.Backend"]
BASES = 'user_base = "ou=people,dc=lab"\ngroup_base = "ou=groups,dc=lab"\n'
GROUPS = 'groups = { "lab-admins" = "operators", "lab" = "lab users" }\n'


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as found:
        found.add_user("mara", "of the directory")
        yield found


@pytest.fixture
def use(directory: Slapd, db, settings, tmp_path: Path) -> Callable[..., None]:
    """Let the portal use the directory, with further lines in the file."""

    def run(lines: str = GROUPS, uri: str = directory.url) -> None:
        file = tmp_path / f"{len(list(tmp_path.iterdir()))}.toml"
        file.write_text(f'uri = "{uri}"\n{BASES}{lines}')
        settings.LDAP_FILE, settings.AUTHENTICATION_BACKENDS = str(file), BACKENDS

    run()
    return run


def log_in(name: str = "mara", password: str = "of the directory", client: Client | None = None) -> int:
    return (client or Client()).post("/login/", {"username": name, "password": password}).status_code


def groups(name: str = "mara") -> list[str]:
    return sorted(User.objects.get(username=name).groups.values_list("name", flat=True))


def test_a_user_of_the_directory_signs_in_and_gets_an_account(use):
    client = Client()
    assert log_in(password="wrong") == 422
    assert log_in(client=client) == 302
    assert client.get("/profile/").context["user"].get_username() == "mara"
    user = User.objects.get()
    assert (user.first_name, user.last_name, user.has_usable_password()) == ("Mara", "Muster", False)
    assert log_in("MARA") == 302
    assert User.objects.count() == 1


@pytest.mark.parametrize("name", ["*", "m*", "mara)(uid=*", "nobody", "mara\\2a"])
def test_a_name_is_no_pattern(use, name):
    assert log_in(name) == 422
    assert not User.objects.exists()


def test_an_empty_password_opens_nothing(use):
    assert log_in(password="") == 422


def test_groups_are_those_that_the_directory_says_at_each_sign_in(directory, use):
    mara = "uid=mara,ou=people,dc=lab"
    for name in ("lab-admins", "lab", "unknown"):
        directory.set_members(name, mara)
    assert log_in() == 302
    assert groups() == ["lab users", "operators"]
    User.objects.get().groups.add(Group.objects.create(name="by an admin"))
    directory.set_members("lab-admins")
    assert log_in() == 302
    assert groups() == ["by an admin", "lab users"]
    directory.set_members("lab")
    assert log_in() == 302
    assert groups() == ["by an admin"]


def test_a_user_of_the_portal_keeps_name_and_password_to_itself(use, caplog):
    local = User.objects.create_user("mara", password="of the portal", is_staff=True)
    assert log_in() == 422
    assert "another user has this name" in caplog.text
    assert log_in(password="of the portal") == 302
    assert list(User.objects.all()) == [local]


def test_a_deactivated_user_is_out_at_the_next_request(use):
    client = Client()
    log_in(client=client)
    assert client.get("/profile/").status_code == 200
    User.objects.update(is_active=False)
    assert client.get("/profile/").status_code == 302
    assert log_in() == 422


def test_a_user_of_the_directory_adds_a_second_factor_and_is_asked_for_it_from_then_on(use):
    client = Client()
    log_in(client=client)
    assert client.get("/profile/second-factor/app/add/").status_code == 200
    secret = client.session["mfa.totp.secret"]
    assert client.post("/profile/second-factor/app/add/", {"code": code(secret)}).status_code == 302
    (first, *_) = Authenticator.objects.get(type="recovery_codes").wrap().get_unused_codes()
    other = Client()
    assert log_in(client=other) == 302
    assert other.get("/profile/").status_code == 302
    assert other.post("/login/code/", {"code": first}).status_code == 302
    assert other.get("/profile/").context["user"].get_username() == "mara"


def test_wrong_passwords_are_limited_as_those_of_the_portal(use):
    for _ in range(MAX_OF_BOTH):
        assert log_in(password="wrong") == 422
    assert log_in() == 429


def test_users_who_have_no_account_yet_may_be_kept_out(use):
    use("create_users = false\n")
    assert log_in() == 422
    use()
    assert log_in() == 302
    use("create_users = false\n")
    assert log_in() == 302


def test_a_user_without_the_identifier_is_refused_with_the_reason_in_the_log(use, caplog):
    use('identifier = "objectGUID"\n')
    assert log_in() == 422
    assert "has no attribute objectGUID" in caplog.text


def test_the_password_is_sent_with_tls_to_the_right_server_only(directory, use):
    use(f'start_tls = true\nca_file = "{directory.certificate}"\n')
    assert log_in() == 302
    use("start_tls = true\n")
    assert log_in() == 422, "the certificate is by no known authority"


def test_while_the_directory_does_not_answer_users_of_the_portal_sign_in(use, caplog):
    caplog.set_level(logging.WARNING)
    User.objects.create_user("otto", password="a good one")
    use(uri="ldap://127.0.0.1:1")
    assert log_in() == 422
    assert "LDAPError" in caplog.text
    assert log_in("otto", "a good one") == 302


def test_a_wrong_file_does_not_keep_users_of_the_portal_out(use, caplog):
    User.objects.create_user("otto", password="a good one")
    use("unknown = 1\n")
    assert log_in() == 422
    assert "unknown setting" in caplog.text
    assert log_in("otto", "a good one") == 302
