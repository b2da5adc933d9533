"""From photos to patches: the face mesh, the framing of the two cheek patches, and drawn variants to train on.

Has no command of its own; train.py and measure.py build on it. README.md describes the framing step by step.
PHOTOS is a folder with portraits.csv, portraits/ and bases/ (a cut-out with matte, labels and truth for each person).
MODELS is a folder with face_detection_short_range.onnx and face_landmark.onnx.
"""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnxruntime
from PIL import Image

COLUMNS, ROWS = 48, 10
COLUMN_STEP, ROW_STEP = 0.0125, 0.05  # in eye distances
COLUMN_TAPS, ROW_TAPS = 2, 4  # bilinear samples averaged in a cell
CHEEK_ROW = 0.436  # eye distances below the eyes: where the delineations have the face's width
FREE_ROLL = np.radians(5.0)  # the delineations are horizontal in the picture, so small rolls stay in
EYES = [33, 133, 159, 145], [362, 263, 386, 374]  # corners and lids; left and right of the picture
OVALS = [127, 234, 93, 132, 58, 172], [356, 454, 323, 361, 288, 397]  # downwards along the contour
CHEEKS = 93, 323
SIDES = -1, 1
VARIANTS = 56  # drawn of each person


def read_rgb(path: Path) -> np.ndarray | None:
    """The photo as rows of RGB, or None when it cannot be decoded."""
    image = cv2.imread(str(path))
    return None if image is None else np.ascontiguousarray(image[..., ::-1])


