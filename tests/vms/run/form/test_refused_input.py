"""Input that is refused at its field."""

import pytest
from django.utils.html import escape

from tests.vms.run.form.run_form import errors, send
from vms.models import VM


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("image", "none", "This hypervisor has no image none."),
        ("image", "", "required"),
        ("number", "1", "greater than or equal to 2"),
        ("number", "255", "ID 255 has no address in 192.168.122.0/24."),
        ("number", "x", "whole number"),
        ("number", "0", "greater than or equal to 2"),
        ("number", "-8", "greater than or equal to 2"),
        ("number", str(2**24), "less than or equal to"),
        ("number", "9" * 40, "less than or equal to"),
        ("count", "0", "greater than or equal to 1"),
        ("count", "-1", "greater than or equal to 1"),
        ("count", "101", "less than or equal to 100"),
        ("count", "x", "whole number"),
        ("name", "a/b", "cannot contain “/”"),
        ("name", "a b", "host name"),
        ("name", "<script>alert(1)</script>", "cannot contain “/”"),
        ("name", ".", "neither a space nor a dot"),
        ("name", "-a", "host name"),
        ("memory", "9" * 12, "less than or equal to"),
        ("memory", "-1", "greater than or equal to 1"),
        ("memory", "1G", "whole number"),
        ("vcpus", "513", "less than or equal to 512"),
        ("ssh_user", "a b", "Enter a user name."),
        ("ssh_user", "Root", "Enter a user name."),
        ("console_dir", "here", "An absolute path."),
        ("vnc_port", "0", "greater than or equal to 1"),
        ("vnc_port", "65536", "less than or equal to 65535"),
        ("vnc_bind", "here", "valid IPv4 or IPv6"),
        ("user_data", "#" * 200_001, "It has 200,001 bytes; at most 200,000 are allowed."),
        ("user_data", "#\0c\0l\0o\0u\0d\0-\0c\0o\0n\0f\0i\0g\0", "It is encoded as UTF-16. Save it as UTF-8."),
        ("user_data", "#cloud-config\na: b: c", "Line 2, column 5 is not valid YAML"),
        ("user_data", "#cloud-config\na:\n\tb: 1", "Line 3 is indented with a tab"),
        ("name", "under_score", "host name"),
        ("name", "a" * 51, "50 characters"),
        ("name", "<b>", "host name"),
        ("memory", "0", "greater than or equal to 1"),
        ("vcpus", "0", "greater than or equal to 1"),
        ("boot_size", "-1", "greater than or equal to 0"),
    ],
)
def test_invalid_input_is_refused_at_its_field_and_nothing_is_created(page, lab, field, typed, said):
    answer = send(page, lab, **{field: typed})
    assert answer.status_code == 422
    assert said in errors(answer)[field]
    assert escape(typed) in answer.content.decode()
    assert "<script>alert" not in answer.content.decode()
    assert not VM.objects.exists()


def test_only_operators_share_folders_of_the_host(member_page, client, operator, lab):
    sent = {"hypervisor": lab.pk, "image": "alma-8", "number": "9", "memory": "128", "vcpus": "1", "boot_size": "1"}
    sent |= {"count": "1", "console_dir": "/etc"}
    assert "console_dir" not in member_page.get("/vms/run/?console_dir=/etc").content.decode()
    refused = member_page.post("/vms/run/", sent)
    assert refused.status_code == 422
    assert "Only operators may choose a folder" in errors(refused)["console_dir"]
    assert not VM.objects.exists()
    client.force_login(operator)
    assert client.post("/vms/run/", {**sent, "number": "10", "console_dir": "/var/../etc"}).status_code == 422
    assert client.post("/vms/run/", {**sent, "number": "10", "console_dir": "/var/log/vms"}).status_code == 302
    assert VM.objects.get(number=10).console_dir == "/var/log/vms"
