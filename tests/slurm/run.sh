#!/usr/bin/env bash
# Installs slurm and munge from Debian and runs the check: as root and in a container only, for packages stay installed.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [[ $(id -u) != 0 ]]; then
    echo "make test-slurm installs packages and starts daemons: it needs root, in a container" >&2
    exit 2
fi
if [[ ! -e /.dockerenv && ! -e /run/.containerenv && -z ${container:-} && ${SLURM_ON_HOST:-} != yes ]]; then
    echo "make test-slurm installs packages: run it in a container, or set SLURM_ON_HOST=yes to use this machine" >&2
    exit 2
fi
for program in munged slurmctld slurmd; do
    if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
        apt-get update --quiet=2
        DEBIAN_FRONTEND=noninteractive apt-get install --quiet=2 --no-install-recommends slurm-wlm munge
        break
    fi
done
exec .venv/bin/python -m pytest -s -p no:cacheprovider tests/slurm/check_loss_of_a_node.py
