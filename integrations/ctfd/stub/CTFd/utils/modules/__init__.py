def can_access_challenge(challenge, user):
    return True
