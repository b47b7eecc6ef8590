"""Serves the stand-in with the plugin. What a test changes in it is a POST to /test/<model>, as an organiser's click would be."""

import sys

from flask import Flask, abort, jsonify, request, session
from werkzeug.serving import make_server

sys.path[:0] = [__file__.rsplit("/", 1)[0], __file__.rsplit("/", 2)[0]]

import whaley  # noqa: E402
from CTFd import models  # noqa: E402
from CTFd.plugins.flags import FLAG_CLASSES  # noqa: E402
from CTFd.utils import plugins  # noqa: E402
from CTFd.utils.user import authed, get_current_user, get_ip  # noqa: E402

app = Flask("CTFd")
app.secret_key = "of a test"


@app.teardown_appcontext
def ended(_):
    models.db.session.remove()


@app.before_request
def csrf():
    """As CTFd: what changes anything shows the session's nonce."""
    if request.method not in ("GET", "HEAD") and not request.path.startswith("/test/"):
        if not authed() or request.headers.get("CSRF-Token") != "nonce-%d" % session["id"]:
            abort(403)


@app.post("/test/login/<int:number>")
def login(number):
    session["id"] = number
    return ""


@app.post("/test/change/<name>")
def change(name):
    model, fields = getattr(models, name), request.get_json()
    row = model.query.filter_by(id=fields["id"]).first()
    if row is None:
        row = model()
        models.db.session.add(row)
    for key, value in fields.items():
        setattr(row, key, value)
    models.db.session.commit()
    return ""


@app.get("/")
def page():
    return jsonify(scripts=plugins.scripts, types=sorted(FLAG_CLASSES))


@app.post("/api/v1/challenges/attempt")
def attempt():
    sent, user = request.get_json(), get_current_user()
    provided = sent["submission"].strip()
    rows = models.Flags.query.filter_by(challenge_id=sent["challenge_id"]).all()
    right = any(FLAG_CLASSES[row.type].compare(row, provided) for row in rows)
    word = "Correct" if right else "Incorrect"
    if models.Solves.query.filter_by(account_id=user.account_id, challenge_id=sent["challenge_id"]).first():
        return jsonify(success=True, data={"status": "already_solved", "message": word + " but you already solved this"})
    kind = models.Solves if right else models.Fails
    models.db.session.add(kind(user_id=user.id, team_id=user.team_id, account_id=user.account_id, ip=get_ip(),
                               challenge_id=sent["challenge_id"], provided=provided))
    models.db.session.commit()
    return jsonify(success=True, data={"status": word.lower(), "message": word})


whaley.load(app)
server = make_server("127.0.0.1", 0, app, threaded=True)
print(server.port, flush=True)
server.serve_forever()
