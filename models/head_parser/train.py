"""Train the head parser: train.py BASES.npz OUT_DIR MINUTES [--teacher NET.onnx] [--start START.pt] [--rate R]
(torch, numpy, opencv-python-headless; onnxruntime with a teacher)

BASES.npz from prepare.py. OUT_DIR gets net.pt (the running average of the weights), head_parser.onnx every eight minutes and log.txt.
Without a teacher the larger net of net.py learns from what was drawn; with one the smaller net learns what the teacher says of the
same pictures, and a quarter as much from what was drawn.
Two processes: `train.py --draw BASES.npz OUT_DIR SEED [NET.onnx]` (started by the first, may be stopped and started again with
a changed synth.py) draws samples into a ring of RING pictures in OUT_DIR, with what the teacher says of each, the other learns from random
places of the ring. So neither waits for the other. One thread each. With --start it goes on from there, and the ring is kept; R
(3e-3 without) is the first learning rate."""
import argparse, copy, math, os, subprocess, sys, time
import numpy as np
RING = 20000
WT = [1., 1.3, 1., 1.7, 1., 1.3, 2.5, 1.8]   # frames are thin, lenses and ears few
PLAIN = .25   # share of pictures as registries have most
DRAWN = .25   # weight of what was drawn beside what the teacher says


def ring(d, mode, taught):
    """Pictures and classes, logits of the teacher, and how many were drawn so far."""
    z = np.memmap(d + '/ring.f16', np.float16, mode, shape=(RING, 8, 96, 72)) if taught else None
    return np.memmap(d + '/ring.u8', np.uint8, mode, shape=(RING, 192, 144, 4)), z, np.memmap(d + '/ring.n', np.int64, mode, shape=(1,))


def said(path):
    """What a net says of a picture: HxWx3 uint8 RGB -> 8x96x72 logits."""
    from prepare import session
    s = session(path)
    return lambda im: s.run(None, {'image': im.transpose(2, 0, 1)[None].astype(np.float32) / 255})[0][0]


def draw(bases, d, seed, teacher=None):
    import synth
    pool = synth.load(bases, False)
    r, (x, z, n) = np.random.default_rng(seed), ring(d, 'r+', teacher)
    ask = said(teacher) if teacher else None
    # everybody as often as everybody else, smiling or not; the bald and the dark-haired are few enough as it is
    people = {}
    for i, p in enumerate(pool):
        people.setdefault(p['who'], []).append(i)
    people = list(people.values())
    while True:
        q = people[r.integers(len(people))]
        im, l = (synth.plain if teacher and r.random() < PLAIN else synth.sample)(r, pool, q[r.integers(len(q))])
        k = int(n[0]) % RING
        x[k, ..., :3], x[k, ..., 3] = im, l
        if teacher:
            z[k] = ask(im)
        n[0] += 1


def test_set(bases, per=6, seed=5):
    """Drawn from the people not trained on."""
    import synth
    pool = synth.load(bases, True)
    r = np.random.default_rng(seed)
    S = [synth.sample(r, pool, i) for i in range(len(pool)) for _ in range(per)]
    return np.stack([s[0] for s in S]), np.stack([s[1] for s in S])


def iou(z, y, c=8):
    return [float(((z == k) & (y == k)).sum() / max(1, ((z == k) | (y == k)).sum())) for k in range(c)]


