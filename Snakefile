"""From settings to datasets, figures, thresholds and summary: what depends on what, and no science.

The settings are config/config.yaml, or the one file given with --configfile, which stands alone.
There is no `configfile:` directive, because Snakemake would merge the default study into that file.
As a module of another workflow, they are what its `config:` says.
"""

import os
import re
import sys
from pathlib import Path

import lt2f.stages
from lt2f.pipeline import consent, reach, settings

files = workflow.overwrite_configfiles or ["config/config.yaml"]
within_another = workflow.modifier.skip_configfile
if not within_another and (workflow.config_settings.config or len(files) > 1):
    sys.exit("lt2f: a study is one file: give one --configfile, and no --config")
try:
    study = settings.parse(config) if within_another else settings.load(*files)
    stages = lt2f.stages.stage(study)
except settings.SettingsError as error:
    sys.exit(f"lt2f: {error}")
except OSError as error:  # of what is kept beside the results
    sys.exit(f"lt2f: {error.filename}: {error.strerror}")

# Jobs find the lt2f of the environment that Snakemake runs in, be it activated or not.
here = os.path.dirname(sys.executable)
os.environ.update(PATH=os.pathsep.join([here, *os.get_exec_path()]))

results = f"results/{stages.study}"
new = f"{results}/.new"


report: "workflow/report/workflow.rst"


include: "workflow/rules/publish.smk"
include: "workflow/rules/sweep.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/summary.smk"
include: "workflow/rules/report.smk"


rule all:
    default_target: True
    input:
        published,
    localrule: True


# No dry run comes here. A module of another workflow does not either: there each sweep asks.
onstart:
    for folder in (results, new, f"{results}/logs"):
        if os.path.isdir(folder) and not os.access(folder, os.W_OK):
            sys.exit(f"lt2f: {folder}: may not be written")
    try:
        consent.require(
            reach.beyond(study.executor, study.chunks), consent.command(Path(files[0]))
        )
    except consent.ConsentError as error:
        sys.exit(f"lt2f: {error}")


onsuccess:
    if os.path.exists(stages.report[1]):
        print(f"All on one page: {os.path.abspath(stages.report[1])}", file=sys.stderr)
