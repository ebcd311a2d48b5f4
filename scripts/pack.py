"""Install what is needed and make packs/cnndsd_sample_pack.zip: ``python3 scripts/pack.py [options]``.

Options are those of ``cnndsd pack``. With a spec among them, such as packs/raw.toml or raw, the pack of that spec is
made. A name alone puts it in the current folder.
"""

import sys

import environment

if __name__ == "__main__":
    options = sys.argv[1:]
    ready = {path.stem for path in (environment.ROOT / "packs").glob("*.toml")}
    named = any(option.endswith((".toml", ".zip")) or option in ready for option in options)
    spec = [] if named else [str(environment.ROOT / "packs" / "sample_pack.toml")]
    interpreter = environment.python()
    environment.become([str(interpreter), "-m", "cnndsd", "pack", *spec, *options])
