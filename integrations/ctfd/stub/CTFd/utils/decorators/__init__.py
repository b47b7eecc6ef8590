import functools

from flask import abort, redirect, request

from CTFd.utils import get_config
from CTFd.utils.user import authed, is_admin


def guard(refused):
    def decorator(f):
        @functools.wraps(f)
        def wrapper(*args, **kwargs):
            if not refused():
                return f(*args, **kwargs)
            if request.is_json:
                abort(403)
            return redirect("/login?next=" + request.full_path)

        return wrapper

    return decorator


def authed_only(f):
    return guard(lambda: not authed())(f)


def during_ctf_time_only(f):
    return guard(lambda: get_config("ended") and not is_admin())(f)


def require_verified_emails(f):
    return guard(lambda: False)(f)
