"""The one exception that services raise to answer with an AWS error."""


class AwsError(Exception):
    """An error answer: the code that clients dispatch on, the sentence that people read, the HTTP status."""

    def __init__(self, code, message, status=400):
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
