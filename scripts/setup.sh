#!/bin/sh
# Make .venv with the exact versions of requirements.lock. Called by `make setup`.
set -eu
cd "$(dirname "$0")/.."

complain() {
    echo "error: $*" >&2
    exit 1
}

python=
for candidate in python3.13 python3.14 python3.12 python3; do
    # Run it, not only find it: pyenv has shims for versions that it then refuses to start.
    if "$candidate" -c 'import sys; sys.exit(not (3, 12) <= sys.version_info[:2] < (3, 15))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || complain "no Python from 3.12 to 3.14 found (looked for python3.13, python3.14, python3.12, python3)." \
    "Install one, for instance with your distribution's packages or with pyenv, and put it on the PATH."

if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    complain "$python cannot make environments: its module ensurepip is missing. On Debian and Ubuntu: apt install python$version-venv"
fi

# An environment of another Python, or one cut short, is made anew.
if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    rm -rf .venv
    "$python" -m venv .venv
fi

uv_version=$(sed -n 's/^uv==\([^ ;]*\).*/\1/p' requirements.lock)
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps "uv==$uv_version"
fi

# uv reads no pip configuration: hand it the indexes, folders and certificates that pip was told to use. The
# strategy is pip's too (all indexes count alike); every version is pinned.
hand_over() {
    value=$(printenv "$2") || value=$(printenv "$3") || value=$(.venv/bin/python -m pip config get "global.$1" 2>/dev/null) || return 0
    [ -z "$value" ] || export "$2=$(echo $value)"
}
hand_over index-url UV_DEFAULT_INDEX PIP_INDEX_URL
hand_over extra-index-url UV_INDEX PIP_EXTRA_INDEX_URL
hand_over find-links UV_FIND_LINKS PIP_FIND_LINKS
hand_over cert SSL_CERT_FILE PIP_CERT
export UV_INDEX_STRATEGY="${UV_INDEX_STRATEGY:-unsafe-best-match}"

# The lock is complete, so nothing is resolved.
export VIRTUAL_ENV="$PWD/.venv"
.venv/bin/uv pip install --quiet --no-deps --requirement requirements.lock
.venv/bin/uv pip install --quiet --no-deps --editable .
echo "environment: .venv ($(.venv/bin/python --version))"
