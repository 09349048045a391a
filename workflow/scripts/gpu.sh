#!/bin/bash
# Everything that needs a GPU, in one call on a machine that has torch and nothing else of ours: `make gpu`.
# BUNDLE: wheels and data (`make gpu-bundle`, made elsewhere). OUT: results. WORK: kept between calls, so that a second
# one goes on. CONFIGS: studies to train, UNTIL: seconds for all of them, PARTS: parts of config/config.yaml.
# Every step has its own limit and writes its result at once, so that a failed step costs the others nothing.
OUT=${OUT:-results/gpu}
BUNDLE=${BUNDLE:-results/gpu/bundle}
WORK=${WORK:-results/gpu/work}
PYTHON=${PYTHON:-python3}
DEVICE=${DEVICE:-cuda}
mkdir -p "$OUT" "$WORK" data
if [ -d "$BUNDLE/wheels" ]; then
    [ -d "$WORK/packages" ] || "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --upgrade \
        --target "$WORK/packages" "$BUNDLE"/wheels/*.whl || exit 1
    export PYTHONPATH="$WORK/packages:$PWD/src"
else
    export PYTHONPATH="$PWD/src"
fi
for packed in "$BUNDLE"/*.safetensors.xz; do
    [ -e "$packed" ] || continue
    name=data/$(basename "$packed" .xz)
    [ -f "$name" ] || xz -T0 -dc "$packed" > "$name" || exit 1
done
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1

# kernels of several processes run on one GPU at a time only through its multi-process service; a process of the user's
export CUDA_MPS_PIPE_DIRECTORY=/tmp/mps CUDA_MPS_LOG_DIRECTORY=/tmp/mps
mkdir -p /tmp/mps
if [ "$DEVICE" = cuda ] && command -v nvidia-cuda-mps-control > /dev/null; then
    [ -e /tmp/mps/control ] || timeout 20 nvidia-cuda-mps-control -d
    timeout 60 "$PYTHON" -c 'import torch; torch.ones(1).cuda()' && SIDE_BY_SIDE=14
fi
if [ -z "$SIDE_BY_SIDE" ]; then
    echo "no multi-process service: processes take turns on the GPU"
    [ -e /tmp/mps/control ] && echo quit | nvidia-cuda-mps-control
    unset CUDA_MPS_PIPE_DIRECTORY CUDA_MPS_LOG_DIRECTORY
fi

step() { # name, limit in seconds, command
    local name=$1 limit=$2 started=$SECONDS
    shift 2
    timeout "$limit" "$@" > "$OUT/$name.log" 2>&1
    echo "$name: exit $?, $((SECONDS - started)) s"
    grep -v "epoch [0-9]*[/,]" "$OUT/$name.log" | tail -n "${LINES_SHOWN:-12}" | cut -c1-160
}

train() { # as many studies as the time allows
    local until=$((SECONDS + ${UNTIL:-300})) config name left
    for config in ${CONFIGS:-config/config.yaml}; do
        name=$(basename "$config" .yaml)
        left=$((until - SECONDS))
        [ "$left" -gt 20 ] || break
        cp "$config" "$WORK/$name.yaml"
        [ -n "$PARTS" ] && [ "$name" = config ] && echo "parts: [$PARTS]" >> "$WORK/$name.yaml"
        step "train_$name" $((left + 30)) "$PYTHON" -m robustprune.cli train-many --device "$DEVICE" --light \
            --processes "${PROCESSES:-${SIDE_BY_SIDE:-4}}" --config "$WORK/$name.yaml" --folder "$WORK/$name" \
            --until "$left" --output "$WORK/archives/$name.tar" --only-new
    done
    [ -d "$WORK/archives" ] || return
    # what this call trained, in pieces of at most 15 MiB: cat cells-NUMBER.tar.xz.* | xz -dc | tar -x
    # a name of its own, because pieces of two calls make no archive; kept until all is written, because no call packs
    # a cell twice (--only-new)
    (
        set -o pipefail
        tar -C "$WORK/archives" -c . | xz -T0 -1 | split -b 15M - "$OUT/cells-$(date +%s).tar.xz."
    ) && rm -f "$WORK"/archives/*.tar
}

for name in ${STEPS:-tests matches benchmark train}; do
    case $name in
        tests) step tests 150 "$PYTHON" -m pytest -q -p no:cacheprovider -n "${TEST_PROCESSES:-0}" tests/test_gpu.py ;;
        matches) step matches 60 "$PYTHON" benchmarks/gpu_matches.py --output "$OUT/matches.json" ;;
        benchmark) step benchmark 180 "$PYTHON" benchmarks/gpu.py --epochs "${EPOCHS:-3}" --output "$OUT/gpu.json" ;;
        train) train ;;
    esac
done
