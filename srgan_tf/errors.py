"""What a user can mend.

Commands turn a UserError, and the operating system's own errors, into one line and exit status 2. Any other exception
that reaches a command is a fault of this package: it is shown with its traceback.
"""


class UserError(ValueError):
    """Something that the user gave cannot be used; the message says what it is, the value received and what to do."""


# What a command answers with one line; a batch continues after them.
MENDABLE = (UserError, OSError, MemoryError)


class ModelNotFoundError(UserError, FileNotFoundError):
    """No model has this name, and no file or folder of this path is one."""


class MissingPackageError(UserError, ImportError):
    """An optional package is not installed; the message has the command that installs it."""
