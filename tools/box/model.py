"""A Llama in plain PyTorch, with the tensor names and the row order of GGUF, and its settings."""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass(frozen=True)
class Shape:
    vocabulary: int = 2048
    width: int = 256
    layers: int = 5
    heads: int = 8
    kv_heads: int = 4
    hidden: int = 704
    context: int = 1024
    theta: float = 10000.0
    epsilon: float = 1e-5

    @property
    def head_width(self):
        return self.width // self.heads


class Norm(nn.Module):
    def __init__(self, width, epsilon):
        super().__init__()
        self.weight, self.epsilon = nn.Parameter(torch.ones(width)), epsilon

    def forward(self, x):
        x = x.float()
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotation(shape, length):
    """cos and sin, [length, head_width / 2]: neighbours (2i, 2i+1) turn together, as GGUF's llama has it."""
    turns = shape.theta ** (-torch.arange(0, shape.head_width, 2).float() / shape.head_width)
    angles = torch.arange(length).float()[:, None] * turns[None]
    return angles.cos(), angles.sin()


def rotate(x, cos, sin):
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack((a * cos - b * sin, a * sin + b * cos), -1).flatten(-2)


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s = s
        self.attn_norm, self.ffn_norm = Norm(s.width, s.epsilon), Norm(s.width, s.epsilon)
        kv = s.kv_heads * s.head_width
        self.attn_q, self.attn_k = nn.Linear(s.width, s.width, bias=False), nn.Linear(s.width, kv, bias=False)
        self.attn_v, self.attn_output = nn.Linear(s.width, kv, bias=False), nn.Linear(s.width, s.width, bias=False)
        self.ffn_gate, self.ffn_up = nn.Linear(s.width, s.hidden, bias=False), nn.Linear(s.width, s.hidden, bias=False)
        self.ffn_down = nn.Linear(s.hidden, s.width, bias=False)

    def attend(self, q, k, v, mask):
        """[batch, heads, length, head_width]; all of it in the type of v, which halves the memory to go through."""
        batch, heads, length, width = q.shape
        with torch.autocast("cpu", enabled=False):
            grouped = q.reshape(batch, k.shape[1], -1, width)  # the heads that share keys lie one after another
            scores = (grouped @ k.transpose(-1, -2)).view(batch, heads, length, length) + mask.to(v.dtype)
            shares = torch.softmax(scores, -1).view(batch, k.shape[1], -1, length)
            return (shares @ v).view(batch, heads, length, width)

    def forward(self, x, cos, sin, mask):
        s, (batch, length, _) = self.s, x.shape
        h = self.attn_norm(x)
        split = lambda y, heads: y.view(batch, length, heads, s.head_width).transpose(1, 2)
        q, k, v = split(self.attn_q(h), s.heads), split(self.attn_k(h), s.kv_heads), split(self.attn_v(h), s.kv_heads)
        q, k = rotate(q.float(), cos, sin) / math.sqrt(s.head_width), rotate(k.float(), cos, sin)
        mixed = self.attend(q.to(v.dtype), k.to(v.dtype), v, mask).transpose(1, 2).reshape(batch, length, s.width)
        x = x + self.attn_output(mixed)
        h = self.ffn_norm(x)
        # In float32: torch's bf16 silu is the slower of the two.
        return x + self.ffn_down(F.silu(self.ffn_gate(h).float()) * self.ffn_up(h).float())


class Llama(nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.shape = shape
        self.token_embd = nn.Embedding(shape.vocabulary, shape.width)
        self.blk = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.output_norm = Norm(shape.width, shape.epsilon)
        nn.init.normal_(self.token_embd.weight, std=0.02)
        for layer in self.blk:
            for name, p in layer.named_parameters():
                if p.dim() == 2:
                    scale = 1 / math.sqrt(2 * shape.layers) if name.startswith(("attn_output", "ffn_down")) else 1
                    nn.init.normal_(p, std=scale / math.sqrt(p.shape[1]) * 0.6)

    def forward(self, tokens, texts=None):
        """Logits [batch, length, vocabulary]. `texts`: the number of the text of each token; texts do not see each other."""
        length = tokens.shape[1]
        cos, sin = rotation(self.shape, length)
        allowed = torch.ones(length, length, dtype=torch.bool).tril()[None]
        if texts is not None:
            allowed = allowed & (texts[:, :, None] == texts[:, None, :])
        mask = torch.zeros(allowed.shape).masked_fill(~allowed, -1e9)[:, None]
        x = self.token_embd(tokens)
        for layer in self.blk:
            x = layer(x, cos, sin, mask)
        return F.linear(self.output_norm(x), self.token_embd.weight)

    def parameters_count(self):
        return sum(p.numel() for p in self.parameters())
