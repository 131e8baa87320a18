"""Networks to export, of either library."""

from __future__ import annotations

import math
from typing import Any


def networks(T: Any) -> dict[str, Any]:
    """The classes by name."""
    nn = T.nn
    F = nn.functional

    class Perceptron(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))

        def forward(self, x):
            return self.layers(x)

    class LeNet(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.c1, self.c2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 3)
            self.f1, self.f2 = nn.Linear(150, 20), nn.Linear(20, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.c1(x)), 2)
            x = F.max_pool2d(F.relu(self.c2(x)), 2)
            x = x.view(x.size(0), -1)
            return F.log_softmax(self.f2(F.relu(self.f1(x))), dim=1)

    class Block(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self, given: int, wanted: int, stride: int) -> None:
            super().__init__()
            self.c1, self.b1 = nn.Conv2d(given, wanted, 3, stride, 1, bias=False), nn.BatchNorm2d(wanted)
            self.c2, self.b2 = nn.Conv2d(wanted, wanted, 3, 1, 1, bias=False), nn.BatchNorm2d(wanted)
            self.relu, self.down = nn.ReLU(inplace=True), None
            if stride != 1 or given != wanted:
                self.down = nn.Sequential(nn.Conv2d(given, wanted, 1, stride, bias=False), nn.BatchNorm2d(wanted))

        def forward(self, x):
            y = self.b2(self.c2(self.relu(self.b1(self.c1(x)))))
            y += x if self.down is None else self.down(x)
            return self.relu(y)

    class ResNet(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.norm, self.pool = nn.Conv2d(3, 8, 7, 2, 3, bias=False), nn.BatchNorm2d(8), nn.MaxPool2d(3, 2, 1)
            blocks = [(8, 8, 1), (8, 8, 1), (8, 16, 2), (16, 16, 1), (16, 32, 2), (32, 32, 1), (32, 32, 2), (32, 32, 1)]
            self.blocks = nn.Sequential(*[Block(*sizes) for sizes in blocks])
            self.mean, self.last = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(32, 10)

        def forward(self, x):
            x = self.blocks(self.pool(F.relu(self.norm(self.conv(x)))))
            return self.last(T.flatten(self.mean(x), 1))

    class Vgg(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(True), nn.MaxPool2d(2, 2), nn.Conv2d(8, 8, 3, padding=1)]
            layers += [nn.ReLU(True)]
            self.features, self.avgpool = nn.Sequential(*layers, nn.MaxPool2d(2, 2)), nn.AdaptiveAvgPool2d((7, 7))
            self.classifier = nn.Sequential(nn.Linear(8 * 49, 32), nn.ReLU(True), nn.Dropout(), nn.Linear(32, 5))

        def forward(self, x):
            return self.classifier(T.flatten(self.avgpool(self.features(x)), 1))

    class Encoder(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places = nn.Embedding(20, 16), nn.Parameter(T.randn(1, 32, 16))
            layer = nn.TransformerEncoderLayer(16, 4, 32, batch_first=True, activation="gelu")
            self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.last = nn.Linear(16, 3)

        def forward(self, words, padding):
            x = self.words(words) + self.places[:, : words.size(1)]
            return self.last(self.layers(x, src_key_padding_mask=padding)[:, 0])

    class Translator(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.Transformer(16, 2, 1, 1, 32, batch_first=True)

        def forward(self, source, target):
            mask = nn.Transformer.generate_square_subsequent_mask(target.shape[1])
            return self.layers(source, target, tgt_mask=mask, tgt_is_causal=True)

    class Attention(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.given, self.last = nn.Linear(16, 48), nn.Linear(16, 16)
            self.register_buffer("mask", T.tril(T.ones(32, 32)).view(1, 1, 32, 32))

        def forward(self, x):
            B, L, C = x.size()
            q, k, v = (part.view(B, L, 4, C // 4).transpose(1, 2) for part in self.given(x).split(C, dim=2))
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            scores = scores.masked_fill(self.mask[:, :, :L, :L] == 0, float("-inf"))
            attended = F.softmax(scores, dim=-1) @ v
            return self.last(attended.transpose(1, 2).contiguous().view(B, L, C))

    class Gpt(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.words, self.places, self.attention = nn.Embedding(30, 16), nn.Embedding(32, 16), Attention()
            self.norm1, self.norm2, self.norm3 = nn.LayerNorm(16), nn.LayerNorm(16), nn.LayerNorm(16)
            self.layers = nn.Sequential(nn.Linear(16, 64), nn.GELU(), nn.Linear(64, 16), nn.Dropout(0.1))
            self.head = nn.Linear(16, 30, bias=False)
            self.head.weight = self.words.weight

        def forward(self, index):
            batch, length = index.size()
            assert length <= 32, f"Cannot forward sequence of length {length}"
            places = T.arange(0, length, dtype=T.long, device=index.device).unsqueeze(0)
            x = self.words(index) + self.places(places)
            x = x + self.attention(self.norm1(x))
            x = x + self.layers(self.norm2(x))
            return self.head(self.norm3(x)[:, [-1], :]), x.sum((1, 2)) / (batch * length)

    class Recurrent(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.LSTM(5, 6, 2, batch_first=True, bidirectional=True)
            self.b, self.c = nn.GRU(12, 4, batch_first=True), nn.RNN(4, 3, nonlinearity="relu", batch_first=True, bias=False)

        def forward(self, x):
            y, (h, c) = self.a(x)
            y, g = self.b(y, T.zeros(1, x.shape[0], 4))
            return (*self.c(y), h, c, g)

    class Cells(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b, self.c = nn.LSTMCell(5, 6), nn.GRUCell(6, 4), nn.RNNCell(4, 3)

        def forward(self, x):
            h = c = T.zeros(x.shape[0], 6)
            g, outputs = T.zeros(x.shape[0], 4), []
            for step in range(x.shape[1]):
                h, c = self.a(x[:, step], (h, c))
                g = self.b(h, g)
                outputs.append(self.c(g))
            return T.stack(outputs, 1)

    class UNet(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
            self.norm, self.up = nn.GroupNorm(4, 16), nn.ConvTranspose2d(16, 8, 2, 2)
            self.join, self.last = nn.Conv2d(16, 8, 3, padding=1), nn.Conv2d(16, 1, 1)

        def forward(self, x):
            a = F.relu(self.down1(x))
            b = F.silu(self.norm(self.down2(F.max_pool2d(a, 2))))
            y = self.join(T.cat([self.up(b), a], 1))
            wide = F.interpolate(b, size=x.shape[2:], mode="bilinear", align_corners=False)
            near = F.interpolate(b, scale_factor=2, mode="nearest")
            return T.sigmoid(self.last(wide + near)), F.pad(y, [1, 0, 0, x.size(2) - y.size(2)])

    class Heads(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, kdim=6, vdim=6, add_bias_kv=True, add_zero_attn=True)

        def forward(self, query, key, mask):
            return self.attention(query, key, key, attn_mask=mask)

    class Tables(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.bags, self.last = nn.EmbeddingBag(10, 4, mode="sum"), nn.Linear(4, 2)

        def forward(self, batch, scale=2.0, *, extra=None):
            y = self.last(self.bags(batch["words"], batch["starts"])) * scale
            return {"y": y, "pair": (y.sum(), [batch["x"] * 2]), "none": None, "extra": extra + 1}

    classes = (Perceptron, LeNet, ResNet, Vgg, Encoder, Translator, Gpt, Recurrent, Cells, UNet, Heads, Tables)
    return {cls.__name__: cls for cls in classes}
