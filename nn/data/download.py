"""Download of the MNIST and Fashion-MNIST files.

A module of its own, imported only when a download is needed: importing pooch takes longer than
importing numpy.
"""

import os
from pathlib import Path

import pooch  # type: ignore[import-untyped]

from nn.data.errors import DataError

CACHE_DIR_VARIABLE = "AUTODIFF_CACHE_DIR"

URLS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    # Plain HTTP is all this mirror offers; the SHA-256 sums guard against altered files.
    "fashion-mnist": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
}

SHA256 = {
    "mnist": {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
}


def fetch(name: str) -> Path:
    """Make sure that the four files of a data set are in the cache, downloading what is not.

    The cache is pooch's for "autodiff", or the folder that the environment variable
    AUTODIFF_CACHE_DIR names.

    Args:
        name: "mnist" or "fashion-mnist".

    Returns:
        The folder with the files, each checked against its SHA-256 sum.

    Raises:
        DataError: A file could not be downloaded or stored, or has another sum.

    >>> fetch("mnist").name  # doctest: +SKIP
    'mnist'
    """
    base = os.environ.get(CACHE_DIR_VARIABLE) or pooch.os_cache("autodiff")
    folder = Path(base) / name
    for file_name, sha256 in SHA256[name].items():
        url = URLS[name] + file_name
        try:
            pooch.retrieve(url, known_hash=f"sha256:{sha256}", fname=file_name, path=folder)
        # OSError covers the network and the disk, ValueError a file with another sum.
        except (OSError, ValueError) as error:
            raise DataError(
                f"{file_name}: could not be downloaded from {url} to {folder}: {error}\n"
                f"If you have the {name} files, point data_dir= (on the command line --data-dir, "
                "or the environment variable AUTODIFF_DATA_DIR) to their folder."
            ) from error
    return folder
