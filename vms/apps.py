from django.apps import AppConfig


class VMsConfig(AppConfig):
    name = "vms"
    verbose_name = "VMs"
