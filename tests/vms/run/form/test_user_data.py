"""User data that is checked, and the files that the guest gets."""

from email import message_from_string
from urllib.parse import urlencode

import pytest
import yaml

from tests.support.making import SSH_KEY
from tests.vms.run.form.run_form import GOOD, errors, preview, send
from vms.cloud_init import seed
from vms.models import VM


def test_user_data_keeps_its_indentation_and_gets_unix_line_ends(page, lab):
    send(page, lab, user_data="  a: 1\r\n  b: 2\r\n")
    assert VM.objects.get().user_data == "  a: 1\n  b: 2\n"


def test_unusual_user_data_causes_a_warning_with_the_line(page, lab):
    (said,) = preview(page, lab, user_data="#cloud-config\r\nhostname: mine").warnings
    assert said.startswith("User data: Line 2 sets hostname")
    assert send(page, lab, user_data="#cloud-config\r\nhostname: mine").status_code == 302


def test_user_data_is_checked_against_the_schema_of_cloud_init_if_installed(page, lab, settings, tmp_path):
    settings.CLOUD_INIT_SCHEMA = str(tmp_path / "schema.json")
    (tmp_path / "schema.json").write_text('{"properties": {"packages": {"type": "array"}}}')
    (said,) = preview(page, lab, user_data="#cloud-config\n\npackages: htop").warnings
    assert said == "User data: Line 3: packages is “htop”, but cloud-init expects a list."
    (tmp_path / "schema.json").unlink()
    assert preview(page, lab, user_data="#cloud-config\n\npackages: htop").warnings == []


def test_invalid_user_data_has_an_error_in_the_preview(page, lab):
    (said,) = preview(page, lab, user_data="#cloud-config\r\na: b: c").problems
    assert said[0] == "User data"
    assert said[1].startswith("Line 2, column 5 is not valid YAML")


@pytest.mark.parametrize("length", [10**6, 3 * 10**6, 8 * 10**6])
def test_user_data_of_megabytes_is_refused_at_its_field(page, lab, length):
    fields = {"hypervisor": lab.pk, **GOOD}
    body = urlencode(fields) + "&user_data=" + "%0A" * (length // 3)
    answer = page.post("/vms/run/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert f"It has {length // 3:,} bytes" in errors(answer)["user_data"]


def test_user_data_that_is_not_utf8_is_refused_at_its_field(page, lab):
    fields = {"hypervisor": lab.pk, **GOOD}
    body = urlencode(fields) + "&user_data=%23!/bin/sh%0A%23%20gr%fcn"
    answer = page.post("/vms/run/", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 422
    assert errors(answer)["user_data"] == "Line 2 has bytes that are not valid UTF-8."


def test_a_null_character_in_user_data_is_refused_at_its_field(page, lab):
    answer = send(page, lab, user_data="#!/bin/sh\n\0")
    assert answer.status_code == 422
    assert "Line 2 has a null byte" in errors(answer)["user_data"]


def test_the_form_shows_what_the_guest_gets_without_its_private_key(page, lab):
    shown = preview(page, lab, nic_network="net1", nic_mac="", user_data="#cloud-config\nbootcmd: [added]\n").files
    assert yaml.safe_load(shown["meta-data"]) == {"instance-id": "alma-8-8", "local-hostname": "alma-8-8"}
    added, portals = message_from_string(shown["user-data"]).get_payload()
    assert added.get_payload() == "#cloud-config\nbootcmd: [added]\n"
    assert yaml.safe_load(portals.get_payload())["ssh_keys"]["rsa_private"] == "(the private host key)"
    first, second = yaml.safe_load(shown["network-config"])["ethernets"].values()
    assert first["match"]["macaddress"] == "52:54:00:00:00:08"
    assert second["match"]["macaddress"] == "(MAC of NIC 1)"
    assert not VM.objects.exists()


def test_the_previewed_files_equal_those_of_the_iso(page, lab):
    fields = {"nic_network": "net1", "nic_mac": "52:54:00:80:00:01", "user_data": "#!/bin/sh\necho grün\n"}
    shown = preview(page, lab, **fields).files
    send(page, lab, **fields)
    vm = VM.objects.get()
    written = {name: data.decode() for name, data in seed.files(vm).items()}
    assert shown["network-config"] == written["network-config"]
    vm.host_key, vm.host_key_public = seed.HIDDEN, "(its public half)"
    assert shown == {name: data.decode() for name, data in seed.files(vm).items()}


def test_an_invalid_form_shows_no_files(page, lab):
    assert preview(page, lab, image="").files == {}
    assert preview(page, lab, user_data="#cloud-config\na: b: c").files == {}
    assert preview(page, lab, nic_network="none", nic_mac="").files == {}
    assert preview(page, lab, number="x").files == {}


def test_without_javascript_a_button_shows_the_files_of_the_guest(page, lab):
    answer = send(page, lab, change="preview", ssh_keys=f"{SSH_KEY} <mira>")
    assert answer.status_code == 200
    assert f"{SSH_KEY} &lt;mira&gt;" in answer.content.decode().partition("<h3>user-data</h3>")[2]
    assert not VM.objects.exists()
