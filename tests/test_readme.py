"""What the README shows: its pictures, its links, its training loop; and how to cite."""

import re
import tomllib
from pathlib import Path

import torch
import yaml
from PIL import Image

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def test_its_links_and_pictures_are_there():
    found = re.findall(r"(!?)\[([^]]+)\]\(([^)#]+)[^)]*\)", README)
    assert len(found) >= 8
    for picture, text, target in found:
        if re.match(r"https?:", target):
            continue
        assert (ROOT / target).is_file(), target
        if picture:
            assert len(text) > 40  # says what is to be seen
            assert (ROOT / target).stat().st_size < 200_000  # it stays in the repository for ever
            with Image.open(ROOT / target) as shown:
                assert shown.format == "PNG" and shown.width >= 900


def test_the_training_loop_trains():
    (code,) = re.findall(r"```python\n(from lossmath\.losses .*?)```", README, re.DOTALL)
    assert len(re.findall(r"^ .+", code, re.MULTILINE)) == 5
    torch.manual_seed(0)
    inputs = torch.randn(256, 4)
    labels = (inputs @ torch.randn(4, 3)).argmax(1)
    model = torch.nn.Linear(4, 3)
    names = {
        "model": model,
        "loader": [(inputs, labels)] * 50,
        "optimizer": torch.optim.SGD(model.parameters(), lr=1.0),
    }
    before = (model(inputs).argmax(1) == labels).float().mean()
    exec(code, names)
    after = (model(inputs).argmax(1) == labels).float().mean()
    assert before < 0.6 and after > 0.9
    assert names["loss"].isfinite() and all(one.grad.isfinite().all() for one in model.parameters())


def test_the_citation_is_whole_and_of_this_version():
    said = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert said["cff-version"] == "1.2.0" and said["message"] and said["authors"] == [{"name": "the lossmath authors"}]
    assert said["version"] == project["version"] and said["license"] == project["license"]
    assert yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))["title"] == said["title"]
    assert said["references"][0]["authors"] == [{"family-names": "Kapoor", "given-names": "Sanyam"}]
