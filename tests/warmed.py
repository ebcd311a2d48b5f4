"""For workers to import before their first task: the kernels are loaded, so that no unit waits for them."""

from cnndsd import Spec
from cnndsd.farm import units


def warm(precision):
    units.warm(Spec(name="x", sound={"precision": precision}))


warm("double")
