#!/bin/sh
# build.sh DIRECTORY: build the peers that this machine has the tools for into DIRECTORY, with a line for each.
#
# A missing tool, or libraries that cannot be fetched, skip a peer: DIRECTORY/NAME.skipped says why. A program of ours
# that does not compile or start fails the build. Running it again does only what is left to do.
set -u

source_directory=$(cd "$(dirname "$0")" && pwd) || exit 1
mkdir -p "$1" || exit 1
build=$(cd "$1" && pwd) || exit 1
log=$build/log
failed=0

skip() {
    echo "$1 peer skipped: $2" | tee "$build/$1.skipped" | sed 's/^/peers: /'
}

built() {
    rm -f "$build/$1.skipped"
    echo "peers: $1 built: $2"
}

broken() {
    echo "peers: $1 FAILED: $2" >&2
    sed 's/^/    /' "$log" >&2
    failed=1
}

# The last line that a tool wrote, but for npm's pointer to its own log.
last_words() {
    sed -e '/^[[:space:]]*$/d' -e '/A complete log of this run/d' "$log" | tail -n 1 | cut -c 1-200
}

build_go() {
    rm -f "$build/go-peer.new"
    if ! command -v go >/dev/null 2>&1; then
        rm -f "$build/go-peer"
        skip go "no go here"
    elif ! (cd "$source_directory/go" && GOTOOLCHAIN=local go mod download) >"$log" 2>&1; then
        rm -f "$build/go-peer"
        skip go "its modules cannot be had: $(last_words)"
    elif ! (cd "$source_directory/go" && GOTOOLCHAIN=local nice go build -buildvcs=false -mod=readonly -trimpath \
        -o "$build/go-peer.new" .) >"$log" 2>&1; then
        broken go "it does not compile"
    elif ! "$build/go-peer.new" </dev/null >"$log" 2>&1; then
        broken go "it does not start"
    else
        mv "$build/go-peer.new" "$build/go-peer"
        built go "go-ipa and go-verkle, $(go env GOVERSION)"
    fi
}

build_npm() {
    npm=$build/npm
    mkdir -p "$npm"
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        rm -rf "$npm"
        skip npm "no node and npm here"
        return
    fi
    if [ "$(node -p 'process.versions.node.split(".")[0] >= 18')" != true ]; then
        rm -rf "$npm"
        skip npm "node $(node --version) is older than 18"
        return
    fi
    if ! cmp -s "$source_directory/npm/package-lock.json" "$npm/installed.json"; then
        cp "$source_directory/npm/package.json" "$source_directory/npm/package-lock.json" "$npm/"
        if ! (cd "$npm" && nice npm ci --ignore-scripts --no-audit --no-fund) >"$log" 2>&1; then
            rm -rf "$npm"
            skip npm "its packages cannot be had: $(last_words)"
            return
        fi
        cp "$npm/package-lock.json" "$npm/installed.json"
    fi
    cp "$source_directory/npm/peer.mjs" "$npm/peer.mjs"
    for library in wasm micro; do
        if ! node "$npm/peer.mjs" "$library" </dev/null >"$log" 2>&1; then
            broken npm "the peer $library does not start"
            return
        fi
    done
    built npm "wasm and micro, node $(node --version)"
}

# EELS needs a Python of its own, for it asks for older versions of our own libraries.
build_eels() {
    eels=$build/eels
    python=
    for candidate in python3.11 python3.12 python3; do
        if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -c \
            'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        rm -rf "$eels"
        skip eels "no Python 3.11 or later with venv here"
        return
    fi
    if ! cmp -s "$source_directory/eels/requirements.txt" "$eels/installed.txt"; then
        if ! "$python" -m venv --clear "$eels" >"$log" 2>&1 || ! nice "$eels/bin/python" -m pip install --quiet \
            --disable-pip-version-check --no-input --only-binary :all: -r "$source_directory/eels/requirements.txt" \
            >"$log" 2>&1; then
            rm -rf "$eels"
            skip eels "its packages cannot be had: $(last_words)"
            return
        fi
        cp "$source_directory/eels/requirements.txt" "$eels/installed.txt"
    fi
    if ! "$eels/bin/python" "$source_directory/eels/peer.py" </dev/null >"$log" 2>&1; then
        broken eels "it does not start"
        return
    fi
    built eels "execution-specs, $("$eels/bin/python" --version)"
}

build_go
build_npm
build_eels
skip rust "ipa-multipoint and banderwagon are not on crates.io; rust-verkle runs as the peer wasm"
rm -f "$log"
exit $failed
