# What the shell scripts share. Sourced, never run; the caller has set -euo pipefail and `root`, the checkout.

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

# run_logged NAME WHAT COMMAND...: runs COMMAND with its output in build/NAME.log, says WHAT and how long it took,
# and shows the end of the log when it fails.
run_logged() {
  local name=$1 what=$2 log=$root/build/$1.log started=$SECONDS
  shift 2
  mkdir -p "$root/build"
  printf '%s ... ' "$what" >&2
  if "$@" >"$log" 2>&1 </dev/null; then
    printf '%d s\n' $((SECONDS - started)) >&2
    return 0
  fi
  printf 'failed after %d s; the end of build/%s.log:\n' $((SECONDS - started)) "$name" >&2
  tail -n 40 "$log" >&2
  return 1
}

# build_native TARGET: builds a target of CMakeLists.txt beside the addon, which scripts/build has made.
build_native() {
  run_logged native "building $1" cmake --build "$root/build" --parallel "$(nproc)" --target "$1"
}

# CMake refuses a build directory that was made for another checkout, as after a move or a copy.
forget_moved_cache() {
  local cache=$root/$1/CMakeCache.txt
  [ -f "$cache" ] || return 0
  grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$cache" || rm -rf "$cache" "$root/$1/CMakeFiles"
}
