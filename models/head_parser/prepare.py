"""Make the training bases: prepare.py BASES_DIR SMILING_DIR MODELS_DIR OUT.npz     (numpy, opencv-python-headless, onnxruntime)

BASES_DIR   bases.csv, ID.png (BGRA, matte as alpha), labels/ID.png: Face Research Lab London Set (DeBruine & Jones 2017), CC BY 4.0
SMILING_DIR the same people smiling (JPEG, no labels): labels are made here by MODELS_DIR/head_parser.onnx, allowed to say only
            background, hair, face, skin and clothes, since we know that nothing covers anybody there
MODELS_DIR  face_detection_short_range.onnx, face_landmarks_detector.onnx, head_parser.onnx, u2netp_d0.onnx

Every base is turned level and cut to one frame (eye distance D px, see synth.py), with its landmarks: what is drawn later
(lips, lids, beards, spectacles) then needs no search."""
import csv, glob, math, os, sys
import numpy as np, cv2, onnxruntime as ort

BW, BH, D, EX, EY = 360, 480, 60., 180., 196.   # a base: 360x480 px, 60 px between the eyes, their midpoint at (180, 196)


def session(path):
    so = ort.SessionOptions()
    so.intra_op_num_threads = so.inter_op_num_threads = 1
    return ort.InferenceSession(path, so)


