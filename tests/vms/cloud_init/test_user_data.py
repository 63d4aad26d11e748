"""User data is checked before a guest reads it: errors and warnings with their lines."""

import json
import time
from email import message_from_string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cloud_init.unpacked import SCHEMA, newer, package
from vms.cloud_init.user_data import MAX_BYTES, errors, warnings
from vms.definition.cloud_init import combined_user_data

pytestmark = pytest.mark.integration

HEAD = "#cloud-config\n"
MIME = "Content-Type: multipart/mixed; boundary=x\n\n"
GROWING = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20))
BOMB = HEAD + "a: &a [x]\n" + GROWING
MERGED = (
    HEAD
    + "a: &a {x: 1}\n"
    + "".join(f"{chr(98 + i)}: &{chr(98 + i)} {{<<: [*{chr(97 + i)}, *{chr(97 + i)}], y{i}: 1}}\n" for i in range(24))
)


@pytest.fixture(scope="module", params=["the machine’s", "a newer one"])
def schema(request: pytest.FixtureRequest) -> dict:
    """That cloud-init's own."""
    suite = newer() if request.param == "a newer one" else ""
    return json.loads((package(suite) / SCHEMA).read_text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        HEAD + "packages: [htop]\n",
        HEAD + "runcmd: &x [[a]]\nbootcmd: *x\n",
        HEAD + "write_files:\n- path: /a\n  content: |\n    a:\n    \tb\n",
        HEAD + "updates: {network: {when: [boot]}}\n",
        HEAD + "users:\n- default\n- name: mira\n  sudo: ALL=(ALL) NOPASSWD:ALL\n",
        "#!/bin/sh\n\tif: [\n",
        "#!/bin/sh\nprintf '\x1b[1m'\n",
        "#include\nhttp://example.test/user-data\n",
        "## template: jinja\n#cloud-config\n{% if v1 %}\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x\n\n#!/bin/sh\ntrue\n--x--\n",
        "From nobody Mon Sep 17 00:00:00 2001\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=x\n\n"
        "--x\nContent-Type: text/cloud-config\n\nruncmd: [a]\n--x--\n",
        "#cloud-config-archive\n- a\n",
        "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n"
        "    #cloud-config\n    runcmd: [a]\n- '#!/bin/sh'\n",
        "#cloud-boothook\n#!/bin/sh\ntrue\n",
        "#include https://example.test/a\n# mine\nfile:///etc/b\n",
        "## template: jinja\n#!/bin/sh\necho {{ v1.region }}\n",
        HEAD + "merge_how: list(append)+dict(no_replace, recurse_list)+str()\nruncmd: [a]\n",
        MIME + "--x\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAA\n--x--\n",
        MIME + "--x\nContent-Type: text/part-handler\n\n#part-handler\n--x\nContent-Type: text/mine\n\na\n--x--\n",
        HEAD + "runcmd:\n- &a [x]\n" + "- *a\n" * 1000,
    ],
)
def test_there_is_no_warning_about_data_that_cloud_init_accepts(text, schema):
    assert (errors(text), warnings(text), warnings(text, schema)) == ([], [], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "- a\n", "Line 2 is not a mapping"),
        (HEAD + "\nhello\n", "Line 3 is not a mapping"),
        ("\n\necho hello", "Line 3 is not a mapping"),
        ("#cloud-config-archive\na: 1\n", "Line 2 is not a list"),
        (HEAD + "a: b: c\n", "Line 2, column 5 is not valid YAML: mapping values are not allowed"),
        (HEAD + "a:\n\tb: 1\n", "Line 3 is indented with a tab"),
        (HEAD + "a: [1, 2\nb: 3\n", "Line 3, column 2 is not valid YAML"),
        (HEAD + "a: *b\n", "Line 2: no anchor is named b."),
        (HEAD + "a: &a [1, [*a]]\n", "Line 2: the alias *a is inside its own anchor."),
        (HEAD + "a: 1\n---\nb: 2\n", "Line 3 begins a second document"),
        (HEAD + "a: \x01\n", "Line 2 has a character that YAML does not allow: U+0001."),
        (HEAD + "a: \x00\n", "Line 2 has a character that YAML does not allow: U+0000."),
        (HEAD + "a: " + "[" * 150_000, "Line 2 is nested too deeply."),
        (HEAD + "a: !mine x\n", "Line 2, column 4 is not valid YAML: could not determine a constructor"),
        (HEAD + "{[a]: b}\n", "Line 2, column 2 is not valid YAML: found unhashable key"),
        (HEAD + "a: 2001-13-45\n", "YAML cannot read one of its values: month must be in 1..12"),
        (HEAD + "a: !!timestamp x\n", "YAML cannot read one of its values"),
        (HEAD + "a: " + "9" * 5000, "YAML cannot read one of its values: Exceeds the limit"),
        (BOMB, "Line 7: the aliases up to here stand for more than 100,000 values."),
        (MERGED, "the aliases up to here stand for more than 100,000 values."),
        ("#!/bin/sh\n# gr\ufffdn\n", "Line 2 has bytes that are not valid UTF-8."),
        ("#!/bin/sh\n\0\n", "Line 2 has a null byte"),
        ("PK\x03\x04\x14", "It is compressed with zip. Decompress it first."),
        ("\ufffd7zXZ\0\0", "It is compressed with xz. Decompress it first."),
        ("\x1f\x8b\b", "It is compressed with gzip. Decompress it first."),
        ("\x1f\ufffd\b", "It is compressed with gzip. Decompress it first."),
        ("H4sIAAAAAAAA", "It is compressed with gzip. Decompress it first."),
        ((HEAD + "a: 1\n").encode("utf-16").decode(errors="replace"), "It is encoded as UTF-16. Save it as UTF-8."),
        ("I2Nsb3VkLWNvbmZpZwpwYWNrYWdl\nczogW2FdCg==", "It is encoded as Base64. Decode it first"),
        (
            "apt update\n",
            "Line 1 is not a mapping. cloud-config consists of lines like “package_update: true”. If it is a script",
        ),
        ("#version=RHEL9\ntext\n%packages\n@core\n%end\n", "This is a kickstart file"),
        ("#_preseed_V1\nd-i mirror/country string manual\n", "This is a preseed file"),
        ('<?xml version="1.0"?>\n<profile xmlns="http://www.suse.com/1.0/yast2ns"/>', "This is an AutoYaST profile"),
        (
            '<unattend xmlns="urn:schemas-microsoft-com:unattend"/>',
            "This is an answer file, which the setup of Windows",
        ),
        (HEAD + "packages:\n\xa0\xa0- a\n", "Line 3 begins with no-break spaces"),
        (
            HEAD + "runcmd:\n- a\nfqdn: {{ v1.fqdn }}\n",
            "Line 4 has {{ … }}. Quote the value, or begin the text with",
        ),
        ("#" * 2**20, "It has 1,048,576 bytes; at most 200,000 are allowed."),
        ("ü" * (MAX_BYTES // 2 + 1), "It has 200,002 bytes; at most 200,000 are allowed."),
    ],
)
def test_user_data_that_no_guest_accepts_is_an_error_with_its_line(text, said):
    assert said in " ".join(errors(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packages: [htop]", "Line 1 is “packages: [htop]”, so this is neither cloud-config"),
        ("\n\necho hello", "Line 3 is “echo hello”"),
        (HEAD, "It contains only comments"),
        (HEAD + "packages: [a]\nruncmd: []\npackages: [b]\n",
         "Line 4 has packages again, so cloud-init ignores its value in line 2."),
        (HEAD + "users:\n- name: a\n  name: b\n", "Line 4 has name again, so cloud-init ignores its value in line 3."),
        (HEAD + "\nhostname: mine\n", "Line 3 sets hostname: the guest then has another name"),
        (HEAD + "ssh_keys: {rsa_private: a}\n", "Line 2 sets ssh_keys"),
        (HEAD + "network: {config: disabled}\n", "Line 2 sets network: cloud-init ignores a network in user data"),
        (HEAD + "disable_network_activation: true\n", "Line 2 sets disable_network_activation: cloud-init then"),
        (HEAD + "bootcmd:\n", "Line 2 has bootcmd, which is not a list, so it cannot be merged with the portal’s"),
        (HEAD + "bootcmd: {a: b}\n", "Line 2 has bootcmd, which is not a list"),
        (HEAD + "updates:\n", "Line 2 has updates that cannot be merged"),
        (HEAD + "updates: {network: {when: boot}}\n", "Line 2 has updates that cannot be merged"),
        (HEAD + "cloud_init_modules: [migrator, [ssh, always]]\n", "Line 2 has cloud_init_modules without bootcmd"),
        ("\n\n" + HEAD + "runcmd: [a]\n", "Line 3 should be the first line, without spaces before it"),
        (" #!/bin/sh\n", "Line 1 should be the first line, without spaces before it"),
        ("# cloud-config\npackages: [a]\n", "Line 1 is “# cloud-config”, so this is neither cloud-config"),
        ('{"ignition": {"version": "3.3.0"}}', "Line 1 begins Ignition, which Fedora CoreOS and Flatcar read"),
        ("<powershell>\nWrite-Host hi\n</powershell>\n", "Line 1 begins a PowerShell or batch script"),
        ('{"storage": {"files": ["' + "x" * 2000 + '"]}, "ignition": {"version": "3.3.0"}}', "Line 1 begins Ignition"),
        ("@echo off\nnet user\n", "Line 1 begins a PowerShell or batch script"),
        ("#cloud-boothook\ntrue\n", "The line after #cloud-boothook must be #!/bin/sh"),
        ("#include\nexample.test\n", "Line 2 is not an address"),
        ("#include-once\n# none\n", "It contains no address to include."),
        ("## template: jinja\nruncmd: [a]\n", "The line after “## template: jinja” must begin with"),
        ("#cloud-config-jsonp\n[{\n", "The text after #cloud-config-jsonp is not valid JSON"),
        ("#cloud-config-archive\n- |\n  #cloud-config\n  hostname: a\n",
         "In the part that begins at line 2: Line 2 sets hostname"),
        ("#cloud-config-archive\n- |\n  #cloud-config\n  a: [\n",
         "In the part that begins at line 2: Line 3, column 1 is not valid"),
        ("#cloud-config-archive\n- {type: text/html, content: a}\n",
         "Line 2 begins a part of type text/html"),
        (HEAD + "merge_how: append\nruncmd: [a]\n", "Line 2 has an invalid merge_how, so cloud-init ignores this part"),
        ("\n#ps1_sysnative\nWrite-Host hi\n", "Line 2 begins a PowerShell or batch script"),
        (MIME + "--x\n\n#!/bin/sh\n", "After line 5, a line --x-- is missing"),
        (MIME + "x\n\n#!/bin/sh\nx--\n", "Line 3 must be --x, with two dashes before it; otherwise, the guest"),
        (MIME + "--y\n\n#!/bin/sh\n--y--\n", "Line 1 says that parts begin at lines --x, but no such line exists"),
        (MIME.replace("; boundary=x", "") + "--x\n", "Line 1 needs a boundary=…"),
        (MIME + "--x\nContent-Type: text/html\n\n<p>\n--x--\n", "Line 4 begins a part of type text/html"),
        (MIME + f"--x\n{MIME.replace('=x', '=y')}y\n\n#!/bin/sh\n--x--\n",
         "Line 6 must be --y, with two dashes before"),
        (MIME + f"--x\n{MIME.replace('=x', '=y')}--y\n\n#cloud-config\na: [\n--y--\n--x--\n",
         "Line 10, column 1 is not valid YAML"),
        (MIME + "--x\nContent-Type: text/cloud-config\nContent-Transfer-Encoding: base64\n\n"
         "I2Nsb3VkLWNvbmZpZwphOgoJYjogMQo=\n--x--\n", "In the part that begins at line 4: Line 3 is indented with"),
        (MIME + "--x\nContent-Type: text/x-shellscript\n\ntrue\n--x--\n", "Line 4 begins a script that does not"),
        ("MIME-Version: 1.0\nContent-Type: text/cloud-config\n\na:\n\tb: 1\n", "Line 5 is indented with a tab"),
        (MIME + "--x\n\nhello\n--x--\n", "Line 4 begins a part without a known type"),
        (MIME + "--x\nContent-Type: text/cloud-config\n\na:\n\tb: 1\n--x--\n", "Line 7 is indented with a tab"),
        (MIME + "--x\nContent-Type: text/cloud-config\n\nnetwork: {}\n--x--\n", "Line 6 sets network"),
        (MIME + "--x\n\n#cloud-config\nhostname: a\n--x--\n", "Line 6 sets hostname"),
        (HEAD + "write_files:\n- {path: /etc/cloud/cloud.cfg.d/99-no.cfg, content: ''}\n",
         "Line 2 writes /etc/cloud/cloud.cfg.d/99-no.cfg, which may replace the network configuration"),
    ],
)  # fmt: skip
def test_unusual_data_is_a_warning_with_its_line(text, said):
    assert said in " ".join(warnings(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packages: htop\n", "Line 2: packages is “htop”, but cloud-init expects a list."),
        ("\nruncmd:\n- [a]\n- 1\n", "Line 5: runcmd.1 is “1”, but cloud-init expects a list or text or nothing."),
        ("ntp:\n  servers: [a]\n  serves: [b]\n", "Line 4: cloud-init does not know serves in ntp."),
        ("write_files:\n- content: a\n", "Line 3: write_files.0 lacks path, which cloud-init needs."),
        ("power_state: {mode: sleep}\n", "Line 2: power_state.mode is “sleep”, but cloud-init expects one of poweroff"),
        ("a: &a {mode: sleep}\npower_state: *a\n", "power_state.mode is “sleep”"),
        ("power_state: {1: a, mode: halt}\n", "Line 2: cloud-init does not know 1 in power_state."),
        ("runcmd:\n" + "- a\n" * 5000, "It has more than 5,000 values, too many for a check"),
    ],
)
def test_a_violation_of_the_schema_of_cloud_init_is_a_warning_with_its_line(text, said, schema):
    assert errors(HEAD + text) == []
    assert said in " ".join(warnings(HEAD + text, schema))


