from django.urls import path, re_path

from . import views
from .addresses import views as address_views
from .attached import views as attached_views
from .bulk import views as bulk_views
from .capture import views as capture_views
from .changes import views as change_views
from .commit import views as commit_views
from .console import views as console_views
from .disks import views as disk_views
from .duplicate import views as duplicate_views
from .guests import views as guest_views
from .hardware import views as hardware_views
from .history import views as history_views
from .images.catalogue import views as catalogue_views
from .images.exporting import views as export_views
from .images.uploading import views as upload_views
from .leftovers import views as leftover_views
from .models import PowerVerb
from .nics import links as link_views
from .nics import views as nic_views
from .pools import views as pool_views
from .power import views as power_views
from .run import views as run_views
from .snapshots import views as snapshot_views
from .templates import views as template_views
from .traffic import views as traffic_views
from .xml_editor import views as xml_views

SAFE = "|".join(verb for verb in PowerVerb if not verb.loses_data)
LOSING = "|".join(verb for verb in PowerVerb if verb.loses_data)

app_name = "vms"
urlpatterns = [
    path("networks/<str:hypervisor>/<str:name>/attached/", attached_views.attached, name="attached"),
    re_path(
        r"^networks/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/attached\.(?P<suffix>csv|json)\Z",
        attached_views.attached_table,
        name="attached_table",
    ),
    path("networks/<str:hypervisor>/<str:name>/traffic/", traffic_views.network_traffic, name="network_traffic"),
    re_path(
        r"^networks/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/traffic\.(?P<suffix>csv|json)\Z",
        traffic_views.network_traffic,
        name="network_traffic_table",
    ),
    path("attached/", attached_views.nic_list, name="nic_list"),
    re_path(r"^attached\.(?P<suffix>csv|json)\Z", attached_views.nic_table, name="nic_table"),
    re_path(
        r"^bridges/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/attached(?P<end>/|\.csv|\.json)\Z",
        attached_views.bridge_attached,
        name="bridge_attached",
    ),
    re_path(
        r"^networks/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/groups/(?P<group>[^/]+)/attached(?P<end>/|\.csv|\.json)\Z",
        attached_views.group_attached,
        name="group_attached",
    ),
    path("inventory.json", address_views.ansible, name="inventory"),
    path("ssh-config", address_views.ssh_config, name="ssh_config"),
    path("known_hosts", address_views.known_hosts, name="known_hosts"),
    path("images/", views.image_list, name="images"),
    path("images/catalogue/", catalogue_views.catalogue, name="catalogue"),
    path("images/uploads/", upload_views.upload_list, name="uploads"),
    path("images/uploads/<str:key>/", upload_views.upload, name="upload"),
    path("images/uploads/<str:key>/discard/", upload_views.upload_discard, name="upload_discard"),
    path("images/<str:hypervisor>/<str:name>/convert/", views.image_convert, name="image_convert"),
    path("images/<str:hypervisor>/<str:name>/retry/", views.image_retry, name="image_retry"),
    path("images/<str:hypervisor>/<str:name>/export/", export_views.image_export, name="image_export"),
    path("images/<str:hypervisor>/<str:name>/file/", export_views.image_file, name="image_file"),
    path("images/<str:hypervisor>/<str:name>/remove/", views.image_remove, name="image_remove"),
    path("pools/", pool_views.pool_list, name="pools"),
    re_path(r"^pools\.(?P<suffix>csv|json)\Z", pool_views.pool_list, name="pools_table"),
    path("pools/<str:hypervisor>/<str:name>/", pool_views.pool_detail, name="pool"),
    re_path(
        r"^pools/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/volumes\.(?P<suffix>csv|json)\Z",
        pool_views.pool_detail,
        name="pool_table",
    ),
    path("pools/<str:hypervisor>/<str:name>/refresh/", pool_views.pool_refresh, name="pool_refresh"),
    path("pools/<str:hypervisor>/<str:name>/unused/", leftover_views.volume_list, name="unused_volumes"),
    re_path(
        r"^pools/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/unused\.(?P<suffix>csv|json)\Z",
        leftover_views.volume_list,
        name="unused_volumes_table",
    ),
    path(
        "pools/<str:hypervisor>/<str:name>/unused/delete/", leftover_views.volume_delete, name="unused_volumes_delete"
    ),
    path("leftovers/<str:hypervisor>/volumes/", leftover_views.of_hypervisor, name="leftover_volumes"),
    re_path(
        r"^leftovers/(?P<hypervisor>[^/]+)/volumes\.(?P<suffix>csv|json)\Z",
        leftover_views.of_hypervisor,
        name="leftover_volumes_table",
    ),
    path("vms/", views.vm_list, name="list"),
    path("vms/many/", bulk_views.vm_many, name="many"),
    path("vms/run/", run_views.vm_run, name="run"),
    path("vms/run/preview/", run_views.vm_run_preview, name="preview"),
    path("vms/templates/", template_views.template_list, name="templates"),
    re_path(r"^vms/templates\.(?P<suffix>csv|json)\Z", template_views.template_list, name="templates_table"),
    path("vms/templates/add/", template_views.template_add, name="template_add"),
    path("vms/templates/<str:hypervisor>/<str:name>/edit/", template_views.template_edit, name="template_edit"),
    path("vms/templates/<str:hypervisor>/<str:name>/share/", template_views.template_share, name="template_share"),
    path("vms/templates/<str:hypervisor>/<str:name>/delete/", template_views.template_delete, name="template_delete"),
    path("vms/<str:hypervisor>/<str:name>/", views.vm_detail, name="detail"),
    path("vms/<str:hypervisor>/<str:name>/definition/", xml_views.vm_definition, name="definition"),
    re_path(rf"^vms/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/(?P<verb>{SAFE})/\Z", power_views.vm_power, name="power"),
    re_path(
        rf"^vms/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/(?P<change>{LOSING})/\Z",
        power_views.vm_power_confirm,
        name="power_confirm",
    ),
    path("vms/<str:hypervisor>/<str:name>/autostart/", power_views.vm_autostart, name="autostart"),
    path("vms/<str:hypervisor>/<str:name>/menu/", power_views.vm_menu, name="menu"),
    path("vms/<str:hypervisor>/<str:name>/head/", power_views.vm_head, name="head"),
    path("vms/<str:hypervisor>/<str:name>/size/", hardware_views.vm_size, name="size"),
    path("vms/<str:hypervisor>/<str:name>/commit/", commit_views.vm_commit, name="commit"),
    path("vms/<str:hypervisor>/<str:name>/duplicate/", duplicate_views.vm_duplicate, name="duplicate"),
    path("vms/<str:hypervisor>/<str:name>/guest/", guest_views.guest, name="guest"),
    path("vms/<str:hypervisor>/<str:name>/guest/rule/", guest_views.guest_rule, name="guest_rule"),
    path("vms/<str:hypervisor>/<str:name>/guest/configure/", guest_views.guest_configure, name="guest_configure"),
    path("vms/<str:hypervisor>/<str:name>/console/", console_views.vm_console, name="console"),
    path("vms/<str:hypervisor>/<str:name>/console/display/", console_views.vm_display, name="display"),
    path("vms/<str:hypervisor>/<str:name>/console.txt", console_views.vm_console_text, name="console_text"),
    path("vms/<str:hypervisor>/<str:name>/copies/", run_views.vm_copies, name="copies"),
    path("vms/<str:hypervisor>/<str:name>/history/", history_views.vm_history, name="history"),
    path("vms/<str:hypervisor>/<str:name>/history/<int:pk>/", history_views.vm_revision, name="revision"),
    path("vms/<str:hypervisor>/<str:name>/snapshots/", snapshot_views.snapshot_list, name="snapshots"),
    re_path(
        r"^vms/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/snapshots\.(?P<suffix>csv|json)\Z",
        snapshot_views.snapshot_list,
        name="snapshots_table",
    ),
    path("vms/<str:hypervisor>/<str:name>/snapshots/take/", snapshot_views.snapshot_take, name="snapshot_take"),
    path("vms/<str:hypervisor>/<str:name>/snapshots/cancel/", snapshot_views.snapshot_cancel, name="snapshot_cancel"),
    path(
        "vms/<str:hypervisor>/<str:name>/snapshots/<int:pk>/revert/",
        snapshot_views.snapshot_revert,
        name="snapshot_revert",
    ),
    path(
        "vms/<str:hypervisor>/<str:name>/snapshots/<int:pk>/delete/",
        snapshot_views.snapshot_delete,
        name="snapshot_delete",
    ),
    path("vms/<str:hypervisor>/<str:name>/traffic/", traffic_views.vm_traffic, name="traffic"),
    re_path(
        r"^vms/(?P<hypervisor>[^/]+)/(?P<name>[^/]+)/traffic\.(?P<suffix>csv|json)\Z",
        traffic_views.vm_traffic,
        name="traffic_table",
    ),
    path("vms/<str:hypervisor>/<str:name>/retry/", views.vm_retry, name="retry"),
    path("vms/<str:hypervisor>/<str:name>/share/", views.vm_share, name="share"),
    path("vms/<str:hypervisor>/<str:name>/end/", views.vm_end, name="end"),
    path("vms/<str:hypervisor>/<str:name>/tags/", views.vm_tags, name="tags"),
    path("vms/<str:hypervisor>/<str:name>/extend/", views.vm_extend, name="extend"),
    path("vms/<str:hypervisor>/<str:name>/remove/", views.vm_remove, name="remove"),
    path("vms/<str:hypervisor>/<str:name>/adopt/", views.vm_adopt, name="adopt"),
    path("vms/<str:hypervisor>/<str:name>/take/", change_views.vm_accept, name="accept"),
    path("vms/<str:hypervisor>/<str:name>/revert/", change_views.vm_revert, name="revert"),
    path("vms/<str:hypervisor>/<str:name>/persist/", change_views.vm_persist, name="persist"),
    path("vms/<str:hypervisor>/<str:name>/take-over/", change_views.vm_adopt_replacement, name="adopt_replacement"),
    path("vms/<str:hypervisor>/<str:name>/release/", views.vm_release, name="release"),
    path("vms/<str:hypervisor>/<str:name>/isolate/", link_views.vm_isolate, name="isolate"),
    path("vms/<str:hypervisor>/<str:name>/end-isolation/", link_views.vm_end_isolation, name="end_isolation"),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/link/", link_views.nic_link, name="nic_link"),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/captures/", capture_views.capture_list, name="captures"),
    path(
        "vms/<str:hypervisor>/<str:name>/nics/<str:mac>/captures/<int:pk>/stop/",
        capture_views.capture_stop,
        name="capture_stop",
    ),
    path(
        "vms/<str:hypervisor>/<str:name>/nics/<str:mac>/captures/<int:pk>/delete/",
        capture_views.capture_delete,
        name="capture_delete",
    ),
    path(
        "vms/<str:hypervisor>/<str:name>/nics/<str:mac>/captures/<int:pk>/pcap",
        capture_views.capture_file,
        name="capture_file",
    ),
    path("vms/<str:hypervisor>/<str:name>/disks/", disk_views.disk_list, name="disks"),
    path("vms/<str:hypervisor>/<str:name>/disks/add/", disk_views.disk_add, name="disk_add"),
    path("vms/<str:hypervisor>/<str:name>/disks/drive/", disk_views.drive_add, name="drive_add"),
    path("vms/<str:hypervisor>/<str:name>/disks/<str:target>/grow/", disk_views.disk_grow, name="disk_grow"),
    path("vms/<str:hypervisor>/<str:name>/disks/<str:target>/remove/", disk_views.disk_remove, name="disk_remove"),
    path("vms/<str:hypervisor>/<str:name>/disks/<str:target>/medium/", disk_views.medium, name="medium"),
    path(
        "vms/<str:hypervisor>/<str:name>/disks/requests/<int:request_id>/cancel/",
        disk_views.request_cancel,
        name="disk_request_cancel",
    ),
    path("vms/<str:hypervisor>/<str:name>/nics/add/", nic_views.nic_add, name="nic_add"),
    path("vms/<str:hypervisor>/<str:name>/nics/add/preview/", nic_views.nic_add_preview, name="nic_add_preview"),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/edit/", nic_views.nic_edit, name="nic_edit"),
    path(
        "vms/<str:hypervisor>/<str:name>/nics/<str:mac>/edit/preview/",
        nic_views.nic_edit_preview,
        name="nic_edit_preview",
    ),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/remove/", nic_views.nic_remove, name="nic_remove"),
    path("vms/<str:hypervisor>/<str:name>/nics/<str:mac>/keep/", nic_views.nic_keep, name="nic_keep"),
]
