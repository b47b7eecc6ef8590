"""The sidecar's API, asked for an account of CTFd. A sidecar that is away costs CTFd three seconds at most."""

import json
import threading
import time
import urllib.error
import urllib.request

PATIENCE = 3  # seconds for one answer
SCRIPT_LIFE = 60  # seconds that its script is kept
MAPPING_LIFE = 10  # seconds that it is kept which challenge is which


class Away(Exception):
    """The sidecar does not answer."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args):
        return None  # the key goes to one address only


class Sidecar:
    def __init__(self, url, key):
        self.url, self.key = url, key
        self.opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), NoRedirect)
        self.lock = threading.Lock()
        self.kept = {}  # path: (until, answer)

    def ask(self, method, path, body=None, account=None, address=None, query=b""):
        """Status and body of an answer, whatever it is."""
        headers = {"Authorization": "Adapter " + self.key, "Content-Type": "application/json"}
        if account:
            headers["X-Whaley-Account"] = str(account)
        if address:
            headers["X-Whaley-Address"] = address
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        try:
            with self.opener.open(request, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read()
        except (OSError, ValueError) as why:
            raise Away(str(why)) from why

    def keep(self, path, life):
        """What a path answers, asked for once in a while by one request. The last answer stays while it is away."""
        with self.lock:
            until, known = self.kept.get(path, (0, None))
            if time.monotonic() < until:
                return known
            self.kept[path] = (time.monotonic() + PATIENCE, known)  # the others go on with what there is
        status, body = 0, b""
        try:
            status, body = self.ask("GET", path)
        except Away:
            pass
        with self.lock:
            if status == 200:
                self.kept[path] = (time.monotonic() + life, body)
                return body
        return known

    def script(self):
        return self.keep("/ctfd.js?from=plugin", SCRIPT_LIFE) or b""

    def mapping(self):
        """Which challenges of CTFd are which of the sidecar's, as (number, id, part)."""
        known = self.keep("/adapter/challenges", MAPPING_LIFE)
        rows = json.loads(known)["challenges"] if known else []
        return [(row["ctfd_challenge_id"], row["id"], row["part"]) for row in rows]
