"""Makes Tests/Fixtures/weights: small files that tests of pretrained weights compare with.

    python3 -m venv VENV && VENV/bin/pip install torch transformers safetensors
    VENV/bin/python Tests/Scripts/make_weight_fixtures.py Tests/Fixtures/weights
    VENV/bin/python Tests/Scripts/make_weight_fixtures.py Tests/Fixtures/weights --minilm FOLDER --reports CSV

positions.safetensors   input/K [1, 1 + g^2, w] and output/K: positions of another grid by
                        F.interpolate(mode="bicubic", align_corners=False, antialias=False), CLS kept
bert/                   a random Hugging Face BertModel as `save_pretrained` writes it (names without a prefix, with a
                        pooler), a vocab.txt, and expected.safetensors: ids [n, T] padded with 0, lengths [n], and
                        mean [n, width], the mean over each sequence's last states
minilm_reports.safetensors (with --minilm, the model folder of all-MiniLM-L6-v2): for 50 reports (findings, a space,
                        impression) of CSV, rows [50] counted from 0, lengths [50] in tokens, and mean [50, 384]; at most
                        128 tokens. It holds no text.
"""

import argparse
import csv
import json
import os

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

CASES = [(4, 6, 5), (7, 4, 3), (14, 12, 4), (2, 14, 2), (5, 1, 3)]  # grid, other grid, width


def positions(path: str) -> None:
    g = torch.Generator().manual_seed(3)
    out = {}
    for index, (grid, other, width) in enumerate(CASES):
        x = torch.randn(1, 1 + grid * grid, width, generator=g)
        patches = x[:, 1:].reshape(1, grid, grid, width).permute(0, 3, 1, 2)
        y = F.interpolate(patches, size=(other, other), mode="bicubic", align_corners=False, antialias=False)
        y = y.permute(0, 2, 3, 1).reshape(1, other * other, width)
        out[f"input/{index}"], out[f"output/{index}"] = x, torch.cat([x[:, :1], y], 1).contiguous()
    save_file(out, path)


def means(model: BertModel, ids: list[list[int]]) -> torch.Tensor:
    """The mean of each sequence's last states; sequences go through one by one, without padding."""
    model.eval()
    with torch.no_grad():
        return torch.cat([model(input_ids=torch.tensor([i])).last_hidden_state.mean(1) for i in ids])


def bert(folder: str) -> None:
    torch.manual_seed(5)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"word{i}" for i in range(18)]
    config = BertConfig(
        vocab_size=len(words), hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        max_position_embeddings=16, hidden_dropout_prob=0.25, attention_probs_dropout_prob=0.15,
        initializer_range=0.4)
    model = BertModel(config)
    for name, p in model.named_parameters():  # norms and biases begin as ones and zeros, which would hide a mix-up
        if p.dim() == 1:
            p.data += 0.2 * torch.randn(p.shape)
    model.save_pretrained(folder)
    with open(os.path.join(folder, "vocab.txt"), "w") as file:
        file.write("\n".join(words) + "\n")
    lengths = [2, 5, 9, 16]
    ids = [[2] + torch.randint(5, len(words), (n - 2,)).tolist() + [3] for n in lengths]
    padded = torch.tensor([i + [0] * (16 - len(i)) for i in ids])
    save_file(
        {"ids": padded, "lengths": torch.tensor(lengths), "mean": means(model, ids)},
        os.path.join(folder, "expected.safetensors"))


def minilm(path: str, folder: str, reports: str) -> None:
    from transformers import BertTokenizer

    tokenizer = BertTokenizer(os.path.join(folder, "vocab.txt"), do_lower_case=True)
    model = BertModel.from_pretrained(folder)
    with open(reports, newline="") as file:
        rows = list(csv.DictReader(file))
    chosen = [i for i, row in enumerate(rows) if row["findings"] and row["impression"]][:2500:50]
    texts = [rows[i]["findings"] + " " + rows[i]["impression"] for i in chosen]
    ids = [tokenizer(t, truncation=True, max_length=128)["input_ids"] for t in texts]
    save_file(
        {"rows": torch.tensor(chosen), "lengths": torch.tensor([len(i) for i in ids]), "mean": means(model, ids)}, path)
    print(json.dumps({"reports": len(ids), "longest": max(map(len, ids))}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--minilm")
    parser.add_argument("--reports")
    a = parser.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    if a.minilm:
        minilm(os.path.join(a.folder, "minilm_reports.safetensors"), a.minilm, a.reports)
    else:
        positions(os.path.join(a.folder, "positions.safetensors"))
        bert(os.path.join(a.folder, "bert"))
