"""All bins of LLSS with JAX on the processor, in doubles: what otfhpc is compared with.

Usage: python3 scripts/peers/jax_qr.py CAL.npz OUTPUT.npz [EXACT.npz]

One compiled function makes the Planck functions of a few bins at a time, so that they stay in the
cache, and factors them (`vmap` of `qr`, the data as further columns). Spectra are made with NumPy,
whose median and transforms are faster. OUTPUT.npz gets `emissivity` and `sigma` [bin, emitter].
Prints as JSON the seconds from opening the file to both, those of the parts, and, with EXACT.npz (of
exact.py), the accuracy. Compiling does not count. One thread is the caller's part:
XLA_FLAGS="--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1", OMP_NUM_THREADS=1.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular

import llss
import peer
import tuned

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_platforms", "cpu")

EMITTERS = len(llss.KEYS)
BINS_AT_ONCE = 8


@jax.jit
def all_bins(seen: jax.Array, weight: jax.Array, inverse: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Solutions [bin, emitter, 2] and error bars [bin, emitter]."""

    def one(given: tuple[jax.Array, jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        over, data, weights = given
        columns = weights / jnp.expm1(over * inverse)
        # Planck functions of different bodies can be fifty orders of magnitude apart.
        lengths = jnp.sqrt(jnp.sum(columns**2, axis=1))
        system = jnp.vstack([columns / lengths[:, None], data])
        upper = jnp.linalg.qr(system.T, mode="r")
        square, rest = upper[:EMITTERS, :EMITTERS], upper[:EMITTERS, EMITTERS:]
        back = solve_triangular(square, jnp.eye(EMITTERS))
        sigma = jnp.sqrt(jnp.sum(back**2, axis=1))
        return back @ rest / lengths[:, None], sigma / lengths

    over = llss.PLANCK / llss.BOLTZMANN * llss.FREQUENCY_HZ[1:]
    return jax.lax.map(one, (over, seen, weight), batch_size=BINS_AT_ONCE)


def fit(records: llss.Records, clock: peer.Clock) -> tuple[np.ndarray, np.ndarray]:
    seen, weight = tuned.weighted(records)
    clock.lap("spectra")
    found, sigma = all_bins(seen, weight, 1 / records.temperatures)
    return np.asarray(found), np.asarray(sigma)


if __name__ == "__main__":
    peer.run(fit, {"numpy": np.__version__, "jax": jax.__version__})
