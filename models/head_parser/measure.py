"""Compare head parsers. (numpy, opencv-python-headless, onnxruntime; tract if it is there: `pip install tract`)

measure.py synth BASES.npz OLD.onnx NEW.onnx [OLD_SYNTH_DIR BASES_DIR]   IoU per class on the same drawn pictures of the test people
measure.py clean BASES_DIR OLD.onnx NEW.onnx     share of the crop called covering, frame, dark lens where there is none
measure.py smiles SMILING_DIR BASES_DIR MODELS_DIR OLD.onnx NEW.onnx     the same on the test people's smiling photos
measure.py wild PHOTO_DIR CSV MODELS_DIR OLD.onnx NEW.onnx OUT.png       overlays: photo, old, new
measure.py speed NET.onnx...                     ms an inference, one thread, smallest of 60"""
import csv, importlib.util, os, sys, time
import numpy as np, cv2, onnxruntime as ort
from prepare import Face, session
W, H = 144, 192
NAMES = ['background', 'hair', 'face', 'skin', 'clothes', 'covering', 'frame', 'lens']
PAL = np.array([(90, 90, 90), (255, 60, 60), (120, 200, 255), (60, 220, 220), (0, 160, 0), (200, 0, 200), (0, 0, 255), (60, 0, 60)], np.uint8)   # BGR


def logits(s, rgb):
    """HxWx3 uint8 RGB -> 8x192x144 logits (bilinear from the net's 96x72)."""
    z = s.run(None, {s.get_inputs()[0].name: rgb.transpose(2, 0, 1)[None].astype(np.float32) / 255})[0][0]
    return cv2.resize(z.transpose(1, 2, 0), (W, H), interpolation=cv2.INTER_LINEAR).transpose(2, 0, 1)


def parse(s, rgb):
    return logits(s, rgb).argmax(0)


