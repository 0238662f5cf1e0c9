"""Every error of the `neo` package. Messages say the value, what was expected and the remedy."""


class NeoError(Exception):
    """Base of all errors that a user may meet; shown as one line, without a traceback."""


class SettingInvalid(NeoError):
    """An environment variable or flag holds what it cannot mean."""


class BaseModelMissing(NeoError):
    """The base language model cannot be found or is not the expected file."""


class CacheNotWritable(NeoError):
    """The folder for converted weights cannot be written."""


class WeightsInvalid(NeoError):
    """Trained weights are missing, damaged, or belong to another base model or SID vocabulary."""


class SidsMissing(NeoError):
    """An item, type or database has no SIDs yet."""


class PromptInvalid(NeoError):
    """A wording file or a template variable is missing or wrong."""


class PlanInvalid(NeoError):
    """A token sequence is not a plan of the grammar."""


class DecodingError(NeoError):
    """Base of what can go wrong between a token and the next."""


class NothingAllowed(DecodingError):
    """A constraint left no continuation: decoding stops here and never lets everything through."""


class NotFinite(DecodingError):
    """The model returned NaN or infinite scores."""


class SidOutsideCatalog(DecodingError):
    """An item span does not name an item of the trie."""


class MessageTooLong(NeoError):
    """A visitor's message exceeds what the model can read."""
