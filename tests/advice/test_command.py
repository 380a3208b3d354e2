"""The command: the same answers and refusals, by the names of its options."""

import json

import pytest
from click.testing import CliRunner

import lt2f
from lt2f.cli import main
from lt2f.training.prompts import gaussian_prompt, write_prompt

POOL = "dimension=3,context=8,pool_size=6,label_noise=0.5"


def run(words):
    return CliRunner().invoke(main, ["advise", *words.split()])


def test_batches_are_asked_about_as_in_python():
    asked = f"--learning-rate 0.2 --pool {POOL} --batch-size 2 --no-replacement --realizations 8"
    answer = lt2f.advise(0.2, pool=POOL, batch_size=2, replacement=False, realizations=8)
    assert run(asked).output == f"{answer}\n"
    assert json.loads(run(f"{asked} --json").stdout) == answer.as_dict()


def test_the_full_model_is_asked_about_as_in_python(tmp_path):
    path = tmp_path / "prompt.json"
    write_prompt(gaussian_prompt(3, 1, 2, 4), path)
    asked = f"--learning-rate 0.2 --prompt {path} --reduction full --initial-scale 0.4"
    answer = lt2f.advise(0.2, prompt=path, reduction="full", initial_scale=0.4)
    assert run(asked).output == f"{answer}\n"


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (f"--pool {POOL}", "lt2f: --batch-size: missing"),
        (f"--pool {POOL} --batch-size 7 --no-replacement", "lt2f: --batch-size = 7: should be"),
        (f"--pool {POOL} --batch-size 2 --noise 0.1", "lt2f: --noise = 0.1: does not go with"),
        ("--pool nowhere.json --batch-size 2", "lt2f: --pool = nowhere.json: should be a file"),
        ("--sharpness 1 --reduction full", "lt2f: --reduction = full: needs a prompt"),
        ("--sharpness 1 --initial-scale 1", "lt2f: --initial-scale: needs a prompt"),
    ],
)
def test_a_refusal_names_the_option_in_one_line(words, line):
    result = run(f"--learning-rate 0.1 {words}")
    assert result.exit_code == 2
    assert result.output.startswith(line)
    assert len(result.output.splitlines()) == 1
