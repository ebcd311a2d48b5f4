"""Make packs/cnndsd_sample_pack.zip, and before it whatever that needs: ``python3 scripts/pack.py [options]``.

Options are those of ``cnndsd pack``; a spec named among them (packs/raw.toml) is made instead of the default one.
"""

import sys

import environment

if __name__ == "__main__":
    options = sys.argv[1:]
    named = any(option.endswith(".toml") for option in options)
    spec = [] if named else [str(environment.ROOT / "packs" / "sample_pack.toml")]
    interpreter = environment.python()
    environment.become([str(interpreter), "-m", "cnndsd", "pack", *spec, *options])
