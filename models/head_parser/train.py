"""Train the head parser: train.py BASES.npz OUT_DIR MINUTES [START.pt RATE]      (torch, numpy, opencv-python-headless)

BASES.npz from prepare.py. OUT_DIR gets net.pt (the running average of the weights), head_parser.onnx every eight minutes and log.txt.
Two processes: `train.py --draw BASES.npz OUT_DIR SEED` (started by the first, may be stopped and started again with
a changed synth.py) draws samples into a ring of RING pictures in OUT_DIR, the other learns from random places of the ring. So
neither waits for the other, and a picture is seen about once or twice. One thread each. With START.pt it goes on from there, RATE
(3e-3 without) being the first learning rate; the ring is kept."""
import copy, math, os, subprocess, sys, time
import numpy as np
RING = 6000
WT = [1., 1.3, 1., 1.2, 1., 1.2, 2.5, 1.8]   # frames are thin, lenses few


def ring(d, mode):
    shape = (RING, 192, 144, 4)
    return np.memmap(d + '/ring.u8', np.uint8, mode, shape=shape), np.memmap(d + '/ring.n', np.int64, mode, shape=(1,))


def draw(bases, d, seed):
    import synth
    pool = synth.load(bases, False)
    r, (x, n) = np.random.default_rng(seed), ring(d, 'r+')
    # everybody as often as everybody else, smiling or not; the bald and the dark-haired are few enough as it is
    people = {}
    for i, p in enumerate(pool):
        people.setdefault(p['who'], []).append(i)
    people = list(people.values())
    while True:
        q = people[r.integers(len(people))]
        im, l = synth.sample(r, pool, q[r.integers(len(q))])
        k = int(n[0]) % RING
        x[k, ..., :3], x[k, ..., 3] = im, l
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


def main(bases, d, minutes, start=None, rate=3e-3):
    import torch, torch.nn.functional as F
    from net import Net, macs
    from export import export
    torch.set_num_threads(1)
    torch.manual_seed(1)
    os.makedirs(d, exist_ok=True)
    x, n = ring(d, 'r+' if start else 'w+')
    child = subprocess.Popen([sys.executable, __file__, '--draw', bases, d, str(7 + int(n[0]))])   # another start, other pictures
    log = open(d + '/log.txt', 'a')

    def say(*a):
        print(*a, flush=True)
        print(*a, file=log, flush=True)
    net = Net()
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
            q = x[r.integers(0, min(int(n[0]), RING), 16)]
            if r.random() < .5:
                q = q[:, :, ::-1]
            q = torch.from_numpy(np.ascontiguousarray(q))
            im = q[..., :3].permute(0, 3, 1, 2).float() / 255 * (1 + .06 * torch.randn(16, 3, 1, 1)) + .02 * torch.randn(16, 3, 1, 1)
            im = im.clamp(0, 1).contiguous(memory_format=torch.channels_last)
            y = q[..., 3].long()
            net.train()
            # an output cell stands for 2x2 pixels: it is asked about each of them
            ls = F.log_softmax(net(im), 1)
            loss = sum(F.nll_loss(ls, y[:, i::2, j::2], wt) for i in (0, 1) for j in (0, 1)) / 4
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
        draw(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(sys.argv[1], sys.argv[2], float(sys.argv[3]), *([sys.argv[4], float(sys.argv[5])] if len(sys.argv) > 5 else []))
