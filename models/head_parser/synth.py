"""Endless labelled portraits from a few dozen real people. `python synth.py BASES.npz OUT.png` draws a sheet to look at.

sample(rng, pool, i) -> (192x144x3 uint8 RGB, 192x144 uint8 class map), framed by the eyes: pupils level, eye distance 144 / 4.6 px,
eye midpoint at (72, 85.4), with jitter. Classes: 0 background 1 hair 2 face 3 other skin 4 clothes 5 covering 6 frame 7 dark lens.

Nothing here copies a real photo but the people of the Face Research Lab London Set (DeBruine & Jones 2017, CC BY 4.0), made into
bases by prepare.py. Everything else is drawn. What is drawn is there because a net trained without it went wrong on real photos:
- dark plain caps beside dark hair of every texture, so that shape and texture decide and not darkness;
- busy, dark and hair-like backgrounds, other people, things beside the head: all background;
- pictures cut off at the top or the sides, their edge pixels repeated (that is how the caller fills its crop);
- warped heads (turned, smiling, mouth open), beards, make-up, closed and red eyes: all face;
- hands in the person's own skin colour: covering; clear spectacles, their lenses face; tints from .35 on: dark lens.
Coordinates (a, b): right and down from the midpoint of the pupils in units of the distance between them; chin near b = 1.7,
top of the skull near -1.7, ears near a = +-1.25, mouth near .98."""
import math, sys
import numpy as np, cv2
cv2.setNumThreads(1)
H, W, C = 192, 144, 8
D0 = W / 4.6
MID = np.array([72., 85.4])
BD, BX, BY = 60., 180., 196.   # frame of a base, see prepare.py
f32 = np.float32
YY, XX = np.mgrid[0:H, 0:W].astype(f32)
SKINS = np.array([(196, 208, 236), (170, 190, 228), (140, 172, 222), (115, 150, 205), (85, 120, 180), (62, 90, 148), (44, 62, 110), (30, 42, 78), (22, 28, 50)], f32)
HAIRS = np.array([(18, 16, 16), (24, 22, 24), (30, 36, 46), (38, 52, 72), (50, 76, 108), (36, 54, 112), (40, 84, 165), (90, 140, 185), (120, 170, 208), (170, 200, 222), (120, 122, 124), (165, 166, 168), (215, 216, 218), (235, 235, 236)], f32)
DARK = np.array([(60, 30, 18), (45, 28, 22), (22, 20, 20), (14, 14, 14), (38, 36, 34), (70, 50, 40), (30, 40, 30), (26, 26, 56)], f32)
OVAL = [454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234]   # ear, chin, ear


