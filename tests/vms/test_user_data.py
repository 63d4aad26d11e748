"""User data is judged before a guest finds out: what is wrong or odd about it, with the line."""

import json
import time
from email import message_from_string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cloud_init_package import SCHEMA, newer, package
from vms.cloud_init import combined_user_data
from vms.user_data import LIMIT, errors, warnings

HEAD = "#cloud-config\n"
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
        "\n\n" + HEAD + "runcmd: &x [[a]]\nbootcmd: *x\n",
        HEAD + "write_files:\n- path: /a\n  content: |\n    a:\n    \tb\n",
        HEAD + "updates: {network: {when: [boot]}}\n",
        HEAD + "users:\n- default\n- name: mira\n  sudo: ALL=(ALL) NOPASSWD:ALL\n",
        "#!/bin/sh\n\tif: [\n",
        "#!/bin/sh\nprintf '\x1b[1m'\n",
        "#include\nhttp://example.test/user-data\n",
        "#cloud-boothook\n[",
        "## template: jinja\n#cloud-config\n{% if v1 %}\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x--\n",
        "#cloud-config-archive\n- a\n",
        HEAD + "runcmd:\n- &a [x]\n" + "- *a\n" * 1000,
    ],
)
def test_nothing_is_said_of_what_cloud_init_takes(text, schema):
    assert (errors(text), warnings(text), warnings(text, schema)) == ([], [], [])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "- a\n", "Line 2 is no mapping"),
        (HEAD + "\nhello\n", "Line 3 is no mapping"),
        ("\n\necho hello", "Line 3 is no mapping"),
        ("#cloud-config-archive\na: 1\n", "Line 2 is no list"),
        (HEAD + "a: b: c\n", "Line 2, column 5 is no YAML: mapping values are not allowed"),
        (HEAD + "a:\n\tb: 1\n", "Line 3 is indented by a tab"),
        (HEAD + "a: [1, 2\nb: 3\n", "Line 3, column 2 is no YAML"),
        (HEAD + "a: *b\n", "Line 2: *b stands for nothing before it."),
        (HEAD + "a: &a [1, [*a]]\n", "Line 2: *a stands for what it is in."),
        (HEAD + "a: 1\n---\nb: 2\n", "Line 3 begins a second document"),
        (HEAD + "a: \x01\n", "Line 2 has a character that YAML does not allow, U+0001."),
        (HEAD + "a: \x00\n", "Line 2 has a character that YAML does not allow, U+0000."),
        (HEAD + "a: " + "[" * 150_000, "Line 2 is nested too deep."),
        (HEAD + "a: !mine x\n", "Line 2, column 4 is no YAML: could not determine a constructor"),
        (HEAD + "{[a]: b}\n", "Line 2, column 2 is no YAML: found unhashable key"),
        (HEAD + "a: 2001-13-45\n", "A value in it is none that YAML takes: month must be in 1..12"),
        (HEAD + "a: !!timestamp x\n", "A value in it is none that YAML takes"),
        (HEAD + "a: " + "9" * 5000, "A value in it is none that YAML takes: Exceeds the limit"),
        (BOMB, "Line 7: the aliases up to here stand for more than 100,000 values."),
        (MERGED, "the aliases up to here stand for more than 100,000 values."),
        ("#!/bin/sh\n# gr\ufffdn\n", "Line 2 has bytes that are no UTF-8."),
        ("#" * 2**20, "It has 1,048,576 bytes; at most 200,000 are taken."),
        ("ü" * (LIMIT // 2 + 1), "It has 200,002 bytes; at most 200,000 are taken."),
    ],
)
def test_what_no_guest_could_take_is_an_error_with_its_line(text, said):
    assert said in " ".join(errors(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packages: [htop]", "Line 1 is “packages: [htop]”, so this is neither cloud-config"),
        ("\n\necho hello", "Line 3 is “echo hello”"),
        (HEAD, "nothing in it but comments"),
        (HEAD + "packages: [a]\nruncmd: []\npackages: [b]\n",
         "Line 4 has packages again: what line 2 says of it is lost."),
        (HEAD + "users:\n- name: a\n  name: b\n", "Line 4 has name again: what line 3 says of it is lost."),
        (HEAD + "\nhostname: mine\n", "Line 3 sets hostname: the guest then has another name"),
        (HEAD + "ssh_keys: {rsa_private: a}\n", "Line 2 sets ssh_keys"),
        (HEAD + "network: {config: disabled}\n", "Line 2 sets network: cloud-init takes no network from user data"),
        (HEAD + "disable_network_activation: true\n", "Line 2 sets disable_network_activation: cloud-init then"),
        (HEAD + "bootcmd:\n", "Line 2 has bootcmd, which is no list: it cannot be joined with the portal’s"),
        (HEAD + "bootcmd: {a: b}\n", "Line 2 has bootcmd, which is no list"),
        (HEAD + "updates:\n", "Line 2 has updates that cannot be joined"),
        (HEAD + "updates: {network: {when: boot}}\n", "Line 2 has updates that cannot be joined"),
        (HEAD + "cloud_init_modules: [migrator, [ssh, always]]\n", "Line 2 has cloud_init_modules without bootcmd"),
        (HEAD + "write_files:\n- {path: /etc/cloud/cloud.cfg.d/99-no.cfg, content: ''}\n",
         "Line 2 writes /etc/cloud/cloud.cfg.d/99-no.cfg, which may take the place of the network configuration"),
    ],
)  # fmt: skip
def test_what_is_odd_is_a_warning_with_its_line(text, said):
    assert said in " ".join(warnings(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packages: htop\n", "Line 2: packages is “htop”, where cloud-init takes a list."),
        ("\nruncmd:\n- [a]\n- 1\n", "Line 5: runcmd.1 is “1”, where cloud-init takes a list or text or nothing."),
        ("ntp:\n  servers: [a]\n  serves: [b]\n", "Line 4: cloud-init knows no serves in ntp."),
        ("write_files:\n- content: a\n", "Line 3: write_files.0 has no path, which cloud-init needs."),
        ("power_state: {mode: sleep}\n", "Line 2: power_state.mode is “sleep”, where cloud-init takes one of poweroff"),
        ("a: &a {mode: sleep}\npower_state: *a\n", "power_state.mode is “sleep”"),
        ("power_state: {1: a, mode: halt}\n", "Line 2: cloud-init knows no 1 in power_state."),
        ("runcmd:\n" + "- a\n" * 5000, "It has more than 5,000 values, too many to be checked"),
    ],
)
def test_what_cloud_inits_schema_does_not_allow_is_a_warning_with_its_line(text, said, schema):
    assert errors(HEAD + text) == []
    assert said in " ".join(warnings(HEAD + text, schema))


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
]
LONG = ["[" * 190_000, "- " * 95_000, "{a: " * 45_000, "a: b\n" * 38_000, "[a: b," * 30_000]
LONG += [f"a: [{'x,' * 95_000}]", f"runcmd: [{'[],' * 60_000}]", "a: &a [" + "*b, " * 40_000, "a: &a x\n" * 20_000]
LONG += ["".join(f"k{i}: v\n" for i in range(18_000)), BOMB, MERGED, "a: " + "9" * 190_000, "1:" * 90_000]


@pytest.mark.parametrize("schema", ["a newer one"], indirect=True)  # the longer one
@pytest.mark.parametrize("text", LONG, ids=range(len(LONG)))
def test_no_text_takes_long(text, schema):
    began = time.process_time()  # whatever else the machine has to do
    errors(HEAD + text)
    warnings(HEAD + text, schema)
    assert time.process_time() - began < 4


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_no_text_is_too_odd_to_be_judged(schema, text):
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
def test_each_kind_reaches_the_guest_as_what_it_is(text, kind):
    theirs, ours = message_from_string(combined_user_data("#cloud-config\nhostname: a\n", text)).get_payload()
    assert (ours.get_content_type(), theirs.get_content_type()) == ("text/cloud-config", kind)
    if kind == "multipart/mixed":
        (theirs,) = theirs.get_payload()
    said = theirs.get_payload(decode=True).decode()
    assert said.startswith(("#", "  a: 1"))
