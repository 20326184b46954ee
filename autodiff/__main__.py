"""``python -m autodiff``: the command line."""

from autodiff.commands import main

if __name__ == "__main__":
    main()
