"""Every error of a study. Messages say the value, what was expected and the remedy."""

from collections.abc import Sequence

from neo.errors import NeoError


class StudyError(NeoError):
    """Base of what can go wrong with a study."""


class StudyFileInvalid(StudyError):
    """A study file that cannot be used; all its problems at once, each with its line."""

    def __init__(self, name: object, problems: Sequence[str]):
        self.problems = tuple(problems)
        lines = "\n  ".join(self.problems)
        super().__init__(f"{len(problems)} problems in {name}, expected none; mend them:\n  {lines}")


class StudyUnknown(StudyError):
    """No study of this name in the database, or no studies at all."""


class StudyExists(StudyError):
    """A study's file cannot change once raters have links."""


class LinkInvalid(StudyError):
    """A token that was never given out, or that has been used up. Says nothing else, on purpose."""


class NotYours(StudyError):
    """A rater tried to act on a slot of somebody else."""


class Locked(StudyError):
    """A vote that was submitted stays as it is."""


class NotReady(StudyError):
    """A vote before both replies are complete, or without a required answer."""


class AnswerInvalid(StudyError):
    """An answer that its question does not offer."""


class Hidden(StudyError):
    """Results that stay hidden until the planned number of judgements is reached."""
