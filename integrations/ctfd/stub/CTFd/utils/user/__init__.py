from flask import request, session

from CTFd.models import Users


def authed():
    return bool(session.get("id"))


def get_current_user():
    return Users.query.filter_by(id=session["id"]).first() if authed() else None


def is_admin():
    user = get_current_user()
    return bool(user and user.type == "admin")


def get_ip(req=None):
    return (req or request).remote_addr
