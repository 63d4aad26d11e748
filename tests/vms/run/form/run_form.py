"""Send the form that runs a VM, and read its errors and its preview."""

from vms.nics.new_nic_form import NICForm

GOOD = {"image": "alma-8", "number": "8", "name": "", "memory": "1024", "vcpus": "1", "boot_size": "10"}


def send(page, lab, nics=(), disks=(), **fields):
    rows = {f"nic_{key}": [nic.get(key, "") for nic in nics] for key in NICForm.FIELDS}
    rows |= {f"disk_{key}": [disk.get(key, "") for disk in disks] for key in ("name", "size", "format", "bus", "pool")}
    return page.post("/vms/run/", {"hypervisor": lab.pk, **GOOD, **rows, **fields})


def errors(answer) -> dict[str, str]:
    return {field: " ".join(texts) for field, texts in answer.context["form"].errors.items()}


def preview(page, lab, **fields):
    return page.post("/vms/run/preview/", {"hypervisor": lab.pk, **GOOD, **fields}).context["preview"]
