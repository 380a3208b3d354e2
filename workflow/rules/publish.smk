# Snakemake deletes the outputs of a job before it runs, and again when it fails. So jobs write to
# `new`, and what is complete replaces what was there. A failed run takes nothing away.

published = [
    *(f"{results}/{sweep}.nc" for sweep in stages.sweeps),
    *(file for _, _, files in stages.figures.values() for file in files),
    stages.thresholds[1],
    stages.claims[1],
    stages.summary[1],
    stages.settling[1],
    stages.report[1],
]
# What Snakemake's own report embeds: datasets are too large for it.
shown = [file for file in published if file.endswith((".png", ".csv", ".html"))]


rule publish:
    input:
        f"{new}/{{path}}",
    output:
        f"{results}/{{path}}",
    log:
        f"{results}/logs/publish/{{path}}.log",
    wildcard_constraints:
        path="|".join(re.escape(os.path.relpath(f, results)) for f in published if f not in shown),
    localrule: True
    conda:
        "../envs/lt2f.yaml"
    message:
        "writing {output}"
    shell:
        "ln -f {input} {output} 2> {log} || cp -p {input} {output} 2>> {log}"


use rule publish as show with:
    output:
        report(
            f"{results}/{{path}}",
            category=lambda wildcards: {".png": "Figures", ".csv": "Tables"}.get(
                os.path.splitext(wildcards.path)[1], "Report"
            ),
            labels={"file": "{path}"},
            caption="../report/shown.rst",
        ),
    wildcard_constraints:
        path="|".join(re.escape(os.path.relpath(file, results)) for file in shown),
