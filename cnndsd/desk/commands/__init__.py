"""The commands of ``cnndsd``, one module each: its options, its library call, and what it prints."""