class Bank:
    """Noise of several kinds, made once; a sample takes a random window (mean 0, deviation about 1)."""

    def __init__(s, seed=3):
        r = np.random.default_rng(seed)
        n = 400

        def up(h, w, i=cv2.INTER_CUBIC):
            x = cv2.resize(r.normal(0, 1, (h, w)).astype(f32), (n, n), interpolation=i)
            return (x - x.mean()) / x.std()

        def sharp(x, k):
            x = np.tanh(x * k)
            return (x - x.mean()) / x.std()

        def curl(c):   # wisps: noise read along a swirling field
            v, w = up(c, c) * 14, up(c, c) * 14
            g = np.mgrid[0:n, 0:n].astype(f32)
            return cv2.remap(up(110, 110), g[1] + v, g[0] + w, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)

        def rings(c):
            v = up(c, c) * 9 + up(c // 2, c // 2) * 5
            return (np.sin(v) * (.6 + .4 * up(c, c))).astype(f32)

        def weave(p, q):
            g = np.mgrid[0:n, 0:n].astype(f32)
            return (np.sign(np.sin(g[0] / p)) * np.sin(g[1] / q) + .4 * up(200, 200)).astype(f32)
        S = range(4)
        s.k = {'smooth': [up(k, k) for k in (8, 12, 18, 28)], 'mid': [up(k, k) for k in (40, 60, 90, 120)], 'fine': [up(k, k) for k in (170, 220, 300, 400)],
               'blocks': [up(k, k, cv2.INTER_NEAREST) for k in (14, 24, 40, 80)], 'streak': [up(k, 200) for k in (6, 12, 20, 40)], 'bars': [up(k, 70) for k in (3, 4, 8, 2)],
               'cloud': [up(6, 6) + .5 * up(24, 24) + .3 * up(70, 70) + .2 * up(200, 200) for _ in S], 'curl': [curl(c) for c in (30, 45, 60, 80)],
               'rings': [rings(c) for c in (40, 60, 80, 110)], 'weave': [weave(1 + .4 * i, 1.2 + .5 * i) for i in S], 'leaf': [sharp(up(k, k), 3) for k in (30, 50, 80, 120)],
               'rib': [np.sin(np.mgrid[0:n, 0:n][1].astype(f32) * w) * 1.2 + .3 * up(200, 200) for w in (.8, 1.1, 1.5, 2.2)]}

    def get(s, r, kind):
        x = s.k[kind][r.integers(4)]
        y0, x0 = r.integers(0, 400 - H), r.integers(0, 400 - W)
        x = x[y0:y0 + H, x0:x0 + W]
        return x[:, ::-1] if r.random() < .5 else x


BANK = Bank()


def smooth(x, lo, hi):
    t = np.clip((x - lo) / (hi - lo), 0, 1)
    return t * t * (3 - 2 * t)


def blur(x, s):
    return cv2.GaussianBlur(x, (0, 0), s)


def colour(r):
    """Any colour, but dark, white and drab ones far more often than chance."""
    k = r.random()
    if k < .25:
        return np.clip(DARK[r.integers(len(DARK))] + r.normal(0, 8, 3), 0, 255).astype(f32)
    if k < .38:
        return np.clip(r.uniform(170, 255) + r.normal(0, 8, 3), 0, 255).astype(f32)
    if k < .5:
        return np.clip(r.uniform(40, 180) + r.normal(0, 10, 3), 0, 255).astype(f32)
    return r.uniform(0, 255, 3).astype(f32)


def surface(r, plain=.4, col=None):
    """A cloth, a wall, a thing: HxWx3, 0..255."""
    c = colour(r) if col is None else col
    x = np.empty((H, W, 3), f32)
    x[:] = c
    x *= (1 + r.uniform(0, .18) * BANK.get(r, 'smooth'))[..., None]
    if r.random() > plain:
        kind = str(r.choice(['mid', 'fine', 'blocks', 'streak', 'bars', 'cloud', 'curl', 'rings', 'weave', 'leaf', 'rib', 'smooth']))
        n = BANK.get(r, kind)
        if r.random() < .5:
            x *= np.clip(1 + r.uniform(.05, .5) * n, 0, 3)[..., None]
        else:
            t = np.clip(.5 + .5 * n * r.uniform(.4, 3), 0, 1)[..., None]
            x = x * (1 - t) + colour(r) * t
    return np.clip(x, 0, 255)


def poly(pts, ss=2):
    """Anti-aliased filled polygon, 0..1."""
    z = np.zeros((H * ss, W * ss), np.uint8)
    p = (np.asarray(pts, np.float64) + .5) * ss - .5
    cv2.fillPoly(z, [np.round(np.clip(p, -2000, 2000) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.resize(z, (W, H), interpolation=cv2.INTER_AREA).astype(f32) * f32(1 / 255)


def lines(segs, ss=3):
    """Anti-aliased polylines: [(points, width in px, closed)], 0..1."""
    z = np.zeros((H * ss, W * ss), np.uint8)
    for pts, t, closed in segs:
        p = (np.asarray(pts, np.float64) + .5) * ss - .5
        cv2.polylines(z, [np.round(np.clip(p, -2000, 2000) * 16).astype(np.int32)], closed, 255, max(1, int(round(t * ss))), cv2.LINE_AA, 4)
    return cv2.resize(z, (W, H), interpolation=cv2.INTER_AREA).astype(f32) * f32(1 / 255)


def halo(gone, l):
    """Hair taken away, with the soft edge of its matte."""
    return cv2.dilate(gone.astype(np.uint8), np.ones((7, 7), np.uint8)).astype(bool) & (l < 2)


def mix(im, a, col):
    return im + (col - im) * a[..., None]


def background(r, pool, hair):
    k = r.random()
    if k < .30:
        c = [(255, 255, 255), (255, 197, 100), (238, 238, 238), (220, 215, 210), (12, 12, 12), (25, 20, 18)][r.integers(6)] if r.random() < .6 else colour(r)
        x = np.empty((H, W, 3), f32)
        x[:] = c
        x *= (1 + r.uniform(0, .04) * BANK.get(r, 'smooth'))[..., None]
        return x
    if k < .45:   # gradient
        t = r.uniform(0, 2 * math.pi)
        g = (XX * math.cos(t) + YY * math.sin(t)) / r.uniform(80, 300) + r.random()
        g = np.clip(np.abs((g % 2) - 1), 0, 1)[..., None]
        return (colour(r) * g + colour(r) * (1 - g)).astype(f32)
    x = surface(r, .1)
    if k < .6:    # hair-like or leaf-like everywhere
        if r.random() < .5:
            x = surface(r, 0, hair * r.uniform(.5, 1.5))
        x = x * np.clip(1 + .5 * BANK.get(r, str(r.choice(['leaf', 'curl', 'cloud', 'mid']))), .1, 2.5)[..., None]
    else:         # things: shelves, frames, lamps, trees
        for _ in range(r.integers(2, 14)):
            cx, cy, w, h = r.uniform(-10, W + 10), r.uniform(-10, H + 10), r.uniform(2, 60), r.uniform(2, 90)
            a = r.normal(0, .3)
            q = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) * [w / 2, h / 2] if r.random() < .6 else np.array([(math.cos(t), math.sin(t)) for t in np.linspace(0, 6.28, 14)]) * [w / 2, h / 2]
            q = q @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) + [cx, cy]
            z = np.zeros((H, W), np.uint8)
            cv2.fillPoly(z, [np.round(q * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            x = mix(x, z.astype(f32) / 255, colour(r) if r.random() < .7 else surface(r))
    if r.random() < .45:
        x = blur(x, r.uniform(1, 9))
    if r.random() < .25:
        x = x * r.uniform(.05, .5)
    if r.random() < .12:   # somebody else beside
        o = pool[r.integers(len(pool))]
        sc, ox, oy = r.uniform(.6, 1.1) * BD / D0, r.choice([-1, 1]) * r.uniform(62, 95), r.uniform(-20, 25)
        q = cv2.remap(o['rgba'], BX + (XX - 72 - f32(ox)) * f32(sc), BY + (YY - f32(85.4 + oy)) * f32(sc), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT).astype(f32)
        x = mix(x, q[..., 3] / 255, q[..., :3] * r.uniform(.3, 1.1))
    return np.clip(x, 0, 255).astype(f32)


def sample(r, pool, who):
    s = pool[who]
    amt = 1. if r.random() < .65 else .3   # a third of the pictures are calm: most real portraits are

    def on(p):
        return r.random() < p * amt
    # ---- where: turn, scale, shift, head shape
    rot = math.radians(float(np.clip(r.normal(0, 4), -9, 9)))
    yaw = r.uniform(-.55, .55) if on(.5) else 0.
    sc = D0 * r.uniform(.85, 1.16) * (1 + .45 * abs(yaw))
    asp, wf, pk = 1 + r.normal(0, .03), r.uniform(.9, 1.1), r.normal(0, .06)
    c, sn = math.cos(rot), math.sin(rot)
    org = MID + [r.normal(0, 3), r.normal(0, 3.5)]
    Rm = np.array([[c * asp, -sn], [sn * asp, c]]) * sc
    Ri = np.linalg.inv(Rm)
    dx, dy = XX - f32(org[0]), YY - f32(org[1])
    a = dx * f32(Ri[0, 0]) + dy * f32(Ri[0, 1])
    b = dx * f32(Ri[1, 0]) + dy * f32(Ri[1, 1])
    A = a * (1 + yaw * np.tanh(2 * a)) * wf
    B = b * (1 + pk * np.tanh(b))
    if on(.6):
        e = cv2.resize(r.normal(0, r.uniform(0, .05), (5, 4, 2)).astype(f32), (W, H), interpolation=cv2.INTER_CUBIC)
        A, B = A + e[..., 0], B + e[..., 1]
    P = s['points']
    mb, mw = float(P[[13, 14], 1].mean()), float(abs(P[308, 0] - P[78, 0])) / 2
    opening = 0.
    if on(.25):
        opening = float(r.uniform(.06, .6) ** 1.0)
        y = B - mb
        B = B - np.exp(-(A / .8) ** 4) * np.clip(y, 0, opening) * (1 - smooth(y, .9, 1.8))
    if on(.3):   # corners of the mouth outwards and up, cheeks with them
        ks = r.uniform(.03, .16)
        for sg in (-1, 1):
            g = np.exp(-(((A - sg * (mw + .12)) / .35) ** 2 + ((B - mb + .05) / .35) ** 2))
            A, B = A - sg * ks * g, B + ks * .8 * g

    def Q(x, y):   # head coordinates to pixels
        x = np.asarray(x, np.float64)
        y = np.asarray(y, np.float64)
        x, y = np.broadcast_arrays(x, y)
        u, v = x / wf, y
        for _ in range(3):
            u, v = x / (wf * (1 + yaw * np.tanh(2 * u))), y / (1 + pk * np.tanh(v))
        return np.stack([u, v], -1) @ Rm.T + org

    def at(i):     # a landmark's pixel
        k = int(np.argmin((A - P[i, 0]) ** 2 + (B - P[i, 1]) ** 2))
        return np.array([k % W, k // W], np.float64)
    mx, my = (BX + BD * A).astype(f32), (BY + BD * B).astype(f32)
    x = cv2.remap(s['rgba'], mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(f32)
    l = cv2.remap(s['label'], mx, my, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    fg, al = np.ascontiguousarray(x[..., :3]), x[..., 3] / 255
    # ---- skin
    face = l == 2
    sk = blur(((l == 2) | (l == 3)).astype(f32), .8)
    mu = fg[face].mean(0) + 1 if face.any() else np.full(3, 128, f32)
    if r.random() < .5:
        t = SKINS[r.integers(len(SKINS))] * r.uniform(.8, 1.15) * (1 + r.normal(0, .05, 3))
        k = (t / mu) ** r.uniform(.4, 1)
        k = np.clip(k, .12, 2.2)
        v = fg * k
        fg = mix(fg, sk, np.where(v > 235, 235 + (v - 235) * .25, v).astype(f32))
        mu = np.clip(mu * k, 3, 245)
    skin = mu.astype(f32)
    # ---- hair: colour, texture, length, fringe, bald
    hm = l == 1
    own = fg[hm].mean(0) if hm.sum() > 60 else HAIRS[r.integers(len(HAIRS))]
    hc = own
    if on(.65):
        hc = HAIRS[r.integers(len(HAIRS))] * r.uniform(.75, 1.2) + r.normal(0, 5, 3) if r.random() < .93 else r.uniform(20, 230, 3)
    hc = np.clip(hc, 4, 250).astype(f32)
    kind = str(r.choice(['streak', 'streak', 'streak', 'curl', 'rings', 'mid', 'fine']))
    T = np.empty((H, W, 3), f32)
    T[:] = hc
    T *= np.exp(r.uniform(.1, .45) * BANK.get(r, kind) + r.uniform(0, .25) * BANK.get(r, 'smooth') - .05)[..., None]
    T = np.clip(T + r.uniform(0, 25) * np.clip(BANK.get(r, kind) - .8, 0, 2)[..., None], 0, 255)
    if r.random() < .25:   # other ends than roots
        T = mix(T, smooth(b, r.uniform(-1.5, .5), r.uniform(.8, 3)) * f32(r.uniform(.3, 1)), np.clip(T * r.uniform(.6, 1.8) + r.normal(0, 12, 3), 0, 255).astype(f32))
    hs = blur(hm.astype(f32), .8)
    k = r.random()
    if k < .06 and hm.any():   # bald: the dome in skin, the rest of the hair gone
        dome = poly(np.vstack([Q(1.12 * np.cos(t := np.linspace(math.pi, 2 * math.pi, 24)), -.35 + 1.3 * np.sin(t)), Q(1.1, .1)[None], Q(-1.1, .1)[None]]))
        shade = np.clip(1.05 - .18 * np.abs(A) + .05 * BANK.get(r, 'smooth'), .5, 1.3)[..., None] * skin
        shade = shade + (r.uniform(0, 90) * np.exp(-((A - r.normal(0, .4)) ** 2 + (B + 1.2) ** 2) / .08))[..., None]
        fg = mix(fg, hs, np.clip(shade, 0, 255))
        gone = hm & (dome < .5)
        neckish = gone & (B > 0) & (np.abs(A) < .8)
        al = np.where(halo(gone & ~neckish, l), 0, al).astype(f32)
        l = l.copy()
        l[gone] = 0
        l[neckish] = 3
        add = (dome > .5) & (l == 0)
        fg = mix(fg, (dome * (l != 2)) * add, np.clip(shade, 0, 255))
        al = np.maximum(al, dome * (add | hm))
        l[add] = 1
        hm = l == 1
        hairy = False
    else:
        hairy = True
        if hm.any() and hc is not own:
            g = fg.mean(2) / max(6., float(fg.mean(2)[hm].mean()))
            v = hc * np.clip(g, .25, 2.6)[..., None] ** r.uniform(.5, 1.1)
            t = r.uniform(0, .7)
            fg = mix(fg, hs, np.clip(v * (1 - t) + T * t, 0, 255))
        elif hm.any() and on(.4):
            fg = mix(fg, hs * r.uniform(.2, .8), T)

    def put(m, lab, col, where):
        """Hair or the like drawn on the person's layer where `where` allows."""
        nonlocal fg, al, l
        m = m * blur(where.astype(f32), .6)
        fg = mix(fg, m, col)
        al = np.maximum(al, m)
        l = np.where(m > .5, lab, l).astype(np.uint8)
    if hairy and on(.42):    # long hair at the sides
        w1, bot = r.uniform(1.2, 2.0), r.uniform(1.0, 5.0)
        inn = r.uniform(.72, 1.15)
        tp = r.uniform(-1.75, -1.2)
        for sg in (-1, 1):
            if r.random() < .12:
                continue
            o = r.normal(0, .12)
            y = np.linspace(-.9, bot + o, 8)
            outer = Q(sg * (1.05 + (w1 + o - 1.05) * smooth(y, -.9, 1.2) + r.normal(0, .07, 8)), y)
            inner = Q(sg * (inn + r.normal(0, .07, 8)) * (1 - .5 * smooth(y, 1.2, 2.6) * r.random()), y + r.normal(0, .15) * (y > bot - .5))[::-1]
            over = (l != 2) | (np.abs(A) > inn + .1) if r.random() < .7 else np.ones_like(hm)
            put(poly(np.vstack([outer, inner])), 1, T, over)
        put(poly(Q(w1 * .78 * np.cos(t := np.linspace(math.pi, 2 * math.pi, 24)), -.6 + (tp + .6) * -np.sin(t) * -1)), 1, T, (l != 2) & (l != 4))
    elif hairy and on(.18):   # a crown of curls round the head
        t = np.linspace(0, 2 * math.pi, 60, endpoint=False)
        rr = r.uniform(1.35, 2.1) * (1 + .05 * r.normal(0, 1, 60))
        cy = r.uniform(-.75, -.3)
        z = poly(Q(rr * np.cos(t) * r.uniform(.9, 1.05), cy + rr * np.sin(t) * np.where(np.sin(t) > 0, r.uniform(.6, 1), r.uniform(.85, 1.0))))
        if r.random() < .5:
            z = z * np.clip(1.3 + .6 * BANK.get(r, 'mid') * blur((z < .5).astype(f32), 3), 0, 1)
        cu = T * np.exp(.35 * BANK.get(r, str(r.choice(['rings', 'curl', 'mid']))))[..., None]
        put(z, 1, np.clip(cu, 0, 255), (l == 0) | (l == 1) | ((l >= 3) & (B < 1.5) & (np.abs(A) > .95)))
    if hairy and on(.25):   # fringe or strand over the forehead, brows, an eye
        lowest = r.uniform(-.65, .02) if r.random() < .8 else r.uniform(-.1, .5)
        n = r.integers(9, 26)
        xx = np.linspace(-1.12, 1.12, n)
        part = r.uniform(-1, 1)
        style = r.random()
        edge = np.full(n, lowest) if style < .55 else lowest - .75 * np.exp(-((xx - part) / r.uniform(.2, .6)) ** 2)
        edge = edge + np.abs(r.normal(0, r.uniform(0, .18), n)) * -1 + .12 * np.abs(xx)
        z = poly(np.vstack([Q(xx, edge), Q(1.12 * np.cos(t := np.linspace(0, -math.pi, 14)), -.9 + .75 * np.sin(t))]))
        put(z, 1, T, (l == 1) | (l == 2) | (l == 3))
    # ---- on the skin: beard, make-up, eyes, mouth, highlights (all stay face)
    fc = blur((l == 2).astype(f32), .7)
    if on(.25):
        low = np.array([at(i) for i in OVAL])
        drop = r.uniform(-.02, .35) if r.random() < .4 else 0
        low[5:16, 1] += drop * sc
        nb = float(P[2, 1])
        ch = r.uniform(.25, .9)
        inn = Q([-.98, -.62, -.3, 0, .3, .62, .98], [ch - .2, ch + .15, nb + .1, nb + .06, nb + .1, ch + .15, ch - .2])
        z = blur(poly(np.vstack([low, inn])), r.uniform(.6, 2.2))
        lips = poly(np.array([at(i) for i in (61, 40, 0, 270, 291, 321, 17, 91)]))
        z = z * (1 - lips * r.uniform(.5, 1))
        if r.random() < .3:
            z = z * blur((np.abs(A) < r.uniform(.35, .6)).astype(f32), 1.5)
        bc = hc * r.uniform(.5, 1.1) if r.random() < .7 else HAIRS[r.integers(len(HAIRS))]
        tx = np.clip(bc * np.exp(r.uniform(.05, .35) * BANK.get(r, str(r.choice(['fine', 'mid', 'curl']))))[..., None], 0, 255)
        z = z * r.uniform(.3, 1) * np.clip(1.1 + r.uniform(0, .4) * BANK.get(r, 'fine'), 0, 1)
        if drop > 0:
            put(z, 2, tx, (l == 2) | (l == 3) | (l == 4))
        else:
            fg = mix(fg, z * fc, tx)
    for cond, ids in ((on(.25), (468, 473)),):
        if cond:   # make-up, deep sockets, bruised by the light: dark round the eyes without spectacles
            tone = skin * r.uniform(.2, .7) if r.random() < .7 else colour(r)
            for i in ids:
                ec = at(i)
                z = np.exp(-((XX - f32(ec[0])) ** 2 / (.3 * sc) ** 2 + (YY - f32(ec[1]) + r.uniform(-2, 4)) ** 2 / (r.uniform(.12, .25) * sc) ** 2) ** 1.5)
                fg = mix(fg, (z * r.uniform(.3, .8) * fc).astype(f32), tone)
    if on(.14):   # eyes shut
        for q in ((33, 159, 133, 145), (263, 386, 362, 374)):
            p = np.array([at(i) for i in q])
            cc, hw = (p[0] + p[2]) / 2, np.hypot(*(p[0] - p[2])) / 2 + 1
            t = np.linspace(0, 2 * math.pi, 16)
            z = blur(poly(cc + np.stack([hw * np.cos(t), .17 * sc * np.sin(t)], 1)), .7)
            fg = mix(fg, z, skin * r.uniform(.75, .98))
            u = np.linspace(-1, 1, 7)
            up = r.choice([-1, 1])
            fg = mix(fg, lines([(cc + np.stack([hw * u, 1.2 + up * (u * u - .6) * 1.8], 1), r.uniform(.6, 1.6), False)]) * .85, skin * .25)
    elif on(.07):   # red eyes
        for i in (468, 473):
            ec = at(i)
            z = ((XX - f32(ec[0])) ** 2 + (YY - f32(ec[1])) ** 2 < (r.uniform(.05, .1) * sc) ** 2).astype(f32)
            fg = mix(fg, blur(z, .6), np.array([40, 40, r.uniform(150, 255)], f32))
    if on(.15):   # brows
        for q in ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336)):
            fg = mix(fg, lines([(np.array([at(i) for i in q]), r.uniform(1, 3.5), False)]) * fc * r.uniform(.4, .95), hc * .6)
    if opening > .09 or on(.06):
        g = max(opening, .12)
        u = np.linspace(-1, 1, 9)
        w_ = mw * r.uniform(.7, 1.05)
        cy = mb
        bend = r.uniform(-.1, .06)
        lo = r.uniform(.8, 1.0)
        # in warped head coordinates the gap lies between the lips: place it by pixels under the upper lip
        c0 = at(13)
        up_ = c0 + np.stack([w_ * sc * u, -bend * sc * (1 - u * u) - .01 * sc + 0 * u], 1)
        dn_ = c0 + np.stack([w_ * sc * u[::-1], g * lo * sc * (1 - u * u) ** .7], 1)
        z = blur(poly(np.vstack([up_, dn_])), .5)
        fg = mix(fg, z * fc, np.array([r.uniform(5, 50), r.uniform(5, 40), r.uniform(20, 110)], f32))
        if r.random() < .7:   # teeth
            hgt = min(g * r.uniform(.3, .95), .3)
            te = c0 + np.stack([w_ * .85 * sc * u, -bend * .8 * sc * (1 - u * u) + 0 * u], 1)
            tb = c0 + np.stack([w_ * .85 * sc * u[::-1], hgt * sc * (1 - u * u) ** .5], 1)
            fg = mix(fg, blur(poly(np.vstack([te, tb])), .5) * z * fc, np.array([200, 222, 230], f32) * r.uniform(.6, 1.1))
        if g > .2 and r.random() < .4:   # tongue
            tc = c0 + [r.normal(0, .05) * sc, g * .8 * sc]
            t = np.linspace(0, 6.28, 14)
            ext = r.uniform(.8, 1.8) if r.random() < .4 else .8
            zt = blur(poly(tc + np.stack([w_ * .6 * sc * np.cos(t), g * .4 * ext * sc * np.sin(t)], 1)), .6)
            fg = mix(fg, zt * (z if ext == .8 else fc), np.array([110, 100, 190], f32) * r.uniform(.6, 1.1))
    if on(.3):             # rough, lined, freckled skin
        rough = r.uniform(.02, .13) * BANK.get(r, str(r.choice(['mid', 'fine', 'curl', 'rings', 'streak', 'cloud', 'leaf'])))
        if r.random() < .5:
            rough = rough * np.clip(BANK.get(r, 'smooth'), 0, 1.5)
        fg = fg * (1 + rough * sk)[..., None]
    if on(.12):            # furrows: nose to mouth, forehead, under the eyes
        segs = [(Q(sg * np.array([.33, .5, .58]), [.5, .75, 1.05]), r.uniform(.5, 1.3), False) for sg in (-1, 1)]
        segs += [(Q(np.linspace(-.6, .6, 7), y + r.normal(0, .02, 7)), r.uniform(.4, 1), False) for y in (-.5, -.62, -.74)[:r.integers(0, 4)]]
        fg = mix(fg, blur(lines(segs), .5) * fc * r.uniform(.15, .6), skin * .45)
    if r.random() < .15:   # lipstick
        z = blur(poly(np.array([at(i) for i in (61, 40, 0, 270, 291, 321, 17, 91)])), .7)
        fg = mix(fg, z * fc * r.uniform(.3, .8), np.array([r.uniform(20, 120), r.uniform(10, 80), r.uniform(80, 220)], f32))
    if r.random() < .3:    # shine
        for _ in range(r.integers(1, 4)):
            p = [(0, -.7), (0, .35), (.65, .45), (-.65, .45), (0, 1.6)][r.integers(5)]
            z = np.exp(-(((A - p[0] - r.normal(0, .1)) / r.uniform(.08, .3)) ** 2 + ((B - p[1]) / r.uniform(.08, .35)) ** 2)).astype(f32)
            fg = mix(fg, z * sk * r.uniform(.1, .8), np.full(3, 245, f32))
    # ---- clothes
    cm = blur((l == 4).astype(f32), .7)
    if r.random() < .85:
        shade = np.clip(fg.mean(2) / 205, .25, 1.25)
        cl = surface(r, .55)
        fg = mix(fg, cm, np.clip(cl * shade[..., None], 0, 255))
    k = r.random()
    if k < .1:      # bare shoulders
        sh = np.clip(skin * (fg.mean(2) / max(20., float(fg.mean(2)[l == 4].mean() if (l == 4).any() else 128)))[..., None] ** .5, 0, 255)
        fg = mix(fg, cm, sh)
        l = np.where(l == 4, 3, l).astype(np.uint8)
    elif k < .35:   # jacket, collar, polo neck
        lap = surface(r, .7)
        z = poly(np.vstack([Q([-3.2, -1.0, -.45, -r.uniform(.05, .3), r.uniform(.05, .3), .45, 1.0, 3.2], [3.1, 2.3, 2.0, 4.2, 4.2, 2.0, 2.3, 3.1]), Q([3.2, -3.2], [5, 5])]))
        put(z, 4, lap, (l != 2) & (l != 1) & ((l == 4) | (l == 3)))
        if r.random() < .4:
            z = poly(Q([-.1, .1, .16, -.16], [2.3, 2.3, 4.5, 4.5]))
            put(z, 4, surface(r), l == 4)
    elif k < .47:
        top = r.uniform(1.75, 2.2)
        z = poly(Q([-1.0, 1.0, 1.2, 2.5, -2.5, -1.2], [top, top, 2.8, 5, 5, 2.8]))
        put(z, 4, surface(r, .6), ((l == 3) | (l == 4)) & (B > top))
    if on(.2):      # a shoulder, collar or jacket that comes up to the jaw on one side: leaning, turned, close
        sg, jx = r.choice([-1, 1]), r.uniform(.5, 1.5)
        pts = Q(sg * np.array([jx, jx + r.uniform(.1, .7), 2.6, 3.5, 3.5, -.6 * r.random()]), [r.uniform(1.0, 1.9), r.uniform(1.1, 1.9), r.uniform(1.6, 2.6), 2.6, 5, 5])
        put(poly(pts), 4, surface(r, .6), (l != 2) & ((l != 1) | (r.random() < .5)))
    if r.random() < .12:   # shirt hides in the background's colour later: nothing to draw, only keep it plain
        fg = mix(fg, cm * .8, np.array([(255, 255, 255), (200, 160, 90), (20, 20, 20)][r.integers(3)], f32) * np.clip(.85 + .08 * BANK.get(r, 'smooth'), .5, 1)[..., None])
    # ---- which coverings
    hat = on(.36)
    tp = str(r.choice(['knit', 'cap', 'cap', 'cap', 'straw', 'hard', 'board', 'peak', 'band', 'hijab', 'hijab', 'hood', 'turban', 'wide', 'beret'])) if hat else ''
    low = r.uniform(-1.0, -.42)
    wid = r.uniform(1.0, 1.28)
    top = r.uniform(-2.35, -1.7)
    ew = r.uniform(.55, 1.0)
    th = np.linspace(math.pi, 2 * math.pi, 28)
    dome = None
    if hat and tp not in ('band', 'hijab', 'hood'):
        if tp == 'knit':
            wid, low = r.uniform(1.0, 1.2), r.uniform(-.85, -.35)
        if tp == 'beret':
            wid, top = r.uniform(1.2, 1.6), r.uniform(-2.0, -1.6)
        sk_ = r.normal(0, .12) if tp != 'beret' else r.choice([-1, 1]) * r.uniform(.1, .35)
        cx_ = wid * np.sign(np.cos(th)) * np.abs(np.cos(th)) ** ew
        dome = np.vstack([Q(cx_ + sk_ * np.abs(np.sin(th)), low + (top - low) * np.abs(np.sin(th)) ** ew), Q(np.linspace(wid, -wid, 9), low + r.uniform(-.14, .1) * (1 - np.linspace(-1, 1, 9) ** 2))])
        dz = poly(dome)
        gone = (l == 1) & (dz < .5) & (b < low - .02)
        al = np.where(halo(gone, l), 0, al).astype(f32)
        l = np.where(gone, 0, l).astype(np.uint8)
    if tp == 'hijab' or tp == 'hood':
        gone = (l == 1) & (b < -.3) & ((np.abs(a) > 1.3) | (b < -1.9))
        al = np.where(halo(gone, l), 0, al).astype(f32)
        l = np.where(gone, 0, l).astype(np.uint8)
    # ---- on the background
    al = np.clip(al + (r.normal(0, .03) if r.random() < .3 else 0), 0, 1)
    bg = background(r, pool, hc)
    if r.random() < .25:
        bg = bg * (1 - r.uniform(.1, .55) * blur(np.roll(al, (int(r.integers(-3, 6)), int(r.integers(-16, 17))), (0, 1)), r.uniform(1, 6))[..., None])
    if r.random() < .05:   # hair or coat against its own colour
        bg = np.clip(bg * .15 + hc * .85, 0, 255)
    im = bg + (fg - bg) * al[..., None]
    l = np.where(al < .35, 0, l).astype(np.uint8)
    person0 = l > 0

    def paint(m, col, lab=None, op=1.0):
        nonlocal im, l
        im = mix(im, m * f32(op), col)
        if lab is not None:
            l = np.where(m > .45, lab, l).astype(np.uint8)

    def shadow(m, o, s_, k):   # what lies on a face darkens it a little
        nonlocal im
        im = im * (1 - k * blur(np.roll(m, o, (0, 1)), s_)[..., None] * (1 - m[..., None]))
    # ---- mask
    if on(.13):
        y0 = r.uniform(.25, .8) if r.random() < .85 else r.uniform(1.15, 1.4)
        wd, pk_ = r.uniform(.82, 1.1), r.uniform(0, .25)
        k = r.random()
        col = np.array([(235, 215, 170), (240, 235, 225), (250, 250, 250), (25, 25, 25), (200, 190, 150), (60, 50, 45)][r.integers(6)], f32) if k < .75 else colour(r)
        t = surface(r, .85, col * r.uniform(.8, 1.05))
        nose = r.uniform(0, .25)
        z = poly(Q([-wd, -.5 * wd, 0, .5 * wd, wd, wd * .97, .55, 0, -.55, -wd * .97], [y0 + .1, y0 - nose * .5, y0 - nose, y0 - nose * .5, y0 + .1, 1.25, 1.75 + pk_, 1.95 + pk_, 1.75 + pk_, 1.25]))
        sh = np.clip(1.05 - .12 * np.abs(A) - .1 * np.clip(B - 1.3, 0, 1), .5, 1.1)
        if r.random() < .5:
            for py in np.linspace(y0 + .3, 1.6, 3):
                sh = sh - .12 * np.exp(-((B - py) / .035) ** 2)
        else:
            sh = sh - .15 * np.exp(-(A / .04) ** 2)
        shadow(z, (2, 0), 1.2, .35)
        lp = lines([(Q([sg * wd, sg * 1.12, sg * 1.2], [y + .1, y - .05, .0 + .3 * i]), r.uniform(.5, 1.2), False) for sg in (-1, 1) for i, y in enumerate((y0 + .05, 1.1))])
        paint(lp, col * .9, 5, .9)
        paint(z, np.clip(t * sh[..., None], 0, 255), 5)
    elif on(.05):   # scarf or jumper pulled over the mouth, a sheet, a bar, a cup
        if r.random() < .6:
            y0 = r.uniform(.5, 1.4)
            z = poly(Q([-1.2, -.6, 0, .6, 1.2, 1.9, 2.2, -2.2, -1.9], [y0 - .2, y0 + r.normal(0, .08), y0 + .05, y0 + r.normal(0, .08), y0 - .2, 2.2, 3.4, 3.4, 2.2]))
            paint(z, surface(r, .3) * np.clip(1 + .2 * BANK.get(r, 'smooth'), .4, 1.5)[..., None], 5)
            l = np.where((l == 5) & (z > .45) & (b > 2.05), 4, l).astype(np.uint8)
        else:
            cx, cy, hw, hh = r.normal(0, .4), r.uniform(.4, 1.6), r.uniform(.1, .9), r.uniform(.05, .6)
            z = poly(Q(np.array([-hw, hw, hw, -hw]) + cx, np.array([-hh, -hh, hh, hh]) + cy + r.normal(0, .05, 4)))
            paint(z, surface(r, .5), 5)
    # ---- spectacles
    if r.random() < .40:
        hw, hh = r.uniform(.3, .47), r.uniform(.19, .4)
        p = r.uniform(1.7, 5)
        gy, tilt = r.uniform(-.02, .16), math.radians(r.normal(0, 2.5))
        ctr = .5 + (max(0, hw - .45)) + r.uniform(-.03, .03)
        th_ = np.linspace(0, 2 * math.pi, 36, endpoint=False)
        ca, sa = np.cos(th_), np.sin(th_)
        shp = r.random()
        lx = hw * np.sign(ca) * np.abs(ca) ** (2 / p)
        ly = hh * np.sign(sa) * np.abs(sa) ** (2 / p)
        if shp < .2:      # aviator
            ly = np.where(ly > 0, ly * 1.35, ly)
            lx = lx * (1 - .18 * np.clip(sa, 0, 1))
        elif shp < .35:   # cat's eye
            ly = ly - .12 * np.clip(ca, 0, 1) * (sa < .2)
        elif shp < .45:   # round
            lx, ly = max(hw * .85, .3) * ca, max(hw * .85, .3) * sa
        tk = float(np.exp(r.uniform(math.log(.018), math.log(.12)))) * sc

        def G(px, py):
            return Q(px * math.cos(tilt) - (py) * math.sin(tilt), gy + px * math.sin(tilt) + py * math.cos(tilt))
        kf = r.random()
        col = np.array([[18, 18, 22], [18, 18, 22], [40, 36, 36], [60, 60, 70], [150, 150, 160], [190, 195, 200], [40, 60, 110], [30, 50, 90], [70, 130, 180], [40, 30, 90], [90, 40, 30]][r.integers(11)], f32) if kf < .8 else colour(r)
        clear = kf > .9
        fop = r.uniform(.35, .7) if clear else r.uniform(.8, 1)
        if clear:
            tk = max(tk, .06 * sc)
            col = (skin * .4 + r.uniform(120, 230)).astype(f32)
        rim = r.random()
        segs, lens = [], np.zeros((H, W), f32)
        L2 = []
        for sg in (-1, 1):
            q = G(sg * (ctr + lx), ly)
            L2.append(q)
            lens = np.maximum(lens, poly(q))
            if rim < .8:
                segs.append((q, tk, True))
            elif rim < .93:
                segs.append((np.roll(q, 0, 0)[18:], tk, False))   # upper half
            ye = r.uniform(-.12, .0)
            segs.append((G(np.array([sg * (ctr + lx.max()), sg * 1.22]), np.array([ye, ye - r.uniform(-.05, .12)])), tk * r.uniform(.6, 1.3), False))
        ni = ctr - (-lx.min())
        segs.append((G(np.array([-ni, -ni * .4, ni * .4, ni]), np.array([.0, -.07, -.07, .0]) - r.uniform(0, .06)), tk * r.uniform(.6, 1.2), False))
        if shp < .2 and r.random() < .5:
            segs.append((G(np.array([-ni - .05, ni + .05]), np.array([-.18, -.18])), tk * .8, False))
        fr = lines(segs)
        inside = person0 | (lens > .3)
        fr = fr * blur(inside.astype(f32), .5)
        if r.random() < .5:
            shadow(fr, (int(r.integers(0, 4)), int(r.integers(-2, 3))), .8, r.uniform(.1, .4))
        k = r.random()
        if k < .36:     # tinted: from light to black
            op = r.uniform(.35, 1) if r.random() < .6 else r.uniform(.85, 1)
            lc = np.array([r.uniform(0, 40), r.uniform(0, 40), r.uniform(0, 45)], f32) if r.random() < .7 else (colour(r) * .6)
            if r.random() < .15:
                lc = colour(r)
                op = max(op, .75)
            field = np.empty((H, W, 3), f32)
            field[:] = lc
            o = lens * op
            if r.random() < .35:   # darker at the top
                o = o * np.clip(1 - r.uniform(.1, .5) * (b - gy + hh) / (2 * hh), .35, 1).astype(f32)
            if r.random() < .5:    # sky, lamp or window in it
                field = field + r.uniform(20, 150) * np.clip(BANK.get(r, str(r.choice(['smooth', 'smooth', 'cloud', 'bars']))) * .5 - .1, 0, 1)[..., None]
            im = mix(im, o, np.clip(field, 0, 255))
            l = np.where(lens > .5, 7, l).astype(np.uint8)
            if r.random() < .3:
                for q in L2:
                    c_ = q.mean(0) + r.normal(0, 2, 2)
                    z = poly(c_ + np.array([(-2, -1), (1, -3), (3, 0), (0, 2)]) * r.uniform(.5, 2)) * lens
                    paint(z, np.full(3, 245, f32), None, r.uniform(.4, 1))
        else:           # clear: the lens keeps its class
            if r.random() < .5:
                paint(lens, np.array([r.uniform(150, 255), r.uniform(150, 255), r.uniform(130, 255)], f32), None, r.uniform(0, .18))
            elif r.random() < .25:
                paint(lens, colour(r), None, r.uniform(0, .12))
            if r.random() < .4:
                gl = np.zeros((H, W), f32)
                for q in L2:
                    if r.random() < .85:
                        c_ = q.mean(0) + r.normal(0, .15 * sc, 2)
                        kk = r.random()
                        if kk < .4:
                            t = np.linspace(0, 6.28, 12)
                            z = poly(c_ + np.stack([r.uniform(.05, .35) * sc * np.cos(t), r.uniform(.04, .25) * sc * np.sin(t)], 1))
                        elif kk < .7:
                            u_, v_ = r.uniform(.05, .25) * sc, r.uniform(.1, .5) * sc
                            z = poly(c_ + np.array([(-u_ - v_ * .4, v_), (u_ - v_ * .4, v_), (u_ + v_ * .4, -v_), (-u_ + v_ * .4, -v_)]))
                        else:
                            z = np.ones((H, W), f32) * np.clip(BANK.get(r, 'smooth'), 0, 1)
                        gl = np.maximum(gl, z)
                gl = blur(gl, r.uniform(.4, 1.5)) * lens
                paint(gl, np.array([r.uniform(200, 255), r.uniform(215, 255), r.uniform(200, 255)], f32), None, r.uniform(.4, 1))
        fcol = np.empty((H, W, 3), f32)
        fcol[:] = col
        if r.random() < .3:
            fcol *= np.clip(1 + .4 * BANK.get(r, str(r.choice(['mid', 'leaf', 'smooth']))), .3, 2)[..., None]
        if r.random() < .4:   # a gleam along the upper edge
            fcol = fcol + r.uniform(20, 120) * np.clip(BANK.get(r, 'smooth'), 0, 1)[..., None]
        paint(np.clip(fr * 1.15, 0, 1), np.clip(fcol, 0, 255), None, fop)
        if tk > .03 * sc or not clear:
            l = np.where(fr > .38, 6, l).astype(np.uint8)
    # ---- hats
    if hat:
        plain = r.random()
        hcol = colour(r) if plain > .35 else np.clip(DARK[r.integers(len(DARK))] + r.normal(0, 6, 3), 2, 255).astype(f32)
        sh = np.clip(1 + r.uniform(-.25, .25) * a + r.uniform(-.1, .3) * -np.clip(b + 1.4, -1, 1) * .6, .4, 1.6)[..., None]
        if dome is not None:
            if tp == 'straw' or tp == 'wide':
                base = np.array([r.uniform(90, 190), r.uniform(150, 210), r.uniform(180, 235)], f32) if tp == 'straw' else hcol
                t = surface(r, 1, base)
                if tp == 'straw':
                    t = t * np.clip(1 + r.uniform(.1, .3) * BANK.get(r, str(r.choice(['weave', 'fine', 'rib', 'bars']))), .4, 1.6)[..., None]
                bw, bh, by = r.uniform(1.6, 2.6), r.uniform(.12, .55), low + r.uniform(-.05, .05)
                tt = np.linspace(0, 2 * math.pi, 40)
                dr = r.uniform(-.25, .25)
                brim = poly(Q(bw * np.cos(tt), by + bh * np.sin(tt) * np.where(np.sin(tt) > 0, r.uniform(.3, 1), 1) + dr * np.cos(tt) ** 2))
                if r.random() < .5:   # looked at from below or in front: brim behind the face
                    m0 = brim * (1 - (l == 2).astype(f32) * smooth(B, low - .1, low + .1))
                else:
                    m0 = brim
                shadow(m0, (5, 0), 2, .4)
                paint(m0, np.clip(t * sh * r.uniform(.6, 1.05), 0, 255), 5)
                paint(dz, np.clip(t * sh, 0, 255), 5)
                if r.random() < .6:   # ribbon
                    paint(dz * ((b < low) & (b > low - .3)), colour(r), 5, .95)
            else:
                pl = {'knit': .3, 'cap': .75, 'hard': .97, 'board': .9, 'peak': .85, 'turban': .6, 'beret': .8}[tp]
                if tp == 'hard':
                    hcol = np.array([(0, 190, 240), (240, 240, 240), (60, 140, 30), (20, 110, 250), (200, 90, 20), (30, 30, 210), (50, 200, 60)][r.integers(7)], f32) * r.uniform(.5, 1)
                t = surface(r, pl, hcol)
                if tp == 'knit':
                    t = t * np.clip(1 + r.uniform(.05, .35) * BANK.get(r, str(r.choice(['rib', 'weave', 'fine']))), .3, 1.7)[..., None]
                if tp == 'turban':
                    t = t * np.clip(1 + .35 * np.sin((b * r.uniform(8, 16) + np.abs(a) * r.uniform(-8, 8))), .4, 1.5)[..., None]
                t = t * sh
                shadow(dz, (3, 0), 1.5, r.uniform(0, .4))
                paint(dz, np.clip(t, 0, 255), 5)
                if tp == 'cap':
                    for sx in (-.35, 0, .35):   # seams
                        if r.random() < .6:
                            paint(lines([(Q([sx * 1.4, sx * .5, 0], [low, (low + top) / 2, top]), .7, False)]) * dz, t * .65, None, .6)
                    if r.random() < .4:        # badge
                        q = Q(np.array([-.25, .25, .25, -.25]) * r.uniform(.4, 1.3), low - .45 + np.array([-.2, -.2, .2, .2]) * r.uniform(.4, 1.2))
                        paint(poly(q) * dz * np.clip(.7 + BANK.get(r, 'blocks'), 0, 1), colour(r), 5)
                if tp == 'hard':
                    paint(dz * np.exp(-((a - r.normal(0, .1)) / .12) ** 2).astype(f32), np.clip(t * 1.25, 0, 255), None, .7)
                    paint(dz * np.exp(-(((a - r.normal(0, .5)) / .18) ** 2 + ((b + 1.5) / .2) ** 2)).astype(f32), np.full(3, 250, f32), None, r.uniform(0, .9))
                if tp == 'knit' and r.random() < .5:   # turned-up edge, bobble
                    paint(dz * (b > low - r.uniform(.25, .5)), np.clip(t * r.uniform(.7, 1.2), 0, 255), 5)
                    if r.random() < .5:
                        tt = np.linspace(0, 6.28, 20)
                        paint(poly(Q(.3 * np.cos(tt), top - .15 + .28 * np.sin(tt))), surface(r, .3, hcol), 5)
                if tp == 'board':
                    yb, hw_, hh_ = top + r.uniform(.1, .5), r.uniform(1.3, 2.2), r.uniform(.12, .5)
                    ro = r.normal(0, .15)
                    paint(poly(Q([-hw_, ro, hw_, -ro], [yb, yb - hh_, yb, yb + hh_])), np.clip(t * r.uniform(.7, 1.3), 0, 255), 5)
                    if r.random() < .5:
                        paint(lines([(Q([0, hw_ * .7, hw_ * .75], [yb, yb + .15, yb + 1.0]), 1.2, False)]), colour(r), 5)
                if tp == 'peak':
                    fl = wid * r.uniform(1.15, 1.5)
                    yb = (low + top) / 2
                    paint(poly(Q([-wid, -fl, -fl * .8, 0, fl * .8, fl, wid], [low - .25, yb - .2, top, top - .15, top, yb - .2, low - .25])), surface(r, .9, hcol if r.random() < .5 else np.full(3, 235, f32)) * sh, 5)
                    paint(dz * (b > low - .32), np.clip(t * .7, 0, 255), 5)
                    if r.random() < .7:
                        tt = np.linspace(0, 6.28, 14)
                        paint(poly(Q(.2 * np.cos(tt), low - .4 + .22 * np.sin(tt))), np.array([60, 170, 210], f32) * np.clip(1 + .4 * BANK.get(r, 'mid'), .3, 1.5)[..., None], 5)
                if tp in ('cap', 'hard', 'peak') and r.random() < (.85 if tp != 'hard' else .6):
                    bw, bh = wid * r.uniform(.75, 1.15), r.uniform(.1, .42)
                    off = r.normal(0, .15) + yaw * 1.2
                    tt = np.linspace(0, math.pi, 20)
                    upb = r.random() < .5
                    pts = np.vstack([Q(off + bw * np.cos(tt), low + (bh if upb else bh * .6) * np.sin(tt)), Q(off + bw * np.cos(tt[::-1]), low - .22 * np.sin(tt[::-1]))])
                    z = poly(pts)
                    shadow(z, (5, 0), 2.2, r.uniform(.2, .7))
                    bc = np.clip((t if r.random() < .7 else surface(r, .9)) * r.uniform(.5, 1.15), 0, 255)
                    paint(z, bc, 5)
                    paint(lines([(pts[:20], .7, False)]) * z, bc * .5, None, .6)
        elif tp == 'band':
            y1, y2 = r.uniform(-1.4, -.75), 0
            y2 = y1 + r.uniform(.15, .5)
            u = np.linspace(-1, 1, 13)
            wd = 1.2
            z = poly(np.vstack([Q(wd * u, y1 + .55 * u * u), Q(wd * u[::-1], y2 + .5 * u * u)]))
            paint(z * blur((l > 0).astype(f32), .5), surface(r, .5, hcol) * sh, 5)
        else:
            t = surface(r, .75, hcol) * np.clip(1 + r.uniform(0, .15) * BANK.get(r, 'bars') + r.uniform(0, .25) * BANK.get(r, 'smooth'), .3, 1.7)[..., None]
            hj = tp == 'hijab'
            iw = r.uniform(.84, 1.05) if hj else r.uniform(.95, 1.35)
            it, ib = (r.uniform(-1.05, -.7), r.uniform(1.6, 1.95)) if hj else (r.uniform(-1.5, -.8), r.uniform(1.7, 2.6))
            ow, ot = r.uniform(1.15, 1.5) if hj else r.uniform(1.45, 1.9), it - r.uniform(.45, .95)
            tt = np.linspace(math.pi, 2 * math.pi, 20)
            outer = np.vstack([Q(ow * np.cos(tt), -.2 + (ot + .2) * -np.sin(tt)), Q([ow * 1.03, ow * r.uniform(.95, 1.1), r.uniform(1.3, 2.6), -r.uniform(1.3, 2.6), -ow * r.uniform(.95, 1.1), -ow * 1.03], [.6, 1.6, r.uniform(2.6, 4), r.uniform(2.6, 4), 1.6, .6])])
            t2 = np.linspace(0, 2 * math.pi, 40)
            cy = (it + ib) / 2
            inner = poly(Q(iw * np.sign(np.cos(t2)) * np.abs(np.cos(t2)) ** .9, cy + (ib - it) / 2 * np.sin(t2) - .05))
            keep = inner * (1 - ((l == 4)).astype(f32) * 0)
            z = poly(outer) * (1 - keep)
            shadow(z, (2, 1), 2, r.uniform(0, .5))
            paint(z, np.clip(t * sh, 0, 255), 5)
            l = np.where((l == 5) & (z > .45) & (b > 2.05), 4, l).astype(np.uint8)   # a scarf below the chin is clothes: only the head is asked about
            if hj:   # what shows of neck and clothes inside the opening is cloth too; hair under it as well
                m = inner * (((l == 1) | (l == 3) | (l == 4) | (l == 0)) & (b < 2.05))
                paint(m.astype(f32), np.clip(t * sh * .85, 0, 255), 5)
    # ---- hands: the person's own colour
    if on(.2):
        tone = np.clip(skin * r.uniform(.8, 1.15) * (1 + r.normal(0, .04, 3)), 4, 250).astype(f32)
        for _ in range(1 if r.random() < .8 else 2):
            cx, cy = [(0, 1.1), (.7, 1.1), (-.7, 1.1), (.9, .4), (-.9, .4), (0, 1.7), (.4, -.6), (.5, .05), (-.5, .05)][r.integers(9)] + r.normal(0, .2, 2)
            ang = r.uniform(-1.2, 1.2) + (math.pi if r.random() < .08 else 0)
            k = r.uniform(.75, 1.15)
            ca_, sa_ = math.cos(ang), math.sin(ang)

            def Hq(px, py):
                px, py = np.asarray(px, float) * k, np.asarray(py, float) * k
                return np.stack([cx + px * ca_ - py * sa_, cy + px * sa_ + py * ca_], -1) @ Rm.T + org
            spread, nf = r.uniform(.0, .16), int(r.choice([2, 3, 4, 4, 4, 0]))
            hand = np.zeros((H, W), f32)
            creases = np.zeros((H, W), f32)
            pw = .42
            palm = poly(Hq([-pw, pw, pw * 1.05, pw * .6, -pw * .6, -pw * 1.05], [-.1, -.1, .55, .95, .95, .55]))
            shade = np.clip(1 + r.uniform(-.5, .5) * (a - cx) + r.uniform(-.3, .3) * (b - cy) + .08 * BANK.get(r, 'mid'), .3, 1.5)
            for i in range(nf):
                fx = -pw + .1 + (2 * pw - .2) * i / max(1, nf - 1) if nf > 1 else 0
                ln = r.uniform(.6, .95) * (1 - .15 * abs(i - 1.5) / 1.5)
                tipx = fx * (1 + spread * 3) + r.normal(0, .03)
                f_ = lines([(Hq([fx, (fx + tipx) / 2, tipx], [0., -ln / 2, -ln]), .19 * k * sc, False)], 2)
                core = lines([(Hq([fx, (fx + tipx) / 2, tipx], [0.1, -ln / 2, -ln + .02]), .11 * k * sc, False)], 2)
                creases = np.maximum(creases * (1 - f_), f_ * (1 - blur(core, .6)))
                if r.random() < .4:   # nail
                    q = Hq(tipx + np.array([-.04, .04, .04, -.04]), -ln + np.array([-.06, -.06, .06, .06]))
                    hand = np.maximum(hand, f_)
                    shade = shade * (1 + .25 * poly(q))
                hand = np.maximum(hand, f_)
            if r.random() < .7:   # thumb
                sg = r.choice([-1, 1])
                hand = np.maximum(hand, lines([(Hq([sg * .35, sg * .7, sg * .75], [.6, .2, -.15]), .2 * k * sc, False)], 2))
            hand = np.maximum(hand, palm)
            arm = poly(Hq([-.33, .33, .4, -.4], [.85, .85, 4.5, 4.5]))
            shadow(np.maximum(hand, arm), (int(r.integers(-1, 4)), int(r.integers(-2, 3))), 1.3, r.uniform(.1, .5))
            sl = r.random() < .5
            # before the head the arm covers; elsewhere it is clothes or skin like any other
            before = l.copy()
            paint(arm, surface(r) if sl else np.clip(tone * shade[..., None], 0, 255), 5)
            l = np.where((l == 5) & (arm > .45) & (before != 1) & (before != 2) & (before != 5), 4 if sl else 3, l).astype(np.uint8)
            paint(hand, np.clip(tone * (shade * (1 - r.uniform(.15, .5) * creases))[..., None], 0, 255), 5)
    # ---- light on the person
    if on(.65):
        g = r.uniform(0, .25) * BANK.get(r, 'smooth')
        if r.random() < .5:
            t = r.uniform(0, 2 * math.pi)
            g = g + r.uniform(.1, .9) * np.tanh((a * math.cos(t) * 1.3 + b * math.sin(t) * .6) * r.uniform(.5, 3))
        m = np.where(l > 0, 1, r.uniform(0, .6)).astype(f32)
        im = im * np.exp(g * blur(m, .8))[..., None]
    if on(.09):   # a hard shadow across
        t = r.uniform(0, 2 * math.pi)
        z = ((a - r.normal(0, .5)) * math.cos(t) + (b - r.normal(.2, .7)) * math.sin(t) > 0).astype(f32)
        im = im * (1 - r.uniform(.2, .7) * blur(z, r.uniform(.5, 3))[..., None])
    # ---- camera
    im = np.clip(im, 0, 255) * f32(1 / 255)
    im = im ** f32(r.uniform(.65, 1.55)) * (r.uniform(.7, 1.2) * (1 + r.normal(0, .07, 3))).astype(f32)
    if on(.1):
        im = im * f32(r.uniform(.2, .6))
    if r.random() < .25:
        m = im.mean()
        im = m + (im - m) * f32(r.uniform(.5, 1.4))
    if r.random() < .25:
        g = im.mean(2, keepdims=True)
        im = g + (im - g) * f32(r.uniform(0, 1.5))
    if on(.35):
        im = blur(im, r.uniform(.4, 1.6))
    if on(.18):
        q = r.uniform(.3, .8)
        im = cv2.resize(cv2.resize(im, None, fx=q, fy=q, interpolation=cv2.INTER_AREA), (W, H), interpolation=cv2.INTER_LINEAR)
    if r.random() < .2:
        im = im + r.uniform(.2, .8) * (im - blur(im, 1.0))
    if r.random() < .6:
        im = im + (r.standard_normal((H, W, 3), f32) if r.random() < .5 else r.standard_normal((H, W, 1), f32)) * f32(r.uniform(0, .03))
    im = im * f32(max(1., .07 / max(1e-3, float(im.mean()))))   # nothing is to be learnt from black
    im = np.clip(im * 255, 0, 255).astype(np.uint8)
    if r.random() < .35:
        im = cv2.imdecode(cv2.imencode('.jpg', im, [cv2.IMWRITE_JPEG_QUALITY, int(r.uniform(15, 92))])[1], 1)
    if r.random() < .27:   # the photo ends here: its edge is repeated, and so is the class
        x0, x1, y0, y1 = 0, W - 1, 0, H - 1
        if r.random() < .65:
            y0 = int(r.uniform(2, 66))
        if r.random() < .3:
            y1 = H - 1 - int(r.uniform(2, 50))
        if r.random() < .35:
            x0 = int(r.uniform(1, 38))
        if r.random() < .35:
            x1 = W - 1 - int(r.uniform(1, 38))
        iy, ix = np.clip(np.arange(H), y0, y1), np.clip(np.arange(W), x0, x1)
        im, l = im[iy][:, ix], l[iy][:, ix]
    if r.random() < .5:
        im, l = im[:, ::-1], l[:, ::-1]
    return np.ascontiguousarray(im[..., ::-1]), np.ascontiguousarray(l)


GROUNDS = [(255, 255, 255), (255, 197, 100), (240, 240, 240), (214, 214, 214), (205, 205, 210), (219, 142, 67), (40, 40, 200)]   # BGR


def plain(r, pool, who):
    """A photo as registries have most: this person as they are, well lit, before a plain ground; only the shirt is dyed sometimes."""
    s = pool[who]
    rot, sc = math.radians(r.normal(0, 2)), D0 * r.uniform(.93, 1.08)
    c, sn = math.cos(rot) / sc, math.sin(rot) / sc
    dx, dy = XX - f32(MID[0] + r.normal(0, 1.5)), YY - f32(MID[1] + r.normal(0, 1.5))
    mx, my = (BX + BD * (c * dx + sn * dy)).astype(f32), (BY + BD * (c * dy - sn * dx)).astype(f32)
    x = cv2.remap(s['rgba'], mx, my, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).astype(f32)
    l = cv2.remap(s['label'], mx, my, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    fg, al = np.ascontiguousarray(x[..., :3]), x[..., 3:] / 255
    if r.random() < .6:
        fg = mix(fg, blur((l == 4).astype(f32), .7), np.clip(surface(r, .8) * np.clip(fg.mean(2) / 205, .25, 1.25)[..., None], 0, 255))
    bg = np.array(GROUNDS[r.integers(len(GROUNDS))], f32) * (1 + r.uniform(0, .05) * BANK.get(r, 'smooth'))[..., None]
    im = np.clip(bg + (fg - bg) * al, 0, 255) / 255
    im = im ** f32(r.uniform(.8, 1.25)) * (r.uniform(.85, 1.08) * (1 + r.normal(0, .03, 3))).astype(f32)
    if r.random() < .3:
        im = blur(im, r.uniform(.3, 1.1))
    if r.random() < .5:
        im = im + r.standard_normal((H, W, 3), f32) * f32(r.uniform(0, .02))
    im = np.clip(im * 255, 0, 255).astype(np.uint8)
    if r.random() < .35:
        im = cv2.imdecode(cv2.imencode('.jpg', im, [cv2.IMWRITE_JPEG_QUALITY, int(r.uniform(40, 95))])[1], 1)
    l = np.where(al[..., 0] < .35, 0, l).astype(np.uint8)
    if r.random() < .5:
        im, l = im[:, ::-1], l[:, ::-1]
    return np.ascontiguousarray(im[..., ::-1]), np.ascontiguousarray(l)


def load(path, test=None):
    """The bases of the training people (test=False), the test people (every fifth) or all."""
    z = np.load(path)
    return [dict(rgba=x, label=l, points=p, who=int(w[0]), smile=int(w[1])) for x, l, p, w in zip(z['rgba'], z['label'], z['points'], z['who'])
            if test is None or (w[0] % 5 == 0) == test]


PALETTE = np.array([(90, 90, 90), (60, 60, 255), (255, 200, 120), (220, 220, 60), (0, 160, 0), (200, 0, 200), (255, 0, 0), (60, 0, 60)], np.uint8)   # RGB

if __name__ == '__main__':
    import time
    pool = load(sys.argv[1], False)
    r = np.random.default_rng(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    t = time.time()
    S = [sample(r, pool, r.integers(len(pool))) for _ in range(60)]
    print('%.1f ms a sample' % ((time.time() - t) / 60 * 1e3))
    rows = [np.hstack([np.hstack([im, (im * .5 + PALETTE[l] * .5).astype(np.uint8)]) for im, l in S[k:k + 6]]) for k in range(0, 60, 6)]
    cv2.imwrite(sys.argv[2], np.vstack(rows)[..., ::-1])
