from CTFd.models import Configs


def get_config(key, default=None):
    row = Configs.query.filter_by(key=key).first()
    return row.value if row else default
