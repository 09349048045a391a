#!/bin/bash
# Everything that needs a GPU, in one call on a machine that has torch and nothing else of ours: `make gpu`.
# BUNDLE: wheels and data (`make gpu-bundle`, made elsewhere). OUT: results. CONFIG: cells to train, UNTIL: seconds for it.
# Every step has its own limit and writes its result at once, so that a failed step costs the others nothing.
OUT=${OUT:-results/gpu}
BUNDLE=${BUNDLE:-results/gpu/bundle}
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT" data
if [ -d "$BUNDLE/wheels" ]; then
    "$PYTHON" -m pip install -q --no-index --no-deps --no-compile --upgrade --target "$OUT/../packages" "$BUNDLE"/wheels/*.whl || exit 1
    export PYTHONPATH="$OUT/../packages:$PWD/src"
else
    export PYTHONPATH="$PWD/src"
fi
[ -f data/mnist.safetensors ] || xz -dc "$BUNDLE/mnist.safetensors.xz" > data/mnist.safetensors || exit 1
export PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1

step() { # name, limit in seconds, command
    local name=$1 limit=$2 started=$SECONDS
    shift 2
    timeout "$limit" "$@" > "$OUT/$name.log" 2>&1
    echo "$name: exit $?, $((SECONDS - started)) s"
    grep -v "epoch [0-9]*/" "$OUT/$name.log" | tail -n "${LINES_SHOWN:-12}" | cut -c1-160
}

for name in ${STEPS:-tests matches benchmark train}; do
    case $name in
        tests) step tests 130 "$PYTHON" -m pytest -q -p no:cacheprovider tests/test_gpu.py ;;
        matches) step matches 60 "$PYTHON" benchmarks/gpu_matches.py --output "$OUT/matches.json" ;;
        benchmark) step benchmark 180 "$PYTHON" benchmarks/gpu.py --epochs "${EPOCHS:-3}" --output "$OUT/gpu.json" ;;
        train)
            step train $((${UNTIL:-300} + 30)) "$PYTHON" -m robustprune.cli train-many --device cuda --light \
                --config "${CONFIG:-config/config.yaml}" --until "${UNTIL:-300}" --output "$OUT/cells.tar" ;;
    esac
done
