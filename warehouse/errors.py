"""The one error that a user is meant to read."""


class TickmartError(Exception):
    """A failure with a message that says what was found and what to do.

    The command line prints it on stderr as one clear message and exits with 1; anything else that
    escapes is a defect and shows its traceback.
    """