class Face:
    """Detector and 478-point landmarks on a BGR picture."""

    def __init__(s, models):
        s.det = session(models + '/face_detection_short_range.onnx')
        s.lm = session(models + '/face_landmarks_detector.onnx')
        s.anchors = np.array([((x + .5) / n, (y + .5) / n) for n, k in ((16, 2), (8, 6)) for y in range(n) for x in range(n) for _ in range(k)])

    def detect(s, im):
        """Best face first: rows of (score, box side, centre, 6 keypoints), in picture pixels."""
        h, w = im.shape[:2]
        m = max(h, w)
        sq = np.zeros((m, m, 3), np.uint8)
        oy, ox = (m - h) // 2, (m - w) // 2
        sq[oy:oy + h, ox:ox + w] = im
        x = cv2.resize(sq, (128, 128), interpolation=cv2.INTER_AREA)[None, ..., ::-1].astype(np.float32) / 127.5 - 1
        r = s.det.run(None, {s.det.get_inputs()[0].name: x})
        box, lg = (r[0], r[1]) if r[0].shape[-1] == 16 else (r[1], r[0])
        sc = 1 / (1 + np.exp(-np.clip(lg[0, :, 0], -50, 50)))
        out = []
        for i in np.argsort(-sc):
            if sc[i] < .5:
                break
            k = (box[0, i].reshape(8, 2) / 128 + np.array([s.anchors[i], [0, 0]] + [s.anchors[i]] * 6)) * m - [ox, oy]
            c, side = k[0], float((box[0, i, 2:4] / 128 * m).max())
            if all(np.hypot(*(c - o[2])) > .6 * side for o in out):
                out.append((float(sc[i]), side, c, k[2:]))
        return out

    def points(s, im, f):
        e = f[3][1] - f[3][0]
        roll = math.degrees(math.atan2(e[1], e[0]))
        k = 256 / (1.5 * f[1])
        M = cv2.getRotationMatrix2D((float(f[2][0]), float(f[2][1])), roll, k)
        M[:, 2] += 128 - f[2]
        x = cv2.warpAffine(im, M, (256, 256), flags=cv2.INTER_AREA if k < .7 else cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[None, ..., ::-1].astype(np.float32) / 255
        r = [o for o in s.lm.run(None, {s.lm.get_inputs()[0].name: x}) if o.size == 478 * 3][0].reshape(478, 3)[:, :2]
        return (r - M[:, 2]) @ np.linalg.inv(M[:, :2]).T


def frame(eyes, w=BW, d=D, ex=EX, ey=EY):
    """The affine map that brings these pupils to the standard frame."""
    v = eyes[1] - eyes[0]
    k = d / np.hypot(*v)
    c = eyes.mean(0)
    M = cv2.getRotationMatrix2D((float(c[0]), float(c[1])), math.degrees(math.atan2(v[1], v[0])), float(k))
    M[:, 2] += [ex - c[0], ey - c[1]]
    return M, k


def warp(im, M, k, flags=None):
    if k < .7 and flags is None:   # shrink first: no aliasing
        s = max(k, .25) / 1.0
        small = cv2.resize(im, None, fx=s, fy=s, interpolation=cv2.INTER_AREA)
        M = M.copy()
        f = np.array([small.shape[1] / im.shape[1], small.shape[0] / im.shape[0]])
        M[:, 2] += M[:, :2] @ (.5 / f - .5)
        M[:, :2] = M[:, :2] / f
        im = small
    return cv2.warpAffine(im, M, (BW, BH), flags=cv2.INTER_LINEAR if flags is None else flags, borderMode=cv2.BORDER_REPLICATE)


def mend(im, lab, sure):
    """Clothes that have the face's colour rather than the shirt's are skin."""
    lb = cv2.cvtColor(cv2.GaussianBlur(im, (0, 0), 2), cv2.COLOR_BGR2LAB).astype(float)[..., 1:]
    f, c = np.median(lb[lab == 2], 0), np.percentile(lb[lab == 4], 35, 0)
    t = ((lb - c) @ (f - c)) / ((f - c) @ (f - c))
    x = np.where((lab == 4).any(0))[0]
    mid = np.abs(np.arange(lab.shape[1])[None] - np.where(lab == 2)[1].mean()) < .28 * (x.max() - x.min())
    skin = ((t > .45) & (lab == 4) & sure & mid).astype(np.uint8)
    skin = cv2.morphologyEx(cv2.morphologyEx(skin, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8)), cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    lab = lab.copy()
    lab[(skin > 0) & (lab == 4)] = 3
    return lab


if __name__ == '__main__':
    bases, smiling, models, out = sys.argv[1:5]
    face, old, u2 = Face(models), session(models + '/head_parser.onnx'), session(models + '/u2netp_d0.onnx')
    X, L, P, I = [], [], [], []
    for n, b in enumerate(csv.DictReader(open(bases + '/bases.csv'))):
        rgba, lab = cv2.imread(f"{bases}/{b['id']}.png", -1), cv2.imread(f"{bases}/labels/{b['id']}.png", 0)
        a = rgba[..., 3:] / 255.
        im = (rgba[..., :3] * a + 225 * (1 - a)).astype(np.uint8)
        # the labels' one gross mistake: pieces of neck inside the (white) shirt
        lab = mend(im, lab, rgba[..., 3] > 200)
        eyes = np.array([[float(b['eye_l_x']), float(b['eye_l_y'])], [float(b['eye_r_x']), float(b['eye_r_y'])]])
        M, k = frame(eyes)
        pts = face.points(im, face.detect(im)[0])
        X.append(warp(rgba, M, k))
        l = warp(lab, M, k, cv2.INTER_NEAREST)
        ins = cv2.warpAffine(np.ones(lab.shape, np.uint8), M, (BW, BH))
        top = (ins == 0) & (np.arange(BH)[:, None] < BH * .4)
        X[-1][top] = 0
        l[top] = 0
        L.append(l)
        P.append((pts @ M[:, :2].T + M[:, 2] - [EX, EY]) / D)
        I.append((n, 0))
        # the same person smiling
        f = glob.glob(f"{smiling}/{b['id'].split('_')[0]}_*.jpg")
        if not f:
            continue
        im = cv2.imread(f[0])
        det = face.detect(im)
        if not det:
            print('no face', f)
            continue
        pts = face.points(im, det[0])
        M, k = frame(pts[[468, 473]])
        x = warp(im, M, k)
        # matte: salience of the whole photo
        z = cv2.resize(im, (320, 320), interpolation=cv2.INTER_AREA)[..., ::-1].astype(np.float32)
        z = (z / z.max() - [.485, .456, .406]) / [.229, .224, .225]
        sal = u2.run(None, {u2.get_inputs()[0].name: z.transpose(2, 0, 1)[None].astype(np.float32)})[0][0, 0]
        sal = (sal - sal.min()) / (sal.max() - sal.min())
        sal = cv2.resize(sal, im.shape[1::-1], interpolation=cv2.INTER_LINEAR)
        al = warp(sal, M, k)
        # labels: the old net in its own frame (144x192, half of the output's grid), first five classes only
        T = np.array([[72 / 72 * 144 / 4.6 / D, 0, 0], [0, 144 / 4.6 / D, 0]])
        T[:, 2] = np.array([72, 85.4]) - T[:, :2] @ [EX, EY]
        s = cv2.resize(x, None, fx=.5, fy=.5, interpolation=cv2.INTER_AREA)
        S = T.copy()
        S[:, 2] += S[:, :2] @ [.5, .5]
        S[:, :2] *= 2
        q = cv2.warpAffine(s, S, (144, 192), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        lg = 0
        for fl in (0, 1):
            r = old.run(None, {'image': np.ascontiguousarray((q[:, ::-1] if fl else q)[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32) / 255)})[0][0, :5]
            lg = lg + (r[..., ::-1] if fl else r)
        B = T.copy()
        B[:, :2] /= 2
        B[:, 2] = (B[:, 2] - .5) / 2
        lg = cv2.warpAffine(np.ascontiguousarray(lg.transpose(1, 2, 0)), B, (BW, BH), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
        # where the salient mask is sure it overrules the net about background
        lg[..., 0] += np.where(al < .05, 8, np.where(al > .95, -8, 0))
        l = mend(x, lg.argmax(2).astype(np.uint8), al > .8)
        # soft matte: salience is blurry, so take the label's edge, softened
        al = np.clip(cv2.GaussianBlur((l > 0).astype(np.float32), (0, 0), 1.6) * 1.3 - .2, 0, 1)
        X.append(np.dstack([x, (al * 255).astype(np.uint8)]))
        L.append(l)
        P.append((pts @ M[:, :2].T + M[:, 2] - [EX, EY]) / D)
        I.append((n, 1))
    np.savez(out, rgba=np.array(X), label=np.array(L), points=np.array(P, np.float32), who=np.array(I))
    print(len(X), 'bases')
