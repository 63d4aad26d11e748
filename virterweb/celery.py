"""The worker: tasks, their schedule and libvirt's events in one process.

The schedule runs as a thread of each worker, so that it dies with it and no worker is special; what two schedules ask
twice is done once, because tasks claim what they work on.
"""

import os

from celery import Celery
from celery.beat import EmbeddedService, Scheduler
from celery.signals import worker_init, worker_ready, worker_shutdown

from . import file_broker as broker
from . import private_folder

broker.install()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "virterweb.settings")
app = Celery("virterweb")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["virterweb.hypervisors", "networks", "vms"])
schedule = EmbeddedService(app, thread=True, scheduler_cls=Scheduler)


@worker_init.connect
def listen(**kwargs) -> None:
    from networks.sync import note_start
    from virterweb.hypervisors.connections import events

    private_folder.restrict_new_files()
    events.listen(note_start)


@worker_ready.connect
def start_schedule(**kwargs) -> None:
    schedule.start()


@worker_shutdown.connect
def stop_schedule(**kwargs) -> None:
    schedule.service.stop(wait=False)
