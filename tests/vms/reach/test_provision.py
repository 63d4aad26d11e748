"""The steps that `vm exec` runs: a script, or those of a provisioning file."""

import pytest

from virterweb.messages import Failure
from vms.reach.provision import Rsync, Shell, settings, steps_of

STEPS = """
version = 1
[env]
A = "1"
B = "1"
[[steps]]
[steps.shell]
script = "echo $A$B$C"
env = { B = "2", C = "2" }
[[steps]]
[steps.rsync]
source = "/tmp/*.deb"
dest = "/root"
"""


def test_a_file_that_is_not_toml_is_a_script(tmp_path):
    path = tmp_path / "run.sh"
    path.write_text("echo yes\n")
    assert steps_of(str(path), {"A": "b"}) == [Shell(script="echo yes\n", env={"A": "b"})]


def test_the_variables_of_a_step_and_of_the_command_have_precedence(tmp_path):
    path = tmp_path / "steps.toml"
    path.write_text(STEPS)
    shell, rsync = steps_of(str(path), settings(["env.C=3", "D=a=b c"]))
    assert shell == Shell(script="echo $A$B$C", env={"A": "1", "B": "2", "C": "3", "D": "a=b c"})
    assert rsync == Rsync(source="/tmp/*.deb", dest="/root")


@pytest.mark.parametrize("text", ["", "A", "=b", "1A=b", "A B=c", "A;id=b", "steps[0].shell=x"])
def test_a_setting_that_is_no_variable_is_refused(text):
    with pytest.raises(Failure, match="is not a setting"):
        settings([text])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[steps]]\n[steps.container]\nimage = 'a'", "Step 1 of .* is not a shell or rsync step"),
        ("[[steps]]\n[steps.shell]\nscript = 7", "Step 1 of .* is not a shell or rsync step"),
        ("steps = [1]", "Step 1 of .* is not a shell or rsync step"),
        ("[[steps]\n", "is not valid TOML"),
        ("[values]\nA = 'b'", "has values for templates, which are not supported"),
    ],
)
def test_a_provisioning_file_that_cannot_be_run_is_refused(tmp_path, text, reason):
    path = tmp_path / "steps.toml"
    path.write_text(text)
    with pytest.raises(Failure, match=reason):
        steps_of(str(path), {})


def test_a_file_that_does_not_exist_is_named():
    with pytest.raises(Failure, match=r"/none/run.sh cannot be read: .*No such file"):
        steps_of("/none/run.sh", {})