def main(bases, d, minutes, teacher=None, start=None, rate=3e-3):
    import torch, torch.nn.functional as F
    from net import Net, Teacher, macs
    from export import export
    torch.set_num_threads(1)
    torch.manual_seed(1)
    os.makedirs(d, exist_ok=True)
    x, z, n = ring(d, 'r+' if start else 'w+', teacher)
    # another start, other pictures
    child = subprocess.Popen([sys.executable, __file__, '--draw', bases, d, str(7 + int(n[0]))] + ([teacher] if teacher else []))
    log = open(d + '/log.txt', 'a')

    def say(*a):
        print(*a, flush=True)
        print(*a, file=log, flush=True)
    net = Net() if teacher else Teacher()
    if start:
        net.load_state_dict(torch.load(start))
    say('parameters', sum(p.numel() for p in net.parameters()), 'MACs', macs(net))
    net = net.to(memory_format=torch.channels_last)
    ema = copy.deepcopy(net)
    opt = torch.optim.AdamW(net.parameters(), rate, weight_decay=1e-3)
    EX, EY = test_set(bases, 4)
    EX = torch.tensor(EX.transpose(0, 3, 1, 2)).float() / 255
    wt, r = torch.tensor(WT), np.random.default_rng(2)
    while n[0] < 300:
        time.sleep(1)
    t0, k, shown, saved, tot = time.time(), 0, time.time(), time.time(), [0, 0]
    try:
        while time.time() - t0 < minutes * 60:
            p = (time.time() - t0) / (minutes * 60)
            for g in opt.param_groups:
                g['lr'] = rate * min(1, k / 200 + .02) * (.5 + .5 * math.cos(math.pi * p)) + 1e-5
            at = r.integers(0, min(int(n[0]), RING), 16)
            q, t = x[at], z[at] if teacher else None
            if r.random() < .5:
                q, t = q[:, :, ::-1], t[..., ::-1] if teacher else None
            q = torch.from_numpy(np.ascontiguousarray(q))
            im = q[..., :3].permute(0, 3, 1, 2).float() / 255 * (1 + .06 * torch.randn(16, 3, 1, 1)) + .02 * torch.randn(16, 3, 1, 1)
            im = im.clamp(0, 1).contiguous(memory_format=torch.channels_last)
            y = q[..., 3].long()
            net.train()
            # an output cell stands for 2x2 pixels: it is asked about each of them
            ls = F.log_softmax(net(im), 1)
            loss = sum(F.nll_loss(ls, y[:, i::2, j::2], wt) for i in (0, 1) for j in (0, 1)) / 4
            if teacher:
                t = F.log_softmax(torch.from_numpy(np.ascontiguousarray(t)).float(), 1)
                p_ = t.exp()
                apart = (p_ * (t - ls)).sum(1) * (p_ * wt.view(1, 8, 1, 1)).sum(1)   # Kullback-Leibler, cells weighted as their classes
                loss = apart.mean() + DRAWN * loss
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.)
            opt.step()
            k += 1
            tot[0] += loss.item()
            tot[1] += 1
            with torch.no_grad():
                a = min(.998, k / (k + 50))
                for e, v in zip(ema.state_dict().values(), net.state_dict().values()):
                    e.lerp_(v, 1 - a) if e.dtype.is_floating_point else e.copy_(v)
            last = time.time() - t0 >= minutes * 60
            if time.time() - shown > 150 or last:
                shown = time.time()
                ema.eval()
                with torch.no_grad():
                    z = torch.cat([F.interpolate(ema(EX[i:i + 16]), scale_factor=2, mode='bilinear').argmax(1) for i in range(0, len(EX), 16)]).numpy()
                say('%6d steps %5d drawn %4.0f s loss %.3f IoU' % (k, n[0], time.time() - t0, tot[0] / tot[1]), ' '.join('%.3f' % v for v in iou(z, EY)))
                tot = [0, 0]
                torch.save(ema.state_dict(), d + '/net.pt')
            if time.time() - saved > 480 or last:
                saved = time.time()
                export(ema, d + '/head_parser.onnx')
    finally:
        child.terminate()


if __name__ == '__main__':
    if sys.argv[1] == '--draw':
        draw(sys.argv[2], sys.argv[3], int(sys.argv[4]), *sys.argv[5:])
    else:
        p = argparse.ArgumentParser()
        p.add_argument('bases')
        p.add_argument('out')
        p.add_argument('minutes', type=float)
        p.add_argument('--teacher')
        p.add_argument('--start')
        p.add_argument('--rate', type=float, default=3e-3)
        a = p.parse_args()
        main(a.bases, a.out, a.minutes, a.teacher, a.start, a.rate)
