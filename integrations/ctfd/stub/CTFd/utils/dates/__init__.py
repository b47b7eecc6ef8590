from CTFd.utils import get_config


def ctf_paused():
    return bool(get_config("paused"))
