"""Install what is needed and make packs/cnndsd_sample_pack.zip: ``python3 scripts/pack.py [options]``.

Options are those of ``cnndsd pack``. With a spec among them, such as packs/raw.toml, the pack of that spec is made.
"""

import sys

import environment

if __name__ == "__main__":
    options = sys.argv[1:]
    named = any(option.endswith(".toml") for option in options)
    spec = [] if named else [str(environment.ROOT / "packs" / "sample_pack.toml")]
    interpreter = environment.python()
    environment.become([str(interpreter), "-m", "cnndsd", "pack", *spec, *options])
