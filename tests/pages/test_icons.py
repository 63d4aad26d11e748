"""Every icon that a page may show is in the file that pages refer to."""

import re
from pathlib import Path

import pytest

from virterweb.hypervisors.desired.state import State
from virterweb.hypervisors.templatetags.icons import icon
from vms.models import Power, PowerVerb, ShownPower, SSHState
from vms.observed.guest_seen import CloudInit
from vms.observed.guest_seen import State as GuestState

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
NAMED = {name for path in TEMPLATES.rglob("*.html") for name in re.findall('icon "([^"]+)"', path.read_text())}
OF_STATES = {
    state.icon for kind in (State, Power, PowerVerb, ShownPower, SSHState, GuestState, CloudInit) for state in kind
}


@pytest.mark.parametrize("name", sorted(NAMED | OF_STATES))
def test_an_icon_is_in_the_file(name: str):
    assert icon(name).endswith(f'icons.svg#{name}"/></svg>')
