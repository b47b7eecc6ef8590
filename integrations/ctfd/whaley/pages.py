"""What the challenge window asks, on CTFd's own origin: the script, and the player API for who is signed in to CTFd."""

import json
import re

from flask import Blueprint, Response, request

from CTFd.utils.decorators import authed_only, during_ctf_time_only, require_verified_emails
from CTFd.utils.user import get_current_user, get_ip

from .rules import refusal
from .sidecar import Away

PASSED_ON = re.compile(
    r"GET (challenges|instances|adapter/mapping)"
    r"|POST instances/(spawn|[\w-]{1,64}/(extend|restart))"
    r"|DELETE instances/[\w-]{1,64}"
)


NOT_NOW = "Instances cannot be reached right now. Try again in a few seconds."


def problem(status, code, detail):
    return Response(json.dumps({"status": status, "code": code, "detail": detail}), status, mimetype="application/problem+json")


def make_pages(sidecar):
    pages = Blueprint("whaley", __name__)

    @pages.route("/window.js")
    def window():
        script = Response(sidecar.script(), mimetype="text/javascript")
        script.headers["Cache-Control"] = "public, max-age=60"
        return script

    @pages.route("/sign-in")
    @authed_only
    @require_verified_emails
    def sign_in():
        try:
            wanted = {"state": request.args.get("state", "")}
            status, text = sidecar.ask("POST", "/adapter/sign-in", wanted, get_current_user().id, get_ip())
            to = json.loads(text)["url"] if status == 200 else None
        except (Away, ValueError):
            to = None
        answer = Response(status=303) if to else Response(NOT_NOW, 503, mimetype="text/plain")
        if to:
            answer.headers["Location"] = to
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer

    @pages.route("/api/<path:path>", methods=["GET", "POST", "DELETE"])
    @authed_only
    @during_ctf_time_only
    @require_verified_emails
    def api(path):
        if not PASSED_ON.fullmatch(request.method + " " + path):
            return problem(404, "not_found", "There is no such address.")
        if path == "adapter/mapping":
            return {"challenges": [{"ctfd": number, "id": name} for number, name, _ in sidecar.mapping()]}
        body = None
        if path == "instances/spawn":
            wanted = request.get_json(silent=True)
            name = wanted.get("challenge_id") if isinstance(wanted, dict) else None
            body = {"challenge_id": str(name or "")}
            # A later part of a challenge may be hidden until the first is solved.
            numbers = [number for number, known, part in sidecar.mapping() if known == name and not part]
            why = refusal(numbers)
            if why:
                return problem(403, "challenge_closed", why)
        try:
            status, text = sidecar.ask(request.method, "/" + path, body, get_current_user().id, get_ip())
        except Away:
            return problem(503, "whaley_away", NOT_NOW)
        answer = Response(text, status, mimetype="application/json")
        answer.headers["Cache-Control"] = "no-store"
        return answer

    return pages
