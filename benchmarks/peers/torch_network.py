"""1024 networks in PyTorch: ``python torch_network.py PARAMETERS SECONDS single|double bmm|sum|compiled``."""

import sys
import time

import torch
from peer import CORES, HISTORY, PLACES, arguments, last_axis, layers, report

MANY = 1024


def bmm(ring: torch.Tensor, places: torch.Tensor, networks: list) -> torch.Tensor:
    """Do one step by batched matrix products; the networks are in the first axis."""
    x = ring[places].T.unsqueeze(2)
    for weights, biases in networks:
        x = torch.baddbmm(biases.unsqueeze(2), weights, x).sin_().square_()
    return x[:, 0, 0]


def summed(ring: torch.Tensor, places: torch.Tensor, networks: list) -> torch.Tensor:
    """Do one step by products and sums; the networks are in the last axis."""
    x = ring[places]
    for weights, biases in networks:
        x = (weights * x).sum(1).add_(biases).sin_().square_()
    return x[0]


def unrolled(inputs: torch.Tensor, networks: list) -> torch.Tensor:
    """Do one step neuron by neuron; the compiler fuses that into one loop over the networks."""
    x = list(inputs)
    for weights, biases in networks:
        sums = list(biases)
        for n in range(len(sums)):
            for i in range(len(x)):
                sums[n] = sums[n] + weights[n, i] * x[i]
        x = [h.sin().square() for h in sums]
    return x[0]


def render(step: object, networks: list, steps: int) -> torch.Tensor:
    number = networks[0][0].dtype
    places = list(torch.from_numpy(PLACES))
    ring, out = torch.zeros(HISTORY, MANY, dtype=number), torch.empty(steps, MANY, dtype=number)
    for t in range(steps):
        out[t] = ring[t % HISTORY] = step(ring, places[t % HISTORY], networks)
    return out


def main() -> None:
    path, steps, number = arguments()
    form = sys.argv[4]
    torch.set_grad_enabled(False)
    torch.set_num_threads(CORES)
    # oneDNN took a hundred times longer over single precision matrices this small.
    torch.backends.mkldnn.enabled = False
    found = layers(path, MANY, number)
    step = {"bmm": bmm, "sum": summed}.get(form)
    if step is None:
        fused = torch.compile(unrolled, fullgraph=True, dynamic=False)

        def step(ring: torch.Tensor, places: torch.Tensor, networks: list) -> torch.Tensor:
            return fused(ring[places], networks)

    chosen = found if form == "bmm" else last_axis(found)
    networks = [(torch.from_numpy(weights), torch.from_numpy(biases)) for weights, biases in chosen]
    render(step, networks, steps // 4)
    start = time.perf_counter()
    out = render(step, networks, steps)
    report(MANY, steps, time.perf_counter() - start, CORES, out.numpy)


if __name__ == "__main__":
    main()
