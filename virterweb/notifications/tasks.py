"""The work of workers for receivers of notifications."""

from virterweb.hypervisors.dispatch.work import Work

from .deliver import due_receivers, serve

WORK = (Work(name="notify", due=due_receivers, run=serve, hypervisor=""),)
