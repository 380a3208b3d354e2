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


localrules:
    all,
    publish,


rule publish:
    input:
        f"{new}/{{path}}",
    output:
        f"{results}/{{path}}",
    log:
        f"{results}/logs/publish/{{path}}.log",
    wildcard_constraints:
        path="|".join(re.escape(os.path.relpath(file, results)) for file in published),
    conda:
        "../envs/lt2f.yaml"
    message:
        "writing {output}"
    shell:
        "ln -f {input} {output} 2> {log} || cp -p {input} {output} 2>> {log}"
