"""Users who try by commands what pages refuse."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tests.support.making import make_hypervisor, make_network
from tests.support.teams import make_team


@pytest.mark.parametrize("verb", ["xml", "history"])
def test_who_sees_only_names_does_not_see_definitions_by_a_command(db, enqueued, member, verb):
    make_network(make_hypervisor("lab"), "rich", "10.2.0.1/24", team=make_team("rich"))
    with pytest.raises(CommandError, match="You may not see the definition of rich"):
        call_command("network", verb, "rich", "--user", member.username, stdout=StringIO())
