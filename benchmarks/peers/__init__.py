"""The same work in each library. A function makes a step; its last argument is the threads."""
