"""The file with the LDAP directory is checked before any password is sent."""

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from virterweb.people.sign_in.ldap import configuration


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('uri = "ldap://directory.example"\nuser_base = "dc=lab"', "use ldaps:// or start_tls"),
        ('uri = "http://directory.example"\nuser_base = "dc=lab"', "must begin with ldaps://"),
        ('uri = "ldaps://directory.example"', "has no user_base"),
        ('uri = "ldaps://x"\nuser_base = "dc=lab"\ngroup_type = "x"', "group_type must be one of"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(tmp_path, lines, said):
    (tmp_path / "ldap.toml").write_text(lines)
    with pytest.raises(configuration.WrongConfiguration, match=said):
        configuration.read(str(tmp_path / "ldap.toml"))


def test_a_check_says_what_is_wrong_with_the_file(settings, tmp_path):
    settings.LDAP_FILE = str(tmp_path / "nowhere")
    with pytest.raises(SystemCheckError, match=r"VIRTERWEB_LDAP_FILE: .*nowhere"):
        call_command("check")
