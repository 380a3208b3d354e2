# One job per sweep. lt2f shares the cores out, and goes on from the chunks of a run that was killed.


rule sweep:
    input:
        lambda wildcards: stages.sweeps[wildcards.sweep],
    output:
        temp(f"{new}/{{sweep}}.nc"),
    log:
        f"{results}/logs/{{sweep}}.log",
    benchmark:
        f"{results}/benchmarks/{{sweep}}.tsv"
    wildcard_constraints:
        sweep="|".join(map(re.escape, stages.sweeps)),
    # Sweeps take every core, figures one: after the last sweep they are drawn side by side.
    priority: 1
    conda:
        "../envs/lt2f.yaml"
    threads: workflow.resource_settings.cores or 1
    params:
        runtime=stages.runtime,
    message:
        "sweep {wildcards.sweep}, cores: {threads}"
    shell:
        "lt2f sweep {input} {output} --runtime {params.runtime} --cores {threads} --log {log}"
