"""Tests of what uses the database in other threads, such as websockets and streamed answers."""

import pytest
from django.db import connection

# Each thread has a connection of its own, to which an open transaction is invisible. With SQLite the tests have one
# connection for all threads.
in_threads = pytest.mark.django_db(transaction=connection.vendor != "sqlite")
