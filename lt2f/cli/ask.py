"""What a learning rate does."""

from pathlib import Path
from typing import Any

import click

from lt2f.cli.group import command

_EXISTING = click.Path(path_type=Path, exists=True, dir_okay=False)


@command()
@click.option("--learning-rate", type=float, required=True, help="Step size of gradient descent.")
@click.option("--factor", type=float, help="c in the prediction c u w.")
@click.option("--target", type=float, help="What the prediction learns.")
@click.option("--sharpness", type=float, help="Instead: that of the flattest minimum.")
@click.option("--prompt", type=_EXISTING, help="Instead: a file with a prompt.")
@click.option(
    "--reduction", help="Model that reads the prompt: scalar (if unsaid), matrix or full."
)
@click.option("--start", type=(float, float), metavar="U W", help="Factors at the start.")
@click.option("--a", type=float, help="Instead, with --b: the start in units of the map.")
@click.option("--b", type=float, help="With --a.")
@click.option("--imbalance", type=float, help="Instead, with --product: a^2 - b^2 there.")
@click.option("--product", type=float, help="ab there; mu at a minimum.")
@click.option("--parameters", type=_EXISTING, help="Or a file with the weights at the start.")
@click.option("--initial-scale", type=float, help="Or the deviation of normal weights there.")
@click.option("--noise", type=float, help="Of mini-batches: a standard deviation.")
@click.option(
    "--model",
    help="What it is of: multiplicative, of each step's multiplier (default); target, of mu. "
    "Or prompts, drawn from a pool.",
)
@click.option("--law", help="two_point (default), uniform or normal.")
@click.option(
    "--pool",
    metavar="FILE|KEY=VALUE,...",
    help="A file of prompts, or (Gaussian) dimension=8,context=32,pool_size=64,label_noise=0.",
)
@click.option("--batch-size", type=int, help="Prompts of the pool at each step.")
@click.option("--replacement/--no-replacement", default=None, help="How they are drawn.")
@click.option("--realizations", type=int, help="Mini-batch orders to try; 256 to 8 if unsaid.")
@click.option("--seed", type=int, help="Of mini-batch orders, pools and weights; 0 if unsaid.")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def advise(as_json: bool, **asked: Any) -> None:
    """Tell what a learning rate will do, and which ones are safe.

    The loss is (c u w - y)^2 / 2, with the factor c and the target y. A prompt file is JSON, or
    .npz, with the entries context (N rows of d numbers), labels (N), query (d) and target; a pool
    file is a JSON list of such prompts; a file of weights has the entries value and key_query.

    Example: lt2f advise --learning-rate 0.5 --factor 1.5 --target 0.7 --start 0.5 0.2
    """
    from lt2f.advice.answer import AdviceError
    from lt2f.advice.answer import advise as answer
    from lt2f.pipeline.identity import canonical_json
    from lt2f.progress import waiting

    given = {name: value for name, value in asked.items() if value is not None}
    try:
        with waiting("lt2f: trying mini-batch orders"):
            found = answer(**given)
    except AdviceError as error:
        raise click.UsageError(error.said(f"--{error.key.replace('_', '-')}")) from None
    click.echo(canonical_json(found.as_dict()) if as_json else str(found))
