"""Tells the sidecar what happens in CTFd, so that it need not ask. What cannot be told is found when CTFd is read again."""

import json
import logging
import os
import queue
import threading
import time
from datetime import datetime

from flask import request
from sqlalchemy import event
from sqlalchemy.orm import object_session

from CTFd.models import Challenges, Configs, Submissions, Teams, Users, db
from CTFd.utils.user import get_current_user, get_ip

from .sidecar import Away

KEEPS = 2000  # events, while the sidecar is away
BATCH = 40_000  # bytes of one message
LONGEST = 4_000  # characters of one submission
QUIET = 60  # seconds after which the sidecar is told that there is nothing to tell


class Queue:
    """Events on their way to the sidecar, sent by a thread of their own: no request of a player's waits for it."""

    def __init__(self, sidecar):
        self.sidecar = sidecar
        self.waiting = queue.Queue(KEEPS)
        self.lock = threading.Lock()
        self.lost = 0
        self.process = None

    def put(self, event):
        with self.lock:
            if self.process != os.getpid():  # a server's workers are copies of it, without its threads
                self.process = os.getpid()
                threading.Thread(target=self.run, name="whaley", daemon=True).start()
        try:
            self.waiting.put_nowait(event)
        except queue.Full:
            self.lost += 1

    def run(self):
        pause, left = 1, None
        while True:
            batch, left = self.take(left)
            while not self.send(batch):
                time.sleep(pause)
                pause = min(2 * pause, 30)
            pause = 1

    def take(self, left):
        """The next events, and the one that had no room any more. None at all: it has been quiet."""
        batch, size = [], 0
        while True:
            try:
                event = left or self.waiting.get(block=not batch, timeout=QUIET)
            except queue.Empty:
                return batch, None
            size += len(json.dumps(event))
            if batch and size > BATCH:
                return batch, event
            batch.append(event)
            left = None

    def send(self, batch):
        lost = self.lost
        try:
            status, _ = self.sidecar.ask("POST", "/adapter/events", {"lost": lost, "events": batch})
        except Away:
            return False
        if status == 429 or status >= 500:
            return False
        if status < 300:
            self.lost -= lost
        else:
            self.lost += len(batch)  # refused: it will be refused again
            logging.getLogger(__name__).error("the sidecar refuses what it is told with %d: is WHALEY_KEY its ADAPTER_KEY?", status)
        return True


def watch(app, waiting):
    """Has everything told that the sidecar wants to know of, once it is in the database."""

    def note(row, event):
        object_session(row).info.setdefault("whaley", []).append(event)

    def submitted(mapper, connection, row):
        note(row, submission(row.id, row.challenge_id, row.user_id, row.team_id, row.provided, row.type, row.ip, row.date))

    def user_changed(gone):
        def changed(mapper, connection, row):
            note(row, {"type": "user", "id": row.id, "name": row.name, "team_id": row.team_id or 0,
                       "banned": bool(row.banned), "admin": row.type == "admin", "gone": gone})

        return changed

    def team_changed(gone):
        def changed(mapper, connection, row):
            note(row, {"type": "team", "id": row.id, "name": row.name, "banned": bool(row.banned), "gone": gone})

        return changed

    def event_changed(mapper, connection, row):
        note(row, {"type": "event"})

    event.listen(Submissions, "after_insert", submitted, propagate=True)
    for model, changed in ((Users, user_changed), (Teams, team_changed)):
        event.listen(model, "after_update", changed(False), propagate=True)
        event.listen(model, "after_delete", changed(True), propagate=True)
    for model in (Configs, Challenges):
        for when in ("after_insert", "after_update", "after_delete"):
            event.listen(model, when, event_changed, propagate=True)

    @event.listens_for(db.session, "after_commit")
    def committed(session):
        for one in session.info.pop("whaley", []):
            waiting.put(one)

    @event.listens_for(db.session, "after_rollback")
    def rolled_back(session):
        session.info.pop("whaley", None)

    @app.after_request
    def answered(response):
        """Once a team has solved a challenge CTFd keeps nothing of what it submits there, so this is told by hand."""
        if request.method == "POST" and request.path.endswith("/api/v1/challenges/attempt"):
            data = (response.get_json(silent=True) or {}).get("data")
            if isinstance(data, dict) and data.get("status") == "already_solved":
                sent, user = request.form or request.get_json(silent=True) or {}, get_current_user()
                verdict = "correct" if str(data.get("message")).startswith("Correct") else "incorrect"
                waiting.put(submission(0, int(sent.get("challenge_id") or 0), user.id, user.team_id,
                                       str(sent.get("submission") or "").strip(), verdict, get_ip(), datetime.utcnow()))
        return response


def submission(number, challenge, user, team, provided, verdict, ip, date):
    return {"type": "submission", "id": number, "challenge_id": challenge, "user_id": user, "team_id": team or 0,
            "provided": str(provided or "")[:LONGEST], "verdict": verdict, "ip": ip or "", "date": date.isoformat() + "Z"}
