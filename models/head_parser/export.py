"""Usage: export.py IN.pt OUT.onnx [teacher]        (torch, onnx)
Folds the batch norms and writes the file under a temporary name first, so that a reader never meets half of it."""
import os, sys
import torch
from net import Net, Teacher, fold


def export(net, path):
    net = fold(net)
    tmp = path + '.tmp'
    torch.onnx.export(net, (torch.zeros(1, 3, 192, 144),), tmp, input_names=['image'], output_names=['classes'],
                      opset_version=13, do_constant_folding=True, dynamo=False)
    os.replace(tmp, path)


if __name__ == '__main__':
    n = Teacher() if sys.argv[3:] == ['teacher'] else Net()
    n.load_state_dict(torch.load(sys.argv[1]))
    export(n, sys.argv[2])
