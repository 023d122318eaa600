#!/bin/bash
# @COMMAND@
# Submit it with `sbatch` from the folder where the paths above lie, which all machines must see.
#SBATCH --job-name=@NAME@
#SBATCH --nodes=@NODES@
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=@GPUS@
#SBATCH --cpus-per-task=@CPUS@
#SBATCH --time=@TIME@
#SBATCH --output=@NAME@-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
# @GRACE@ seconds before the time is up, Slurm tells the processes, which save and leave with 75.
#SBATCH --signal=USR1@@GRACE@
@MORE@
export OMP_NUM_THREADS=@THREADS@
export TORCH_ELASTIC_SHUTDOWN_TIMEOUT=@PATIENCE@
@SETUP@
head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((20000 + SLURM_JOB_ID % 20000))

srun python -m saddle.launch --nnodes @NODES@ --nproc-per-node @GPUS@ --max-restarts 1 \
    --rdzv-backend c10d --rdzv-id "$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}" --rdzv-endpoint "$head:$port" \
    -m saddle @WORDS@
code=$?

if [ "$code" -eq 75 ]; then # saved, and not done: wait for another turn
    scontrol requeue "$SLURM_JOB_ID"
fi
exit "$code"
