class BaseFlag:
    name = None
    templates = {}

    @staticmethod
    def compare(self, saved, provided):
        return True


class Static(BaseFlag):
    name = "static"

    @staticmethod
    def compare(chal_key_obj, provided):
        return chal_key_obj.content == provided


FLAG_CLASSES = {"static": Static}
