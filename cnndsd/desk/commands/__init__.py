"""The commands of ``cnndsd``, one module each: its options, the library call that it makes, and what it prints."""
