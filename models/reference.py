"""Writes what ONNX Runtime says of a sample photo: tests/nets.json, to which tests/nets.rs holds the program.

    pip install onnxruntime==1.32.0 pillow==12.0.0 numpy==2.4.6
    python models/reference.py

The input of every net is the same square of sample-photos/astronaut.png, the pixels picked without interpolation, so that any
program can make the same: pixel i of n is pixel floor(i * SIDE / n) of the square.
"""

import json
import tomllib
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

HERE = Path(__file__).parent
LEFT, TOP, SIDE = 128, 0, 256
SAMPLES = 64  # of each output


def channels_inside(values: np.ndarray) -> np.ndarray:
    """Planes of one picture as rows of pixels; all else as it is."""
    planes = values.ndim == 4 and values.shape[1] < values.shape[3] and values.shape[2] > 1
    return values.transpose(0, 2, 3, 1) if planes else values


def main() -> None:
    photo = np.asarray(Image.open(HERE.parent / "sample-photos/astronaut.png").convert("RGB"))
    square = photo[TOP : TOP + SIDE, LEFT : LEFT + SIDE].astype(np.float32) / np.float32(255)
    nets = []
    for entry in tomllib.loads((HERE / "MANIFEST.toml").read_text("utf-8"))["file"]:
        if not entry["name"].endswith(".onnx"):
            continue
        net = onnxruntime.InferenceSession(HERE / entry["name"])
        (spec,) = net.get_inputs()
        shape = [size if isinstance(size, int) else 1 for size in spec.shape]
        planes = shape[1] == 3
        pictures, rows, columns = (shape[0], *shape[2:]) if planes else shape[:3]
        pick = [np.arange(n) * SIDE // n for n in (rows, columns)]
        picture = square[pick[0]][:, pick[1]][None].repeat(pictures, 0)
        fed = np.ascontiguousarray(picture.transpose(0, 3, 1, 2)) if planes else picture
        outputs = []
        for output in net.run(None, {spec.name: fed}):
            values = channels_inside(output).ravel()
            step = -(-len(values) // SAMPLES)
            every = [float(value) for value in values[::step]]
            outputs.append({"len": len(values), "largest": float(np.abs(values).max()), "step": step, "values": every})
        nets.append({"file": entry["name"], "input": [pictures, rows, columns, 3], "outputs": outputs})
    target = HERE.parent / "tests/nets.json"
    target.write_text(json.dumps(nets, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
