/** A script for `curl … | sh`: fetches a release, checks it, and puts it into a folder of the user. */
export function toInstallScript(repository: string): string {
  return `#!/bin/sh
# Installs anyclaude for this user: curl -fsSL https://github.com/${repository}/releases/latest/download/install.sh | sh
#   ANYCLAUDE_VERSION=0.1.0     another version than the latest
#   ANYCLAUDE_INSTALL=~/bin     another folder than ~/.local/bin
#   ANYCLAUDE_RELEASES=https://…  another place than GitHub's releases, such as a mirror
# To remove it again: anyclaude uninstall, then rm ~/.local/bin/anyclaude
set -eu

fail() {
  echo "anyclaude: $1" >&2
  exit 1
}

target() {
  system=$(uname -s)
  machine=$(uname -m)
  # A shell under Rosetta says x86_64 on Apple silicon.
  if [ "$system" = Darwin ] && [ "$(sysctl -n sysctl.proc_translated 2>/dev/null)" = 1 ]; then
    machine=arm64
  fi
  case "$system $machine" in
    "Darwin arm64") echo darwin-arm64 ;;
    "Linux x86_64") echo linux-x64 ;;
    "Linux aarch64" | "Linux arm64") echo linux-arm64 ;;
    *) fail "Cannot install: there is no build for $system on $machine; MLX needs Apple silicon, or Linux on x86-64 or arm64" ;;
  esac
}

fetch() {
  if command -v curl >/dev/null; then
    curl -fsSL --retry 3 -o "$2" "$1"
  elif command -v wget >/dev/null; then
    wget -q -O "$2" "$1"
  else
    fail "Cannot download: there is neither curl nor wget"
  fi || fail "Cannot download $1: look at the network, and whether this version exists"
}

checksum() {
  if command -v sha256sum >/dev/null; then
    sha256sum "$1"
  else
    shasum -a 256 "$1"
  fi | cut -d ' ' -f 1
}

# All in one function, called in the last line: a script that was cut off does nothing.
main() {
  archive=anyclaude-$(target).tar.gz
  releases=\${ANYCLAUDE_RELEASES:-https://github.com/${repository}/releases}
  if [ -n "\${ANYCLAUDE_VERSION:-}" ]; then
    from=$releases/download/v$ANYCLAUDE_VERSION
  else
    from=$releases/latest/download
  fi
  folder=\${ANYCLAUDE_INSTALL:-$HOME/.local/bin}

  temporary=$(mktemp -d)
  trap 'rm -rf "$temporary"' EXIT
  trap 'exit 130' INT TERM
  echo "Downloading $from/$archive"
  fetch "$from/SHA256SUMS" "$temporary/SHA256SUMS"
  fetch "$from/$archive" "$temporary/$archive"
  wanted=$(grep "  $archive\\$" "$temporary/SHA256SUMS" | cut -d ' ' -f 1)
  [ -n "$wanted" ] || fail "Cannot check the download: SHA256SUMS does not name $archive"
  if [ "$(checksum "$temporary/$archive")" != "$wanted" ]; then
    fail "Cannot use the download: its SHA-256 is not the one in SHA256SUMS; try again"
  fi

  tar -xzf "$temporary/$archive" -C "$temporary" || fail "Cannot unpack the download"
  mkdir -p "$folder" || fail "Cannot make the folder $folder: name another one in ANYCLAUDE_INSTALL"
  # Beside it first: one that runs keeps its own file.
  cp "$temporary/anyclaude" "$folder/.anyclaude.$$" &&
    chmod 755 "$folder/.anyclaude.$$" &&
    mv -f "$folder/.anyclaude.$$" "$folder/anyclaude" || {
    rm -f "$folder/.anyclaude.$$"
    fail "Cannot write to $folder: name another folder in ANYCLAUDE_INSTALL"
  }

  echo "Installed $("$folder/anyclaude" --version) as $folder/anyclaude"
  case ":$PATH:" in
    *":$folder:"*) ;;
    *) echo "Put it on your PATH: export PATH=\\"$folder:\\$PATH\\"" ;;
  esac
  echo "A first look, without a download: anyclaude --model tiny"
  echo "To remove it again: anyclaude uninstall, then rm '$folder/anyclaude'"
}

main
`;
}
