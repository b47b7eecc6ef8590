scripts = []


def register_script(url):
    scripts.append(url)
