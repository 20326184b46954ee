"""The error that every fault in the data raises."""


class DataError(ValueError):
    """Data that is missing, damaged or not what it claims to be.

    >>> raise DataError("labels.gz: the file is empty")
    Traceback (most recent call last):
    ...
    nn.data.errors.DataError: labels.gz: the file is empty
    """
