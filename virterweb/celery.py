"""The worker: tasks from pages, the dispatcher of due work, and libvirt's events in one process."""

import os

from celery import Celery
from celery.signals import worker_init, worker_shutdown
from django.utils.module_loading import import_string

from . import file_broker as broker
from . import private_folder

APPS = ("virterweb.hypervisors", "virterweb.notifications", "networks", "vms")
broker.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
app = Celery("virterweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(APPS)


@worker_init.connect
def start(**kwargs) -> None:
    """Start all that needs no broker: changes are carried out without one, too."""
    from networks.sync import note_start
    from virterweb.hypervisors.connections import events, identity
    from virterweb.hypervisors.dispatch import worker
    from virterweb.hypervisors.gateway import connection
    from virterweb.hypervisors.tasks import poll_soon

    private_folder.restrict_new_files()
    connection.own_mark = identity.own_mark
    events.listen(note_start, poll_soon)
    worker.start(work for name in APPS for work in import_string(f"{name}.tasks.WORK"))


@worker_shutdown.connect
def stop(**kwargs) -> None:
    from virterweb.hypervisors.dispatch import worker

    worker.stop()
