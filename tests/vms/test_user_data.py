"""User data is judged before a guest finds out: what is odd about it, with the line."""

import time
from email import message_from_string

import pytest

from vms.cloud_init import combined_user_data
from vms.user_data import warnings

HEAD = "#cloud-config\n"
GROWING = "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(20))


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        HEAD + "packages: [htop]\n",
        "\n\n" + HEAD + "a: &x [1]\nb: *x\n",
        HEAD + "write_files:\n- content: |\n    a:\n    \tb\n",
        "#!/bin/sh\n\tif: [\n",
        "#include\nhttp://example.test/user-data\n",
        "#cloud-boothook\n[",
        "## template: jinja\n#cloud-config\n{% if v1 %}\n",
        "Content-Type: multipart/mixed; boundary=x\n\n--x--\n",
        "#cloud-config-archive\n- a\n",
        HEAD + "a: &a [x]\n" + GROWING,
    ],
)
def test_nothing_is_said_of_what_cloud_init_takes(text):
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("packages: [htop]", "Line 1 is “packages: [htop]”, so this is neither cloud-config"),
        ("\n\necho hello", "Line 3 is “echo hello”"),
        (HEAD + "- a\n", "Line 2 is no mapping"),
        (HEAD + "\nhello\n", "Line 3 is no mapping"),
        (HEAD, "nothing in it but comments"),
        (HEAD + "a: b: c\n", "Line 2, column 5 is no YAML: mapping values are not allowed"),
        (HEAD + "a:\n\tb: 1\n", "Line 3 is indented by a tab"),
        (HEAD + "a: [1, 2\nb: 3\n", "Line 3, column 2 is no YAML"),
        (HEAD + "a: *b\n", "Line 2: *b stands for nothing before it."),
        (HEAD + "a: 1\n---\nb: 2\n", "Line 3 begins a second document"),
        (HEAD + "a: \x01\n", "Line 2 has a character that YAML does not allow, U+0001."),
        (HEAD + "a: " + "[" * 150_000, "Line 2 is nested too deep."),
    ],
)
def test_what_is_wrong_is_said_with_its_line(text, said):
    assert said in " ".join(warnings(text))


@pytest.mark.parametrize("text", ["[" * 190_000, "- " * 95_000, "{a: " * 45_000, "a: b\n" * 38_000, "[a: b," * 30_000])
def test_no_text_takes_long(text):
    began = time.perf_counter()
    warnings(HEAD + text)
    assert time.perf_counter() - began < 2


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
