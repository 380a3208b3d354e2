# One job per figure, in every format at once.

formats = sorted(
    {os.path.splitext(file)[1] for _, _, files in stages.figures.values() for file in files}
)


rule figure:
    input:
        stamp=lambda wildcards: stages.figures[wildcards.figure][0],
        datasets=lambda wildcards: stages.figures[wildcards.figure][1],
    output:
        [temp(f"{new}/figures/{{figure}}{suffix}") for suffix in formats],
    log:
        f"{results}/logs/figures/{{figure}}.log",
    benchmark:
        f"{results}/benchmarks/figures/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(map(re.escape, stages.figures)),
    conda:
        "../envs/lt2f.yaml"
    params:
        stem=f"{new}/figures/{{figure}}",
    message:
        "figure {wildcards.figure}"
    shell:
        "lt2f figure {input.stamp} {params.stem} {input.datasets} 2>&1 | tee {log} >&2"
