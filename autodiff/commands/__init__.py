"""The command line: ``autodiff grad "sin(θ*x)" θ=0.5 x=2``.

``program`` puts the commands together and turns errors into lines and exit codes; ``arguments``
reads what is typed, ``problem`` is what has been read: an expression and a point. Every other file
is a command, or what a command shows.
"""

from autodiff.commands.program import main

__all__ = ["main"]