@pytest.mark.parametrize("value", ["true", "True", "yes"])
def test_disable_root_for_the_ssh_user_root_is_a_warning(value):
    text = HEAD + f"runcmd: [a]\ndisable_root: {value}\n"
    (said,) = warnings(text, user="root")
    assert said.startswith("Line 3 sets disable_root, so root, the VM’s SSH user, cannot log in.")
    assert warnings(text, user="mira") == warnings(text.replace(value, "false"), user="root") == []


PIECES = [
    ": ",
    "- ",
    "\n",
    "\n  ",
    "[",
    "]",
    "{",
    "}",
    ", ",
    "&a ",
    "*a",
    "<<: ",
    "!!",
    "!!binary ",
    "? ",
    "| ",
    "'",
    "#",
]
PIECES += [
    "runcmd",
    "write_files",
    "updates",
    "network",
    "path",
    "1",
    "1.5",
    "~",
    "2001-01-01",
    "true",
    "\t",
    "\ufeff",
    "ü",
    MIME,
    "--x\n",
    "--x--\n",
    "Content-Type: text/cloud-config\n\n",
]
LONG = ["[" * 190_000, "- " * 95_000, "{a: " * 45_000, "a: b\n" * 38_000, "[a: b," * 30_000]
LONG += [f"a: [{'x,' * 95_000}]", f"runcmd: [{'[],' * 60_000}]", "a: &a [" + "*b, " * 40_000, "a: &a x\n" * 20_000]
LONG += [MIME + "--x\n\n#!\n" * 20_000, MIME + "--x\n\n#cloud-config\n" + "a: b\n" * 36_000, "a: b\n" * 30_000]
LONG += ["".join(f"k{i}: v\n" for i in range(18_000)), BOMB, MERGED, "a: " + "9" * 190_000, "1:" * 90_000]


