"""CTFd's own rules for a challenge, asked of CTFd itself when an instance is to be started."""

from CTFd.models import Challenges, Solves
from CTFd.utils.dates import ctf_paused
from CTFd.utils.user import get_current_user, is_admin

try:
    from CTFd.utils.modules import can_access_challenge
except ImportError:  # before 3.8 there are no modules

    def can_access_challenge(challenge, user):
        return True


def refusal(numbers):
    """Why the player may not start what these challenges of CTFd are; None: they may. None of them: CTFd has no rule."""
    if is_admin():
        return None
    if ctf_paused():
        return "The event is paused."
    if numbers and not any(is_open(challenge) for challenge in find(numbers)):
        return "This challenge is not open to you."
    return None


def find(numbers):
    return Challenges.query.filter(Challenges.id.in_(numbers)).all()


def is_open(challenge):
    user = get_current_user()
    if challenge.state in ("hidden", "locked") or not can_access_challenge(challenge, user):
        return False
    required = set((challenge.requirements or {}).get("prerequisites", []))
    if not required:
        return True
    there = {number for (number,) in Challenges.query.with_entities(Challenges.id).all()}
    solved = {
        number for (number,) in Solves.query.with_entities(Solves.challenge_id).filter_by(account_id=user.account_id).all()
    }
    return required & there <= solved
