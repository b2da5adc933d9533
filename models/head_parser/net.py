"""The head parser's network, and the one it learns from.

`Net` is what runs: a convolution of each channel alone and one of size 1, over and over (as in MobileNet and BlazeFace), most of them at
1/8 and 1/16 of the input, where windows of 5x5 see the whole head after a few. Nothing is done at full size; the way up is by 2x2
transposed convolutions, and the last map (1/4) carries the 2x2 cells of the output in its channels (depth to space).

`Teacher` has the same way down and up by dense 3x3 convolutions: four times the weights, five times the multiplications.
"""
import torch, torch.nn as nn, torch.nn.functional as F

C = 8  # classes


def cbr(i, o, s=1, k=3):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU())


def up(i, o):
    return nn.Sequential(nn.ConvTranspose2d(i, o, 2, 2, bias=False), nn.BatchNorm2d(o))


def apart(i, o, k=3, s=1):
    """Each channel alone, then all at one place."""
    return nn.Sequential(nn.Conv2d(i, i, k, s, k // 2, groups=i, bias=False), nn.Conv2d(i, o, 1, bias=False), nn.BatchNorm2d(o))


class ResApart(nn.Module):
    def __init__(s, c, k=3):
        super().__init__()
        s.a = apart(c, c, k)

    def forward(s, x):
        return F.relu(x + s.a(x))


class Down(nn.Module):
    def __init__(s, i, o):
        super().__init__()
        s.a = apart(i, o, 3, 2)

    def forward(s, x):
        return F.relu(s.a(x))


class Parser(nn.Module):
    """The way down and up that both nets have; what lies along it is theirs."""

    def __init__(s, w):
        super().__init__()
        w1, w2, w3 = w[1:]
        s.g = nn.Conv2d(w3, w3, 1)   # what the whole picture says
        s.u2 = up(w3, w2)
        s.u1 = up(w2, w1)

    def forward(s, x):
        b = s.s1(s.stem(x))
        c = s.s2(b)
        e = s.s3(c)
        e = F.relu(e + s.g(F.adaptive_avg_pool2d(e, 1)))
        c = s.d2(F.relu(c + s.u2(e)))
        b = s.d1(F.relu(b + s.u1(c)))
        return F.pixel_shuffle(s.o(b), 2)


class Net(Parser):
    """Nx3x192x144 RGB in 0..1 -> Nx8x96x72 class logits."""

    def __init__(s, w=(16, 24, 48, 96), n=(2, 4, 5), d=(1, 1)):
        super().__init__(w)
        w0, w1, w2, w3 = w
        s.stem = nn.Sequential(cbr(3, w0, 2), Down(w0, w1))                                      # /2, /4
        s.s1 = nn.Sequential(*[ResApart(w1) for _ in range(n[0])])                               # /4: 48x36
        s.s2 = nn.Sequential(Down(w1, w2), *[ResApart(w2) for _ in range(n[1])])                 # /8: 24x18
        s.s3 = nn.Sequential(Down(w2, w3), *[ResApart(w3, 5) for _ in range(n[2])])              # /16: 12x9
        s.d2 = nn.Sequential(*[ResApart(w2) for _ in range(d[0])])
        s.d1 = nn.Sequential(*[ResApart(w1) for _ in range(d[1])])
        s.o = nn.Sequential(nn.Conv2d(w1, w1, 3, 1, 1, groups=w1, bias=False), nn.Conv2d(w1, C * 4, 1))


class Res(nn.Module):
    def __init__(s, c, d=1):
        super().__init__()
        s.a = cbr(c, c)
        s.b = nn.Sequential(nn.Conv2d(c, c, 3, 1, d, dilation=d, bias=False), nn.BatchNorm2d(c))

    def forward(s, x):
        return F.relu(x + s.b(s.a(x)))


class Teacher(Parser):
    """In and out as `Net`."""

    def __init__(s, w=(16, 24, 48, 96), n=(1, 1, 2)):
        super().__init__(w)
        w0, w1, w2, w3 = w
        s.stem = nn.Sequential(cbr(3, w0, 2), cbr(w0, w1, 2))                                    # /2, /4
        s.s1 = nn.Sequential(*[Res(w1) for _ in range(n[0])])                                    # /4: 48x36
        s.s2 = nn.Sequential(cbr(w1, w2, 2), *[Res(w2) for _ in range(n[1])])                    # /8: 24x18
        s.s3 = nn.Sequential(cbr(w2, w3, 2), *[Res(w3) for _ in range(n[2])])                    # /16: 12x9
        s.d2 = cbr(w2, w2)
        s.d1 = cbr(w1, w1)
        s.o = nn.Conv2d(w1, C * 4, 3, 1, 1)


def fold(net):
    """A copy with every batch norm folded into the convolution before it."""
    import copy
    from torch.nn.utils.fusion import fuse_conv_bn_eval
    net = copy.deepcopy(net).eval()
    for m in net.modules():
        if isinstance(m, nn.Sequential):
            for i in range(1, len(m)):
                if isinstance(m[i], nn.BatchNorm2d):
                    m[i - 1] = fuse_conv_bn_eval(m[i - 1], m[i], transpose=isinstance(m[i - 1], nn.ConvTranspose2d))
                    m[i] = nn.Identity()
    return net


def macs(net):
    """Multiply-adds of one inference."""
    total = 0

    def hook(m, i, o):
        nonlocal total
        k = m.kernel_size[0] * m.kernel_size[1] / m.groups
        if isinstance(m, nn.ConvTranspose2d):
            total += i[0][0].numel() * m.out_channels * k
        else:
            total += o[0].numel() * m.in_channels * k
    hs = [m.register_forward_hook(hook) for m in net.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    with torch.no_grad():
        net.eval()(torch.zeros(1, 3, 192, 144))
    for h in hs:
        h.remove()
    return int(total)