def read_table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def bilinear(rgb: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Colours at points in picture coordinates (pixel centres at half); edge pixels are repeated."""
    height, width = rgb.shape[:2]
    x = np.clip(x - 0.5, 0, width - 1)
    y = np.clip(y - 0.5, 0, height - 1)
    left = np.minimum(x.astype(int), width - 2)
    top = np.minimum(y.astype(int), height - 2)
    across, down = (x - left)[..., None], (y - top)[..., None]
    upper = rgb[top, left] * (1 - across) + rgb[top, left + 1] * across
    lower = rgb[top + 1, left] * (1 - across) + rgb[top + 1, left + 1] * across
    return upper * (1 - down) + lower * down


class MeshFinder:
    """The 468 mesh points of the largest face, found with the product's two face nets and its crops."""

    SIDE, CROP, MIN_SCORE, MAX_OVERLAP = 128, 1.5, 0.5, 0.3

    def __init__(self, models: Path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        names = "face_detection_short_range.onnx", "face_landmark.onnx"
        self.nets = [onnxruntime.InferenceSession(str(models / name), options) for name in names]
        cells = [(i // each, count) for count, each in ((16, 2), (8, 6)) for i in range(count * count * each)]
        self.anchors = np.array([((i % count + 0.5) / count, (i // count + 0.5) / count) for i, count in cells])

    def run(self, net: int, pixels: np.ndarray) -> list[np.ndarray]:
        session = self.nets[net]
        return session.run(None, {session.get_inputs()[0].name: pixels[None].astype(np.float32)})

    def detect(self, rgb: np.ndarray) -> np.ndarray | None:
        """Corner, size and the two eyes (4x2) of the widest face."""
        height, width = rgb.shape[:2]
        longer = max(height, width)
        size = [round(width / longer * self.SIDE), round(height / longer * self.SIDE)]
        start = [(self.SIDE - length) // 2 for length in size]
        small = np.asarray(Image.fromarray(rgb).resize(size, Image.Resampling.BILINEAR))
        pixels = np.full((self.SIDE, self.SIDE, 3), -1.0)
        pixels[start[1] : start[1] + size[1], start[0] : start[0] + size[0]] = small / 127.5 - 1
        boxes, logits = self.run(0, pixels)
        scores = 1 / (1 + np.exp(-np.clip(logits.ravel().astype(float), -60, 60)))
        sure = scores >= self.MIN_SCORE
        places = boxes.reshape(-1, 8, 2)[sure].astype(float) / self.SIDE
        points = places + (self.anchors[sure] - np.array(start) / self.SIDE)[:, None]
        extent = places[:, 1]
        left = np.stack([points[:, 0] - extent / 2, extent, points[:, 2], points[:, 3]], 1) * longer
        scores = scores[sure]
        faces = []
        while len(left):
            best = left[np.argmax(scores)]
            corner = np.maximum(left[:, 0], best[0])
            common = np.clip(np.minimum(left[:, 0] + left[:, 1], best[0] + best[1]) - corner, 0, None).prod(1)
            same = common / (left[:, 1].prod(1) + best[1].prod() - common) > self.MAX_OVERLAP
            faces.append(np.average(left[same], axis=0, weights=scores[same]))
            left, scores = left[~same], scores[~same]
        return max(faces, key=lambda face: face[1, 0], default=None)

    def __call__(self, rgb: np.ndarray) -> np.ndarray | None:
        """468x2 points in picture coordinates, or None when no face is found."""
        face = self.detect(rgb)
        if face is None:
            return None
        corner, extent, *eyes = face
        side = 192
        scale = extent.max() * self.CROP / side
        angle = np.arctan2(*(eyes[1] - eyes[0])[::-1])
        across = np.array([np.cos(angle), np.sin(angle)]) * scale
        down = np.array([-across[1], across[0]])
        center = corner + extent / 2
        taps = int(np.clip(np.ceil(scale / 2), 1, 8))  # so that a fine picture does not alias
        steps = (np.arange(side * taps) + 0.5) / taps - side / 2
        where = center + steps[None, :, None] * across + steps[:, None, None] * down
        black = np.pad(rgb, ((1, 1), (1, 1), (0, 0)))  # this net sees black outside of the picture
        crop = bilinear(black, where[..., 0] + 1, where[..., 1] + 1)
        points, logit = self.run(1, crop.reshape(side, taps, side, taps, 3).mean((1, 3)) / 255)
        if logit.item() < 0:
            return None
        points = points.reshape(468, 3).astype(float) - side / 2
        return center + points[:, :1] * across + points[:, 1:2] * down


class Frame(NamedTuple):
    """Where the two patches of a face lie."""

    eye_distance: float
    row: float  # y of the cheek row in the levelled picture
    contour: list[float]  # x of the mesh's contour at that row, left and right
    turn: Callable  # from the levelled picture to the picture


def contour_at(line: np.ndarray, row: float) -> float:
    """x of a polyline that runs downwards; its ends go on straight up and down."""
    if row <= line[0, 1]:
        return line[0, 0]
    for upper, lower in zip(line[:-1], line[1:]):
        if row <= lower[1] and lower[1] > upper[1]:
            return upper[0] + (lower[0] - upper[0]) * (row - upper[1]) / (lower[1] - upper[1])
    return line[-1, 0]


def frame_of(mesh: np.ndarray) -> Frame:
    """Steps 1 to 3 of the README."""
    left, right = (mesh[points].mean(0) for points in EYES)
    middle = (left + right) / 2
    eye_distance = np.hypot(*(right - left))
    roll = np.arctan2(*(right - left)[::-1])
    excess = roll - np.clip(roll, -FREE_ROLL, FREE_ROLL)
    cos, sin = np.cos(excess), np.sin(excess)

    def turn(x, y):
        dx, dy = x - middle[0], y - middle[1]
        return middle[0] + dx * cos - dy * sin, middle[1] + dx * sin + dy * cos

    level = middle + (mesh - middle) @ np.array([[cos, -sin], [sin, cos]])
    row = middle[1] + CHEEK_ROW * eye_distance
    return Frame(eye_distance, row, [contour_at(level[oval], row) for oval in OVALS], turn)


def patches_of(rgb: np.ndarray, frame: Frame) -> np.ndarray:
    """Step 4: 2x10x48x3 RGB, 0 to 255; column 0 towards the nose on both sides."""
    columns = ((np.arange(COLUMNS * COLUMN_TAPS) + 0.5) / COLUMN_TAPS - COLUMNS / 2) * COLUMN_STEP
    rows = ((np.arange(ROWS * ROW_TAPS) + 0.5) / ROW_TAPS - ROWS / 2) * ROW_STEP
    patches = []
    for side, contour in zip(SIDES, frame.contour):
        x = contour + side * columns * frame.eye_distance
        y = frame.row + rows * frame.eye_distance
        fine = bilinear(rgb, *frame.turn(*np.meshgrid(x, y)))
        patches.append(fine.reshape(ROWS, ROW_TAPS, COLUMNS, COLUMN_TAPS, 3).mean((1, 3)))
    return np.stack(patches)


def normalised(patches: np.ndarray) -> np.ndarray:
    """Step 5: brightness and two colour differences, relative to the skin at the patch's inner end."""
    log = np.log((patches + 8) / 264)
    red, green, blue = np.moveaxis(log, -1, 0)
    channels = np.stack([log.mean(-1) * 1.5, (red - green) * 4, (blue - green) * 4], -1)
    channels -= channels[..., 2:14, :].mean((-3, -2), keepdims=True)
    return np.clip(channels, -2, 2).astype(np.float32)


class Person:
    """What drawing needs of a person, in the 480x640 pixels of the cut-out. Colours here are BGR, as in OpenCV."""

    def __init__(self, photos: Path, truth: dict[str, str], portrait: dict[str, str], mesh: np.ndarray):
        self.name = truth["id"]
        value = {key: float(text) for key, text in truth.items() if key != "id"}
        source = {key: float(portrait[key]) for key in ("pupil_l_x", "pupil_l_y", "pupil_r_x")}
        self.width = value["face_w_cheek"]
        self.cheeks = value["face_l_x"], value["face_r_x"]
        self.pupil_distance = value["eye_r_x"] - value["eye_l_x"]
        self.pupil_row = (value["eye_l_y"] + value["eye_r_y"]) / 2
        scale = self.pupil_distance / (source["pupil_r_x"] - source["pupil_l_x"])
        shift = value["eye_l_x"] - scale * source["pupil_l_x"], value["eye_l_y"] - scale * source["pupil_l_y"]
        self.mesh = mesh * scale + shift
        place = np.float32([[scale, 0, shift[0]], [0, scale, shift[1]]])
        original = cv2.imread(str(photos / portrait["file"]))
        replicate = {"flags": cv2.INTER_AREA, "borderMode": cv2.BORDER_REPLICATE}
        self.original = cv2.warpAffine(original, place, (480, 640), **replicate).astype(np.float32)
        base = cv2.imread(str(photos / "bases" / f"{self.name}.png"), cv2.IMREAD_UNCHANGED)
        self.color, self.alpha = base[..., :3].astype(np.float32), base[..., 3:].astype(np.float32) / 255
        labels = cv2.imread(str(photos / "bases" / "labels" / f"{self.name}.png"), cv2.IMREAD_UNCHANGED)
        hair = self.color[labels == 1]
        self.hair = hair.mean(0) if len(hair) > 200 else np.array([30, 30, 40.0])
        rows = np.flatnonzero((labels == 2).any(1))
        face = labels[rows] == 2
        self.outline = rows, (face.argmax(1), face.shape[1] - 1 - face[:, ::-1].argmax(1))

    def cheek_at(self, side: int, row: float) -> float:
        """The delineation gives the cheeks at one row, 0.47 pupil distances down; the labels' outline carries it on."""
        rows, outlines = self.outline
        here, there = np.interp([row, self.pupil_row + 0.47 * self.pupil_distance], rows, outlines[side])
        return self.cheeks[side] + here - there


def backdrop(rng: np.random.Generator) -> np.ndarray:
    """White, blue, any colour, or a few blurred blots."""
    kind = rng.random()
    if kind < 0.35:
        return np.full((640, 480, 3), rng.uniform(225, 255), np.float32)
    if kind < 0.55:
        blue = [rng.uniform(150, 255), rng.uniform(80, 180), rng.uniform(0, 120)]
        return np.tile(np.array(blue, np.float32), (640, 480, 1))
    if kind < 0.8:
        return np.tile(rng.uniform(0, 255, 3).astype(np.float32), (640, 480, 1))
    blots = rng.uniform(0, 255, (int(rng.integers(2, 9)), int(rng.integers(2, 7)), 3)).astype(np.float32)
    return cv2.resize(blots, (480, 640), interpolation=cv2.INTER_CUBIC)


def draw_strands(rng: np.random.Generator, image: np.ndarray, person: Person, side: int, color: np.ndarray) -> None:
    """Hair that hangs over the edge of one cheek."""
    unit = person.pupil_distance
    over = rng.uniform(-0.08, 0.1) * unit
    heights = np.linspace(person.pupil_row - 0.4 * unit, person.pupil_row + 1.4 * unit, 6)
    for _ in range(int(rng.uniform(80, 220))):
        start = person.cheeks[side] + SIDES[side] * (-over + abs(rng.normal(0, 0.12) * unit))
        x = start + np.cumsum([0, *rng.normal(0, 0.015, 6) * unit])[:6]
        shade = np.clip(color * rng.uniform(0.6, 1.4), 0, 255).tolist()
        thickness = int(max(1, rng.uniform(0.5, 2.5) * unit / 100))
        line = np.int32(np.stack([x, heights], 1) * 8)
        cv2.polylines(image, [line], False, shade, thickness, cv2.LINE_AA, 3)


def taken(rng: np.random.Generator, image: np.ndarray, zoom: float) -> np.ndarray:
    """The picture as a camera and a file may leave it: resized, blurred, noisy, compressed, without colour."""
    kind = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    image = cv2.resize(np.clip(image, 0, 255), None, fx=zoom, fy=zoom, interpolation=kind)
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.6))
    if rng.random() < 0.5:
        image = image + rng.normal(0, rng.uniform(1, 7), image.shape)
    image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.uniform(35, 95))
        image = cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    if rng.random() < 0.07:
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return image


def variant(rng: np.random.Generator, person: Person) -> tuple[np.ndarray, list[float]]:
    """One drawn photo of a person: its two patches, and how far out from their middle the cheeks lie."""
    if rng.random() < 0.2:
        image = person.original.copy()
    else:
        image = person.color * person.alpha + backdrop(rng) * (1 - person.alpha)
    if rng.random() < 0.15:
        dyes = [20, 20, 25], [40, 60, 90], [90, 140, 180], [60, 60, 60]
        color = person.hair if rng.random() < 0.5 else np.array(dyes[rng.integers(4)], float)
        for side in range(2):
            if rng.random() < 0.8:
                draw_strands(rng, image, person, side, color)
    if rng.random() < 0.4:
        image = image * (1 + np.linspace(-1, 1, 480)[None, :, None] * rng.uniform(-0.3, 0.3))
    image = 255 * (np.clip(image, 0, 255) / 255) ** rng.uniform(0.75, 1.35)
    image = image * rng.uniform(0.75, 1.15) * rng.uniform(0.9, 1.1, 3)
    zoom = rng.uniform(0.55, 1.5)
    image = taken(rng, image, zoom)

    # The mesh is off by a little in every photo, in size, in height, and on both sides together more than on each.
    exact = frame_of(person.mesh)
    unit = exact.eye_distance * rng.normal(1, 0.015)
    row = exact.row + rng.normal(0, 0.025) * exact.eye_distance
    together = rng.normal(0, 0.015)
    guess = [contour_at(person.mesh[oval], row) + (together + rng.normal(0, 0.022)) * unit for oval in OVALS]
    frame = Frame(unit * zoom, row * zoom, [x * zoom for x in guess], lambda x, y: (x, y))
    cheek = [(person.cheek_at(side, row) - guess[side]) * SIDES[side] / unit for side in range(2)]
    return patches_of(image[..., ::-1], frame), cheek


def load_people(photos: Path, find_mesh: MeshFinder) -> list[Person]:
    portraits = {Path(row["file"]).stem: row for row in read_table(photos / "portraits.csv")}
    people = []
    for truth in read_table(photos / "bases" / "bases.csv"):
        portrait = portraits[truth["id"]]
        people.append(Person(photos, truth, portrait, find_mesh(read_rgb(photos / portrait["file"]))))
    return people


def draw_all(people: list[Person], count: int = VARIANTS) -> tuple[np.ndarray, np.ndarray]:
    """`count` variants of each person, in order: normalised patches (n x 2 x 10 x 48 x 3) and cheeks (n x 2)."""
    rng = np.random.default_rng(1)
    drawn = [variant(rng, person) for person in people for _ in range(count)]
    patches, cheeks = (np.array(part, np.float32) for part in zip(*drawn))
    return normalised(patches), cheeks
