"""Each test run has a data folder of its own: loaded before the settings are, so that no server's data is touched."""

import os
import shutil
import tempfile

os.environ["VIRTERWEB_DATA"] = _folder = tempfile.mkdtemp(prefix="virterweb-test-")
for _name in ("DATABASE_URL", "CELERY_BROKER_URL"):
    os.environ.pop(_name, None)
os.environ["VIRTERWEB_SECRET_KEY"] = "for tests"  # else it is in the database, and read at its first use
if _url := os.environ.get("TEST_DATABASE_URL"):  # the database that unit tests run on, if it is not to be SQLite
    os.environ["DATABASE_URL"] = _url


def pytest_unconfigure() -> None:
    shutil.rmtree(_folder, ignore_errors=True)
