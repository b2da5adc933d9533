"""Trains the net and writes it as ONNX.

Usage: python train.py PHOTOS MODELS OUT.onnx

Takes about four minutes on one core, most of it for drawing the training patches. PHOTOS and MODELS as in draw.py.
All people are trained on, so what the net does on these very photos says nothing: measure.py holds people out.
"""

import argparse
import os
from pathlib import Path

# One thread, so that sums are formed in the same order every time.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from draw import COLUMN_STEP, COLUMNS, ROWS, MeshFinder, draw_all, load_people

STEPS, BATCH, RATE, DECAY, KEPT = 600, 96, 4e-3, 2e-3, 0.85
BLUR = 0.02  # eye distances: errors below count quadratically, and the target distribution is this wide
# Kernels are height, width, channels in, channels out.
SHAPES = {"w1": (3, 5, 3, 8), "b1": (8,), "w2": (3, 5, 8, 16), "b2": (16,), "w3": (3, 5, 16, 16), "b3": (16,)}
SHAPES |= {"w4": (1, 7, 16, 16), "b4": (16,), "w5": (1, 1, 16, 1), "prior": (48,)}
LAYERS = [((2, 1), (1, 2)), ((2, 1), (1, 2)), ((1, 1), (0, 2)), ((1, 1), (0, 3))]  # strides and padding
POSITIONS = ((np.arange(COLUMNS) + 0.5 - COLUMNS / 2) * COLUMN_STEP).astype(np.float32)


def initial(key):
    keys = jax.random.split(key, 6)
    params = {}
    for layer in range(1, 6):
        shape = SHAPES[f"w{layer}"]
        params[f"w{layer}"] = jax.random.normal(keys[layer - 1], shape) * np.sqrt(2 / np.prod(shape[:-1]))
        if layer < 5:
            params[f"b{layer}"] = jnp.zeros(shape[-1])
    params["w5"] *= 0.3  # so that the prior decides at first
    params["prior"] = jnp.array(-0.5 * (POSITIONS / 0.06) ** 2)
    return params


def forward(params, patches, key=None):
    """Patches n x 10 x 48 x 3 to the probability of each of the 48 places. With a key, channels are dropped."""
    convolve = jax.lax.conv_general_dilated
    layout = ("NHWC", "HWIO", "NHWC")
    x = patches
    for layer, (stride, (rows, columns)) in enumerate(LAYERS, 1):
        padding = [(rows, rows), (columns, columns)]
        x = convolve(x, params[f"w{layer}"], stride, padding, dimension_numbers=layout)
        x = jax.nn.relu(x + params[f"b{layer}"])
        if layer == 2 and key is not None:
            kept = jax.random.bernoulli(jax.random.split(key)[0], KEPT, (x.shape[0], 1, 1, x.shape[3]))
            x = x * kept / KEPT
    x = convolve(x, params["w5"], (1, 1), "VALID", dimension_numbers=layout)
    return jax.nn.softmax(x[:, 0, :, 0] + params["prior"], -1)


def loss(params, patches, offsets, key):
    places = forward(params, patches, key)
    error = (places @ POSITIONS - offsets) / BLUR
    huber = jnp.where(abs(error) < 1, 0.5 * error * error, abs(error) - 0.5)
    target = jax.nn.softmax(-0.5 * ((POSITIONS[None] - offsets[:, None]) / BLUR) ** 2, -1)
    entropy = -(target * jnp.log(places + 1e-9)).sum(-1)
    decay = sum((params[f"w{layer}"] ** 2).sum() for layer in range(1, 6))
    return (huber + 0.3 * entropy).mean() + DECAY * decay


@jax.jit
def step(params, first, second, time, patches, offsets, rate, key):
    """One step of Adam."""
    gradient = jax.grad(loss)(params, patches, offsets, key)
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.99 * v + 0.01 * g * g, second, gradient)

    def moved(value, m, v):
        return value - rate * (m / (1 - 0.9**time)) / (jnp.sqrt(v / (1 - 0.99**time)) + 1e-8)

    return jax.tree.map(moved, params, first, second), first, second


def fit(patches: np.ndarray, offsets: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """Weights trained on n x 10 x 48 x 3 patches and the n places of the cheek in them."""
    rng = np.random.default_rng(seed)
    params = initial(jax.random.PRNGKey(seed))
    first = second = jax.tree.map(jnp.zeros_like, params)
    key = jax.random.PRNGKey(seed + 99)
    for time in range(1, STEPS + 1):
        batch = rng.integers(0, len(patches), BATCH)
        rng.random()  # no use, but without it the batches are not those the shipped weights saw
        rate = RATE * min(1, time / 50) * (0.5 + 0.5 * np.cos(np.pi * time / STEPS)) + 1e-5
        key, now = jax.random.split(key)
        params, first, second = step(params, first, second, time, patches[batch], offsets[batch], rate, now)
    return {name: np.asarray(params[name]) for name in SHAPES}


def to_onnx(params: dict[str, np.ndarray]) -> bytes:
    """The net for both sides of a face at once, in the operators that every runtime has."""
    constants = {name: value.transpose(3, 2, 0, 1) if name[0] == "w" else value for name, value in params.items()}
    constants["shape"] = np.array([2, COLUMNS], np.int64)
    nodes = [helper.make_node("Transpose", ["patches"], ["x0"], perm=[0, 3, 1, 2])]
    for layer, (stride, padding) in enumerate(LAYERS, 1):
        inputs = [f"x{layer - 1}", f"w{layer}", f"b{layer}"]
        nodes.append(helper.make_node("Conv", inputs, [f"c{layer}"], strides=stride, pads=padding * 2))
        nodes.append(helper.make_node("Relu", [f"c{layer}"], [f"x{layer}"]))
    nodes += [
        helper.make_node("Conv", ["x4", "w5"], ["c5"]),
        helper.make_node("Reshape", ["c5", "shape"], ["scores"]),
        helper.make_node("Add", ["scores", "prior"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["offset"], axis=1),
    ]
    patches = helper.make_tensor_value_info("patches", TensorProto.FLOAT, [2, ROWS, COLUMNS, 3])
    offset = helper.make_tensor_value_info("offset", TensorProto.FLOAT, [2, COLUMNS])
    tensors = [numpy_helper.from_array(np.ascontiguousarray(value), name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "cheek_edge", [patches], [offset], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    patches, cheeks = draw_all(load_people(args.photos, MeshFinder(args.models)))
    params = fit(patches.reshape(-1, ROWS, COLUMNS, 3), cheeks.ravel())
    args.out.write_bytes(to_onnx(params))
    print(f"{args.out}: {args.out.stat().st_size} bytes, trained on {patches.shape[0] * 2} patches")


if __name__ == "__main__":
    main()
