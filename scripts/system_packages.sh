#!/bin/sh
# The system packages: bubblewrap and libseccomp2 (the grader's sandbox); in CI also chromium and JupyterHub's
# proxy (the browser tests).
# Installs what is missing where that is possible; otherwise says what to type.
set -eu
missing=""
command -v bwrap >/dev/null 2>&1 || missing="$missing bubblewrap"
ldconfig -p 2>/dev/null | grep -q libseccomp.so.2 || missing="$missing libseccomp2"
if [ "${CI:-}" = true ]; then
  command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
  command -v configurable-http-proxy >/dev/null 2>&1 || missing="$missing node-configurable-http-proxy"
fi
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing system packages:$missing"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing >/dev/null
else
  echo "Missing system packages:$missing"
  echo "Grading untrusted submissions needs bubblewrap; install with: sudo apt-get install$missing"
fi
