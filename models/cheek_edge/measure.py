"""Measures the width of faces the net has not seen, and prints the tables of the README.

Usage: python measure.py PHOTOS MODELS [--folds DIR]

Trains one net for each of 13 groups of people, on everyone else, and measures each person with the net of their group.
With --folds the nets are kept in DIR and taken from there the next time. On one core, drawing takes three minutes and
training ten. PHOTOS as in draw.py, with cases/ (photos with faults, made from the portraits) and smiling/ too.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

import train
from draw import CHEEKS, VARIANTS, MeshFinder, draw_all, frame_of, load_people
from draw import normalised, patches_of, read_rgb, read_table

GROUPS = 13
MESH_WIDTH = 1.0223  # least-squares slope of the true width over the distance of the mesh's two cheek points
LIMIT = 0.14  # eye distances: how far the result may leave the mesh
RIDGE, PRIOR = 0.1, np.array([0.55, 0.45 * MESH_WIDTH])  # strength, and what the fusion is drawn to
KINDS = "original", "case"


def load_photos(photos: Path, find_mesh: MeshFinder) -> list[dict]:
    """Every photo with a face, with the true width where there is one, in pixels of a 480x640 photo."""
    todo = []
    for row in read_table(photos / "portraits.csv"):
        todo.append((row["file"], "original", Path(row["file"]).stem, row["face_w_cheek"], 640 / 1350))
    for row in read_table(photos / "cases" / "cases.csv"):
        if row["face_w_cheek"]:
            todo.append((f"cases/{row['file']}", "case", row["base"], row["face_w_cheek"], 1.0))
    for path in sorted((photos / "smiling").glob("*.jpg")):
        todo.append((f"smiling/{path.name}", "smiling", f"{path.stem[:3]}_03", "nan", 640 / 1350))
    found = []
    for file, kind, person, width, scale in todo:
        rgb = read_rgb(photos / file)
        mesh = None if rgb is None else find_mesh(rgb)
        if mesh is None:
            continue
        frame = frame_of(mesh)
        unit = frame.eye_distance
        raw = patches_of(rgb, frame)
        skin = np.float32(raw[:, :, 2:14].mean((0, 1, 2)) / 255)
        photo = {"kind": kind, "person": person, "clean": "_clean_" in file, "patches": normalised(raw)}
        photo["unit"] = unit * scale
        photo["truth"] = float(width) / unit
        photo["mesh"] = np.hypot(*(mesh[CHEEKS[1]] - mesh[CHEEKS[0]])) / unit
        photo["contour"] = (frame.contour[1] - frame.contour[0]) / unit
        photo["lightness"] = cv2.cvtColor(skin.reshape(1, 1, 3), cv2.COLOR_RGB2LAB)[0, 0, 0]
        found.append(photo)
    return found


def train_folds(names: np.ndarray, patches: np.ndarray, cheeks: np.ndarray) -> list[tuple[list[str], dict]]:
    order = np.random.default_rng(5).permutation(len(names))
    owner = np.repeat(np.arange(len(names)), VARIANTS)
    folds = []
    for group in range(GROUPS):
        seen = ~np.isin(owner, order[group::GROUPS])
        params = train.fit(patches[seen].reshape(-1, *patches.shape[2:]), cheeks[seen].ravel())
        folds.append((names[order[group::GROUPS]].tolist(), params))
        print(f"trained without group {group}", flush=True)
    return folds


def kept_folds(folder: Path) -> list[tuple[list[str], dict]]:
    """The people each net has not seen, and its weights."""
    files = [dict(np.load(path)) for path in sorted(folder.glob("*.npz"))]
    return [(file.pop("held_out").tolist(), file) for file in files]


def keep_folds(folder: Path, folds: list[tuple[list[str], dict]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for group, (held_out, params) in enumerate(folds):
        np.savez(folder / f"{group:02}.npz", held_out=np.array(held_out), **params)


def offsets_held_out(folds: list, owners: np.ndarray, patches: np.ndarray) -> np.ndarray:
    """How far out both cheeks lie (n x 2), each by the net that has not seen its owner."""
    result = np.full(patches.shape[:2], np.nan)
    for held_out, params in folds:
        mine = np.isin(owners, held_out)
        if mine.any():
            places = train.forward(params, patches[mine].reshape(-1, *patches.shape[2:]))
            result[mine] = (np.asarray(places) @ train.POSITIONS).reshape(-1, 2)
    assert not np.isnan(result).any(), "someone is in no fold"
    return result


def fusion(features: np.ndarray, truth: np.ndarray, owners: np.ndarray) -> np.ndarray:
    """b0, b1, b2: ridge regression of the width on (net, mesh), everyone with the same weight however many photos."""
    weight = 1 / np.array([(owners == owner).sum() for owner in owners])
    weight /= weight.sum()
    center, mean = weight @ features, weight @ truth
    spread = features - center
    scatter = (spread * weight[:, None]).T @ spread
    rest = (spread * weight[:, None]).T @ (truth - mean - spread @ PRIOR)
    slope = PRIOR + np.linalg.solve(scatter + RIDGE * np.trace(scatter) / 2 * np.eye(2), rest)
    return np.array([mean - center @ slope, *slope])


def fused(coefficients: np.ndarray, net: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    width = coefficients[..., 0] + coefficients[..., 1] * net + coefficients[..., 2] * mesh
    return np.clip(width, MESH_WIDTH * mesh - LIMIT, MESH_WIDTH * mesh + LIMIT)


def show(name: str, error: np.ndarray) -> None:
    if len(error):
        size = abs(error)
        figures = [error.mean(), np.median(size), np.percentile(size, 95), size.max()]
        print(f"{name:34}{len(error):6}" + "".join(f"{figure:8.2f}" for figure in figures))


def show_people(name: str, error: np.ndarray, owners: np.ndarray, rng: np.random.Generator) -> None:
    """How much the figures hang on who happened to be photographed: 90 % of 1500 drawings of as many people."""
    by_person = [abs(error[owners == owner]) for owner in np.unique(owners)]
    draws = rng.integers(0, len(by_person), (1500, len(by_person)))
    drawn = [np.concatenate([by_person[i] for i in draw]) for draw in draws]
    figures = np.array([(np.median(size), np.percentile(size, 95)) for size in drawn])
    (low, low95), (high, high95) = np.percentile(figures, [5, 95], axis=0)
    print(f"{name:34}median {low:.2f} to {high:.2f}, p95 {low95:.2f} to {high95:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("models", type=Path)
    parser.add_argument("--folds", type=Path, help="folder with trained nets; they are put there when it has none")
    args = parser.parse_args()

    find_mesh = MeshFinder(args.models)
    photos = load_photos(args.photos, find_mesh)
    people = load_people(args.photos, find_mesh)
    names = np.array([person.name for person in people])
    patches, cheeks = draw_all(people)
    folds = kept_folds(args.folds) if args.folds else []
    if not folds:
        folds = train_folds(names, patches, cheeks)
        if args.folds:
            keep_folds(args.folds, folds)

    kind, owners, unit, truth, mesh, contour, lightness, clean = (
        np.array([photo[key] for photo in photos])
        for key in ("kind", "person", "unit", "truth", "mesh", "contour", "lightness", "clean")
    )
    net = contour + offsets_held_out(folds, owners, np.stack([photo["patches"] for photo in photos])).sum(1)
    features = np.stack([net, mesh], 1)
    known = ~np.isnan(truth)
    without = {}
    for person in np.unique(owners):
        others = known & (owners != person)
        without[person] = fusion(features[others], truth[others], owners[others])
    width = fused(np.stack([without[owner] for owner in owners]), net, mesh)
    error = (width - truth) * unit
    b0, b1, b2 = fusion(features[known], truth[known], owners[known])
    print(f"fusion from everyone: b0 {b0:.6f}, b1 {b1:.6f}, b2 {b2:.6f}\n")

    print(f"{'error in px of a 480x640 photo':34}{'n':>6}{'bias':>8}{'median':>8}{'p95':>8}{'max':>8}")
    for name, guess in (("mesh alone", mesh * MESH_WIDTH), ("net alone", net), ("fused", width)):
        for this in KINDS:
            show(f"{name}, {this}s", ((guess - truth) * unit)[kind == this])
    show("fused, clean cases", error[(kind == "case") & clean])
    show("fused, faulty cases", error[(kind == "case") & ~clean])

    # The drawn variants have one mesh a person, so the fusion's other term has no noise in it here.
    drawn_owners = np.repeat(names, VARIANTS)
    distance = np.repeat([frame_of(person.mesh).eye_distance for person in people], VARIANTS)
    exact = np.repeat([person.width for person in people], VARIANTS) / distance
    drawn = exact + (offsets_held_out(folds, drawn_owners, patches) - cheeks).sum(1)
    mesh_of = dict(zip(owners[kind == "original"], mesh[kind == "original"]))
    mesh_drawn = np.array([mesh_of[owner] for owner in drawn_owners])
    guess = fused(np.stack([without[owner] for owner in drawn_owners]), drawn, mesh_drawn)
    show("net alone, drawn", (drawn - exact) * distance)
    show("fused, drawn", (guess - exact) * distance)

    print("\nby tone (L* of the skin in the patches)")
    tone = dict(zip(owners[kind == "original"], lightness[kind == "original"]))
    tones = np.array([tone[owner] for owner in owners])
    for name, low, high in (("light, 65 and more", 65, 101), ("medium, 50 to 65", 50, 65), ("dark, under 50", -1, 50)):
        for this in KINDS:
            show(f"{name}, {this}s", error[(kind == this) & (tones >= low) & (tones < high)])

    print("\n90 % range when people are drawn anew")
    rng = np.random.default_rng(0)
    for this in KINDS:
        show_people(f"fused, {this}s", error[kind == this], owners[kind == this], rng)

    print("\nsmiling against neutral, width over eye distance, per cent")
    smiling = kind == "smiling"
    for name, guess in (("mesh alone", mesh), ("fused", width)):
        neutral = dict(zip(owners[kind == "original"], guess[kind == "original"]))
        change = 100 * (guess[smiling] / np.array([neutral[owner] for owner in owners[smiling]]) - 1)
        print(f"{name:34}{len(change):6} mean {change.mean():+.2f}, sd {change.std():.2f}, max {abs(change).max():.2f}")


if __name__ == "__main__":
    main()
