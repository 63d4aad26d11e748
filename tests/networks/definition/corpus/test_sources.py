"""Source packages are fetched from the distribution's servers alone."""

import pytest

from tests.networks.definition.corpus.source_package import own_sources

DEBIAN_12 = """\
Types: deb
# http://snapshot.example/archive/debian/20250520T000000Z
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""
UBUNTU = """\
## Comments first.
Types: deb deb-src
URIs: http://mirror.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://mirror.example/ubuntu/
Suites: noble-proposed
Components: main

Types: deb
URIs: https://download.example/linux/ubuntu
Suites: noble
Components: stable
"""
LINES = """\
# deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_]/ bookworm main
deb cdrom:[Debian GNU/Linux 12.5.0 _Bookworm_]/ bookworm main
deb http://mirror.example/debian/ bookworm main non-free-firmware
deb-src http://mirror.example/debian/ bookworm main non-free-firmware
deb [arch=amd64 signed-by=/usr/share/keyrings/a.gpg] http://security.example/debian-security bookworm-security main
deb [arch=amd64] https://download.example/linux/debian bookworm stable
"""


@pytest.mark.parametrize(
    ("files", "entries"),
    [
        (
            {"sources.list.d/debian.sources": DEBIAN_12, "sources.list.d/node.sources": DEBIAN_12},
            [
                "types: deb-src",
                "uris: http://mirror.example/debian",
                "suites: bookworm bookworm-updates",
                "components: main",
                "signed-by: /usr/share/keyrings/debian-archive-keyring.gpg",
                "types: deb-src",
                "uris: http://mirror.example/debian-security",
                "suites: bookworm-security",
                "components: main",
                "signed-by: /usr/share/keyrings/debian-archive-keyring.gpg",
            ],
        ),
        (
            {"sources.list": "# moved\n", "sources.list.d/ubuntu.sources": UBUNTU},
            [
                "types: deb-src",
                "uris: http://mirror.example/ubuntu/",
                "suites: noble noble-updates noble-backports",
                "components: main",
                "signed-by: /usr/share/keyrings/ubuntu-archive-keyring.gpg",
            ],
        ),
        (
            {"sources.list": LINES},
            [
                "deb-src http://mirror.example/debian/ bookworm main",
                "deb-src [signed-by=/usr/share/keyrings/a.gpg] http://security.example/debian-security "
                "bookworm-security main",
            ],
        ),
    ],
)
def test_only_the_servers_of_the_distribution_are_used(files, entries, tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = "\n".join(own_sources(tmp_path).values()).splitlines()
    assert [line for line in found if line] == entries
