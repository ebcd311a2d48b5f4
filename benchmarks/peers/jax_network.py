"""1024 networks in JAX, split over the cores: ``python jax_network.py PARAMETERS SECONDS single|double``."""

import os
import time

import numpy as np
from peer import CORES, HISTORY, WIDTHS, arguments, layers, report

# One device per core: XLA runs the small operations of a scan on one.
os.environ["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={CORES}"

import jax
import jax.numpy as jnp
from jax.sharding import NamedSharding, PartitionSpec

MANY = 1024


def main() -> None:
    path, steps, number = arguments()
    jax.config.update("jax_enable_x64", True)
    delays = 1 << np.arange(WIDTHS[0])

    def one(network: list) -> jax.Array:
        def step(ring: jax.Array, t: jax.Array) -> tuple[jax.Array, jax.Array]:
            x = ring[(t - delays) % HISTORY]
            for weights, biases in network:
                x = jnp.sin(weights @ x + biases) ** 2
            return ring.at[t % HISTORY].set(x[0]), x[0]

        return jax.lax.scan(step, jnp.zeros(HISTORY, number), jnp.arange(steps, dtype=jnp.int32))[1]

    mesh, split = jax.make_mesh((CORES,), ("core",)), PartitionSpec("core")
    networks = jax.device_put(layers(path, MANY, number), NamedSharding(mesh, split))
    render = jax.jit(
        jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=(split,), out_specs=split, check_vma=False),
    )
    render(networks).block_until_ready()
    start = time.perf_counter()
    out = render(networks).block_until_ready()
    report(MANY, steps, time.perf_counter() - start, CORES, lambda: np.asarray(out).T)


if __name__ == "__main__":
    main()
