"""Where the sidecar is and which key it takes: from the environment, or from [extra] in CTFd's config.ini."""

import os
from urllib.parse import urlsplit


def read(config):
    """The sidecar's URL, its ADAPTER_KEY, and what is wrong with them (None: nothing)."""
    try:
        url = setting(config, "WHALEY_URL").rstrip("/")
        key = setting(config, "WHALEY_KEY")
    except OSError as why:
        return "", "", "WHALEY_KEY_FILE: %s" % why
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return url, key, "WHALEY_URL must be the sidecar's address, as http://whaley:8000, and is %r" % url
    if len(key) < 16 or not key.isascii() or not key.isprintable():
        return url, key, "WHALEY_KEY must be what ADAPTER_KEY is in the sidecar's settings"
    return url, key, None


def setting(config, name):
    path = os.environ.get(name + "_FILE") or config.get(name + "_FILE")
    if path:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    return str(os.environ.get(name) or config.get(name) or "").strip()