@pytest.mark.parametrize("schema", ["a newer one"], indirect=True)  # the longer one
@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_no_text_takes_long(text, schema):
    began = time.process_time()  # whatever else the machine has to do
    errors(HEAD + text)
    warnings(HEAD + text, schema)
    assert time.process_time() - began < 4


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_can_be_checked(schema, text):
    errors(HEAD + text)
    warnings(HEAD + text, schema)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("#!/bin/sh\ntrue", "text/x-shellscript"),
        ("\n #!/bin/sh\ntrue", "text/x-shellscript"),
        ("#include-once\nhttp://x", "text/x-include-once-url"),
        ("#cloud-config-archive\n- a", "text/cloud-config-archive"),
        ("  a: 1\n  b: 2", "text/cloud-config"),
        ('Content-Type: multipart/mixed; boundary="x"\n\n--x\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--x--\n',
         "multipart/mixed"),
    ],
)  # fmt: skip
def test_each_kind_of_user_data_keeps_its_type(text, kind):
    added, portals = message_from_string(combined_user_data("#cloud-config\nhostname: a\n", text)).get_payload()
    assert (portals.get_content_type(), added.get_content_type()) == ("text/cloud-config", kind)
    if kind == "multipart/mixed":
        (added,) = added.get_payload()
    said = added.get_payload(decode=True).decode()
    assert said.startswith(("#", "  a: 1"))
