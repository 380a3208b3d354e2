# What a study says in words and numbers.


rule thresholds:
    input:
        stages.thresholds[0],
    output:
        temp(f"{new}/{os.path.relpath(stages.thresholds[1], results)}"),
    log:
        f"{results}/logs/thresholds.log",
    benchmark:
        f"{results}/benchmarks/thresholds.tsv"
    conda:
        "../envs/lt2f.yaml"
    message:
        "thresholds"
    shell:
        "lt2f thresholds {input} {output} 2>&1 | tee {log} >&2"


rule claims:
    input:
        stamp=stages.claims[0],
        datasets=stages.claims[2],
        settling=stages.settling[1],
    output:
        temp(f"{new}/{os.path.relpath(stages.claims[1], results)}"),
    log:
        f"{results}/logs/claims.log",
    benchmark:
        f"{results}/benchmarks/claims.tsv"
    conda:
        "../envs/lt2f.yaml"
    message:
        "claims"
    shell:
        "lt2f claims {input.stamp} {output} {input.datasets} --settling {input.settling} 2>&1"
        " | tee {log} >&2"


rule summary:
    input:
        stamp=stages.summary[0],
        datasets=stages.summary[2],
        claims=stages.claims[1],
    output:
        temp(f"{new}/{os.path.relpath(stages.summary[1], results)}"),
    log:
        f"{results}/logs/summary.log",
    benchmark:
        f"{results}/benchmarks/summary.tsv"
    conda:
        "../envs/lt2f.yaml"
    message:
        "summary"
    shell:
        "lt2f summary {input.stamp} {output} {input.datasets} --claims {input.claims} 2>&1 | tee {log} >&2"


rule settling:
    input:
        stages.settling[0],
    output:
        temp(f"{new}/{os.path.relpath(stages.settling[1], results)}"),
    log:
        f"{results}/logs/settling.log",
    benchmark:
        f"{results}/benchmarks/settling.tsv"
    conda:
        "../envs/lt2f.yaml"
    message:
        "settling"
    shell:
        "lt2f settling {input} {output} 2>&1 | tee {log} >&2"
