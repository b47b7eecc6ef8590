from CTFd.utils.plugins import register_script


def register_plugin_script(*args, **kwargs):
    register_script(*args, **kwargs)
