"""Whaley in CTFd: each player's own instance in the challenge window, and flags that are right for their owner only.

It has no challenge type, no table and no template: take the folder away and CTFd is what it was.
"""

from CTFd.plugins import register_plugin_script
from CTFd.plugins.flags import FLAG_CLASSES

from .flags import OwnersFlag
from .pages import make_pages
from .push import Queue, watch
from .settings import read
from .sidecar import Sidecar


def load(app):
    FLAG_CLASSES[OwnersFlag.name] = OwnersFlag  # first: without it CTFd fails where a flag is of this type
    url, key, wrong = read(app.config)
    if wrong:
        app.logger.error("whaley: %s. Players' instances are not shown.", wrong)
        return
    sidecar = Sidecar(url, key)
    app.register_blueprint(make_pages(sidecar), url_prefix="/plugins/whaley")
    in_sub_path = app.config.get("APPLICATION_ROOT", "/") != "/"  # CTFd puts it and a slash before the script then
    register_plugin_script("plugins/whaley/window.js" if in_sub_path else "/plugins/whaley/window.js")
    watch(app, Queue(sidecar))
