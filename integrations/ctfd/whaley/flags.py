"""A flag that is right for its owner only. To every other player or team it is wrong, at once."""

import hmac

from CTFd.plugins.flags import BaseFlag
from CTFd.utils.user import get_current_user


def owners(user):
    """Whose flags an account may submit: its own and its team's."""
    if user is None:
        return ()
    mine = ("user_%d" % user.id,)
    return mine + ("team_%d" % user.team_id,) if user.team_id else mine


class OwnersFlag(BaseFlag):
    name = "whaley"
    templates = {  # an organiser sees it as any other
        "create": "/plugins/flags/assets/static/create.html",
        "update": "/plugins/flags/assets/static/edit.html",
    }

    @staticmethod
    def compare(saved, provided):
        same = hmac.compare_digest(str(saved.content).encode(), str(provided).encode())
        return same and saved.data in owners(get_current_user())