def crop(im, eyes):
    """BGR picture and pupils -> framed RGB crop, edges repeated."""
    v = eyes[1] - eyes[0]
    k = W / 4.6 / np.hypot(*v)
    if k < .7:
        f = max(.02, k * 1.3)
        f = min(f, 1)
        small = cv2.resize(im, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
        g = np.array([small.shape[1] / im.shape[1], small.shape[0] / im.shape[0]])
        im, eyes = small, (eyes + .5) * g - .5
        v = eyes[1] - eyes[0]
        k = W / 4.6 / np.hypot(*v)
    c = eyes.mean(0)
    M = cv2.getRotationMatrix2D((float(c[0]), float(c[1])), float(np.degrees(np.arctan2(v[1], v[0]))), float(k))
    M[:, 2] += [72 - c[0], 85.4 - c[1]]
    return cv2.warpAffine(im, M, (W, H), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[..., ::-1]


def table(nets, X, Y):
    for n, s in nets:
        I, U = np.zeros(8), np.zeros(8)
        for x, y in zip(X, Y):
            z = parse(s, x)
            for k in range(8):
                I[k] += ((z == k) & (y == k)).sum()
                U[k] += ((z == k) | (y == k)).sum()
        print('| %s | ' % n + ' | '.join('%.3f' % v for v in I / U) + ' | %.3f |' % (I / U).mean())


def synth(bases, old, new, osd=None, bd=None):
    from train import test_set
    nets = [('old', session(old)), ('new', session(new))]
    X, Y = test_set(bases, 12, 99)
    print('new recipe, %d pictures of the test people\n| net | ' % len(X) + ' | '.join(NAMES) + ' | mean |\n|---' * 1 + '|---' * 9 + '|')
    table(nets, X, Y)
    if osd:
        sp = importlib.util.spec_from_file_location('oldsynth', osd + '/synth.py')
        m = importlib.util.module_from_spec(sp)
        sp.loader.exec_module(m)
        P = [p for i, p in enumerate(m.load(bd)) if i % 5 == 0]
        r = np.random.default_rng(99)
        S = [m.sample(r, p) for p in P for _ in range(20)]
        print('\nold recipe, %d pictures of the test people\n| net | ' % len(S) + ' | '.join(NAMES) + ' | mean |\n' + '|---' * 10 + '|')
        table(nets, [(s[0].transpose(1, 2, 0) * 255).round().astype(np.uint8) for s in S], [s[1] for s in S])


def clean(bd, old, new):
    nets = [('old', session(old)), ('new', session(new))]
    print('| person | skin (ITA, degrees) | ground | ' + ' | '.join('%s %s' % (n, c) for n, _ in nets for c in ('covering', 'frame', 'lens')) + ' |\n' + '|---' * 9 + '|')
    acc = {}
    for i, b in enumerate(csv.DictReader(open(bd + '/bases.csv'))):
        if i % 5:
            continue
        x, lab = cv2.imread(f"{bd}/{b['id']}.png", -1), cv2.imread(f"{bd}/labels/{b['id']}.png", 0)
        a = x[..., 3:] / 255.
        q = cv2.cvtColor((x[..., :3] / 255.).astype(np.float32), cv2.COLOR_BGR2LAB)[lab == 2]
        L, bb = np.median(q[:, 0]), np.median(q[:, 2])
        ita = np.degrees(np.arctan2(L - 50, bb))
        tone = 'light' if ita > 41 else 'mid' if ita > 10 else 'dark'
        eyes = np.array([[float(b['eye_l_x']), float(b['eye_l_y'])], [float(b['eye_r_x']), float(b['eye_r_y'])]])
        for name, col in (('white', (255, 255, 255)), ('blue', (255, 197, 100)), ('grey', (200, 200, 200)), ('black', (10, 10, 10))):
            im = (x[..., :3] * a + np.array(col) * (1 - a)).astype(np.uint8)
            c = crop(im, eyes)
            row = [float((parse(s, c) == k).mean() * 100) for _, s in nets for k in (5, 6, 7)]
            acc.setdefault((tone, name), []).append(row)
            if max(row) > .05:
                print('| %s | %.0f | %s | ' % (b['id'], ita, name) + ' | '.join('%.2f' % v for v in row) + ' |')
    print('\nmeans, per cent of the crop\n')
    for k in sorted(acc):
        print('| %s skin, %s ground, %d people | | | ' % (*k, len(acc[k])) + ' | '.join('%.3f' % v for v in np.mean(acc[k], 0)) + ' |')


def smiles(sd, bd, models, old, new):
    nets, face = [session(old), session(new)], Face(models)
    print('| photo | old covering | frame | lens | new covering | frame | lens |\n' + '|---' * 7 + '|')
    for i, b in enumerate(csv.DictReader(open(bd + '/bases.csv'))):
        f = sd + '/' + b['id'].split('_')[0] + '_08.jpg'
        if i % 5 or not os.path.exists(f):
            continue
        im = cv2.imread(f)
        c = crop(im, face.points(im, face.detect(im)[0])[[468, 473]])
        print('| %s | ' % b['id'].split('_')[0] + ' | '.join('%.2f' % ((parse(s, c) == k).mean() * 100) for s in nets for k in (5, 6, 7)) + ' |')


def wild(pd, table_, models, old, new, out):
    nets = [session(old), session(new)]
    face, T = Face(models), []
    for i, r in enumerate(csv.DictReader(open(table_))):
        im = cv2.imread(os.path.join(pd, os.path.basename(r['file'])))
        d = face.detect(im)
        for j, f in enumerate(d[:4]):
            p = face.points(im, f)
            c = crop(im, p[[468, 473]])
            row = [c[..., ::-1]]
            for s in nets:
                z = parse(s, c)
                row.append((c[..., ::-1] * .45 + PAL[z] * .55).astype(np.uint8))
                n = np.bincount(z.ravel(), minlength=8) / z.size * 100
                cv2.putText(row[-1], '%.0f %.1f %.1f' % tuple(n[5:]), (2, 188), 0, .4, (255, 255, 255), 1)
            q = np.hstack(row)
            cv2.putText(q, '%d%s' % (i, 'abcd'[j] if len(d) > 1 else ''), (2, 12), 0, .45, (0, 0, 255), 1)
            T.append(cv2.copyMakeBorder(q, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)))
        if not d:
            print('no face found:', i, r['file'])
    n = 4
    while len(T) % n:
        T.append(T[0] * 0)
    cv2.imwrite(out, np.vstack([np.hstack(T[k:k + n]) for k in range(0, len(T), n)]))


def speed(*paths):
    x = np.random.rand(1, 3, H, W).astype(np.float32)
    for p in paths:
        s = session(p)
        name, t = s.get_inputs()[0].name, []
        for _ in range(60):
            t0 = time.perf_counter()
            s.run(None, {name: x})
            t.append(time.perf_counter() - t0)
        line = '%s: ONNX Runtime %.2f ms' % (p, min(t) * 1e3)
        try:
            import tract
            m, q, t = tract.onnx().load(p).into_model().into_runnable(), tract.Tensor.from_numpy(x), []
            for _ in range(60):
                t0 = time.perf_counter()
                y = m.run([q])
                t.append(time.perf_counter() - t0)
            e = np.abs(y[0].to_numpy() - s.run(None, {name: x})[0]).max()
            line += ', tract %s %.2f ms, largest difference %.1e' % (tract.version(), min(t) * 1e3, e)
        except ImportError:
            pass
        print(line)


if __name__ == '__main__':
    {'synth': synth, 'clean': clean, 'smiles': smiles, 'wild': wild, 'speed': speed}[sys.argv[1]](*sys.argv[2:])
