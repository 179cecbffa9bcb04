#!/bin/sh
# Debian trixie's Swift compiler in a folder of its own: install_swift.sh FOLDER
set -eu
command -v debootstrap > /dev/null ||
  { apt-get --quiet update && apt-get install --quiet --yes debootstrap; } || true
packages=swiftlang,libc6-dev,libstdc++-14-dev
rm -rf "$1" "$1.log"
if ! debootstrap --variant=minbase --include="$packages" trixie "$1" > "$1.log" 2>&1; then
  echo "No Swift compiler: debootstrap could not install Debian trixie's (see $1.log)."
  rm -rf "$1"
  exit 0
fi
rm -rf "$1"/var/cache/apt/archives/*.deb
