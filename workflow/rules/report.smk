# All that a study shows and says, as one page. It tells how long each step took, from benchmarks/,
# which are no inputs: a step is not run again for want of a time.


rule report:
    input:
        stamp=stages.report[0],
        datasets=stages.report[2],
        shown=stages.report[3],
    output:
        temp(f"{new}/{os.path.relpath(stages.report[1], results)}"),
    log:
        f"{results}/logs/report.log",
    benchmark:
        f"{results}/benchmarks/report.tsv"
    conda:
        "../envs/lt2f.yaml"
    params:
        folder=lambda wildcards, input: os.path.dirname(input.shown[0]),
    message:
        "report"
    shell:
        "lt2f report {input.stamp} {output} {input.datasets} --folder {params.folder} 2>&1"
        " | tee {log} >&2"
