"""Prints how cloud-init itself reads the data of a guest.

Runs as a script with an unpacked, not installed cloud-init: JSON in, `{"configs": [[distro, renderer, network-config]
…], "user_data": [text …]}`, and JSON out, `{"configs": [{path: text} …], "user_data": [merged cloud-config …]}`.
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from cloudinit import distros, handlers, helpers, user_data, util
from cloudinit.handlers.cloud_config import CloudConfigPartHandler
from cloudinit.handlers.jinja_template import JinjaTemplatePartHandler
from cloudinit.handlers.shell_script import ShellScriptPartHandler
from cloudinit.net import eni, netplan, network_manager, network_state, networkd, sysconfig

RENDERERS = {
    "eni": eni,
    "netplan": netplan,
    "networkd": networkd,
    "sysconfig": sysconfig,
    "network-manager": network_manager,
}
INSTANCE = {"v1": {"local_hostname": "alma-8-8"}}


def files(distro: str, kind: str, config: str) -> dict[str, str]:
    """The files by which a distribution would be told of its network, as `cloud-init devel net-convert` makes them."""
    options = dict(distros.fetch(distro)(distro, {}, None).renderer_configs.get(kind) or {})
    if kind == "netplan":
        options |= {"postcmds": False, "netplan_path": options["netplan_path"].lstrip("/")}
    renderer = RENDERERS[kind].Renderer(config=options)
    with TemporaryDirectory() as folder:
        state = network_state.parse_net_config_data(yaml.safe_load(config), renderer=renderer)
        renderer.render_network_state(network_state=state, target=f"{folder}/")
        written = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_text() for path in written}


def merged(text: str) -> dict:
    """The cloud-config that is left once all parts have been taken in, in the order in which they come."""
    with TemporaryDirectory() as folder:
        paths = helpers.Paths({"cloud_dir": folder, "run_dir": folder})
        Path(paths.get_runpath("instance_data_sensitive")).write_text(json.dumps(INSTANCE))
        (Path(folder) / "scripts").mkdir()
        config, script = CloudConfigPartHandler(paths), ShellScriptPartHandler(paths, script_path=None)
        config.cloud_fn, script.script_dir = f"{folder}/merged", f"{folder}/scripts"
        known = helpers.ContentHandlers()
        for handler in (config, script, JinjaTemplatePartHandler(paths, sub_handlers=[config, script])):
            known.register(handler)
            handlers.call_begin(handler, None, "always")
        told = {"handlers": known, "handlerdir": folder, "handlercount": 0, "excluded": ()}
        told |= {"data": None, "frequency": "always"}
        handlers.walk(user_data.UserDataProcessor(paths).process(text.encode()), handlers.walker_callback, told)
        handlers.call_end(config, None, "always")
        return yaml.safe_load(Path(config.cloud_fn).read_text()) or {}


def main() -> None:
    util.chownbyname = lambda *ignored: None  # not every machine has networkd's user
    asked = json.load(sys.stdin)
    answer = {
        "configs": [files(*config) for config in asked.get("configs", [])],
        "user_data": [merged(text) for text in asked.get("user_data", [])],
    }
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
